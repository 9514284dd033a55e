"""One look for the whole course: palette, type sizes, and how a figure enters a notebook."""

import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

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
