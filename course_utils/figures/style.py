"""One look for the whole course: palette, type sizes, and how a figure enters a notebook."""

import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from skimage.color import rgb2lab
from skimage.segmentation import expand_labels

from course_utils.data.masks import voc_palette
from course_utils.figures.for_slides import MIME_SLIDE, slide_pictures

# Okabe and Ito's eight colours, which stay apart for the common kinds of colour blindness.
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "red": "#D55E00",
    "pink": "#CC79A7",
}
GREY = "#6B6B6B"


def use_course_style() -> None:
    """Set matplotlib's defaults to the course's look."""
    cycle = [COLOURS[name] for name in ("blue", "orange", "green", "red", "pink", "sky", "black")]
    plt.rcParams.update(
        {
            "figure.figsize": (10, 5),
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 14,
            "axes.titlesize": 16,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "figure.titlesize": 18,
            "figure.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=cycle),
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "lines.linewidth": 2.5,
        }
    )


def show(figure: Figure, alt: str, slides: Sequence[Figure] = (), live: dict | None = None) -> None:
    """Put a figure into the notebook with alt text, and close it.

    Drawings go in as PNG with 256 colours, figures full of photographs as JPEG: whichever is smaller, since a
    repository keeps every version of every notebook. The figure is drawn a second time at the size of a slide, and
    kept beside the first, where front ends do not look and `course slides` does.

    Args:
        figure: any matplotlib figure.
        alt: what the figure shows, for those who cannot see it: one or two sentences.
        slides: what a slide shows in its place: one figure, or several to step through.
        live: an explorer's form of the same output, by MIME type; a page with a kernel shows it instead.

    Raises:
        ValueError: without alt text.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("show(figure, alt=...): say in a sentence what the figure shows, for those who cannot see it")
    drawn, engine = io.BytesIO(), figure.get_layout_engine()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    if engine is None:  # a tight box leaves the default engine behind, which warns of axes that lie on no grid
        figure.set_layout_engine("none")
    frames = slide_pictures(slides or [figure], alt)
    for each in (figure, *slides):
        plt.close(each)
    picture = Image.open(drawn).convert("RGB")
    files = {
        "image/png": encoded(picture.quantize(256), "png", optimize=True),
        "image/jpeg": encoded(picture, "jpeg", quality=88, subsampling=0),  # 4:4:4, or coloured lines bleed
    }
    mime = min(files, key=lambda kind: len(files[kind]))
    bundle = {mime: files[mime], "text/plain": f"[figure: {alt}]", MIME_SLIDE: {"frames": frames}, **(live or {})}
    display(bundle, raw=True, metadata={mime: {"alt": alt}})


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()


# class 0 is background: a dark grey that steps behind the others
BACKGROUND = "#3A3A3A"
CLASS_ORDER = ("orange", "sky", "green", "yellow", "blue", "red", "pink")
INSTANCE_COLOURS = np.array(
    [
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
        (140, 81, 10),
        (148, 103, 220),
        (150, 230, 160),
        (190, 30, 60),
        (200, 230, 250),
    ],
    dtype=np.uint8,
)


def class_palette(classes: int) -> np.ndarray:
    """The course's colours for classes: dark grey for class 0, then Okabe and Ito's; VOC's beyond eight.

    Shape:
        (classes, 3), uint8
    """
    if classes > 1 + len(CLASS_ORDER):
        return np.array(voc_palette(classes), dtype=np.uint8)
    names = [BACKGROUND, *(COLOURS[name] for name in CLASS_ORDER)][:classes]
    return np.array([[round(255 * part) for part in to_rgb(name)] for name in names], dtype=np.uint8)


def instance_palette(labels: np.ndarray, reach: int = 8) -> np.ndarray:
    """A colour for each instance, the same in every run, well apart from those of its neighbours.

    Args:
        labels: label image, 0 for background.
        reach: pixels from which on two instances no longer count as neighbours (half of it from each side).

    Shape:
        labels (H, W) -> (largest label + 1, 3), uint8; row 0 is black
    """
    labels = np.asarray(labels)
    neighbours = _neighbours(labels, reach)
    lab = rgb2lab(INSTANCE_COLOURS[None] / 255)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    chosen: dict[int, int] = {}
    for label in np.unique(labels[labels > 0]).tolist():
        taken = [chosen[other] for other in neighbours.get(label, ()) if other in chosen]
        # the label's own order of preference, so that its colour changes only where a neighbour has it
        order = np.random.default_rng(label).permutation(len(INSTANCE_COLOURS))
        distances = [apart[choice, taken].min(initial=np.inf) for choice in order]
        good = [choice for choice, distance in zip(order, distances, strict=True) if distance > 40]
        chosen[label] = int(good[0] if good else order[int(np.argmax(distances))])
    palette = np.zeros((int(labels.max(initial=0)) + 1, 3), dtype=np.uint8)
    for label, choice in chosen.items():
        palette[label] = INSTANCE_COLOURS[choice]
    return palette


def _neighbours(labels: np.ndarray, reach: int) -> dict[int, set[int]]:
    """For each label, the labels that meet it once every instance has grown by half the reach."""
    grown = expand_labels(labels, distance=reach / 2)
    found: dict[int, set[int]] = {}
    for one, other in ((grown[1:], grown[:-1]), (grown[:, 1:], grown[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        for a, b in np.unique(np.stack([one[meet], other[meet]], axis=1), axis=0).tolist():
            found.setdefault(a, set()).add(b)
            found.setdefault(b, set()).add(a)
    return found
