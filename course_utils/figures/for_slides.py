"""A figure drawn a second time for slides: 16:9, type for the back row, without the title that the slide has (all lectures).

`show` keeps the result in the notebook's output under a MIME type of its own, which no front end draws.
"""

import base64
import gzip
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

MIME_SLIDE = "application/vnd.segmentation-course.slide+json"
WIDE = (1184, 468)  # pixels of a page of 1280x720: under the title, with room for two lines of text below
BESIDE = (700, 536)  # with text at its right
NARROW = 1.3  # figures less wide than this, by their height, stand beside the text
OUTLINES, DECIMALS = re.compile(rb' d="[^"]*"'), re.compile(rb"(\.\d\d)\d+")  # a hundredth of a point is enough
SMALLEST = 15.0  # points: 20 pixels on the page
CONTRAST = 4.5  # of words to their ground, at least
LARGER = 1.1  # how much larger type gets than in the notebook
PIXELS = 96  # an inch of a slide
SHARP = 1.5  # pixels of the picture to one of the page
PHOTOGRAPH = 128 * 128  # pixels; smaller pictures are grids of cells
VECTOR_LIMIT = 60_000  # bytes of a drawing, compressed; photographs need more, and stay pictures


def slide_pictures(figures: Sequence[Figure], alt: str) -> list[dict]:
    """Draw the figures of one slide, which are stepped through, and pack them for the notebook.

    The last one is laid out; axes stand in all of them where they stand in that one.

    Args:
        figures: of matplotlib, one or several with the same axes; they are changed.
        alt: what the last one shows.

    Returns:
        for each, what `slide_picture` makes of it
    """
    *before, last = figures
    packed = [slide_picture(last, alt)]
    places = [axes.get_position() for axes in last.axes]
    for figure in before:
        figure.set_layout_engine("none")
        for axes, place in zip(figure.axes, places, strict=True):
            axes.set_position(place)
    return [slide_picture(figure, alt) for figure in before] + packed


def slide_picture(figure: Figure, alt: str) -> dict:
    """Draw a figure at the size of a slide and pack it for the notebook. The figure is changed.

    Args:
        figure: any matplotlib figure.
        alt: what it shows.

    Returns:
        "title": the finding that stood over the figure; "alt"; "width" and "height" in pixels of the page; "webp": the
        picture, base64; "svg": the drawing, gzipped and base64, where it is small; "texts": what is written in it, as
        `written` lists it, for the lint.
    """
    width, height = BESIDE if figure.get_figwidth() / figure.get_figheight() < NARROW else WIDE
    title = take_title(figure)
    if hasattr(figure, "enlarge"):  # a board is laid out in pixels: it grows as a whole
        # after a savefig, matplotlib takes the layout engine of its settings where the figure had none
        figure.set_layout_engine("none")
        width, height = figure.enlarge(width, height, PIXELS)
    else:
        figure.set_size_inches(width / PIXELS, height / PIXELS)
        for text in figure.findobj(Text):
            text.set_fontsize(max(SMALLEST, LARGER * text.get_fontsize()))
    figure.set_dpi(SHARP * PIXELS)
    canvas = FigureCanvasAgg(figure)
    with noted_texts() as texts:
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    if make_readable(texts, pixels):
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    packed = {"title": title, "alt": alt, "width": width, "height": height, "texts": written(texts, pixels)}
    picture = Image.fromarray(pixels)
    svg = b"" if has_photographs(figure) else as_svg(figure)
    if 0 < len(svg) <= VECTOR_LIMIT:
        packed |= {"svg": svg, "webp": webp(picture.quantize(256).convert("RGB"), lossless=True)}
    else:
        packed["webp"] = webp(picture, quality=80)
    return {name: base64.b64encode(part).decode() if isinstance(part, bytes) else part for name, part in packed.items()}


def take_title(figure: Figure) -> str:
    """Take the title off a figure, which on a slide is text; "" where it has none."""
    title = figure.get_suptitle()
    if title:
        figure._suptitle.set_visible(False)
        figure._suptitle.set_in_layout(False)
    elif len(figure.axes) == 1:
        title = figure.axes[0].get_title(loc="left") or figure.axes[0].get_title()
        for place in ("left", "center"):
            figure.axes[0].set_title("", loc=place)
    return " ".join(title.split())


@contextmanager
def noted_texts() -> Iterator[list[Text]]:
    """The texts that are drawn while the block lasts: a figure also holds many that are not."""
    drawn, draw = [], Text.draw

    def noted(text, *arguments, **options):
        if text.get_text().strip() and text.get_visible():
            drawn.append(text)
        return draw(text, *arguments, **options)

    Text.draw = noted
    try:
        yield drawn
    finally:
        Text.draw = draw


def make_readable(texts: list[Text], pixels: np.ndarray) -> bool:
    """Darken words that a projector would wash out, or lighten them on dark ground; they keep their hue.

    A label in the colour of its curve is the usual case: what is seen as a line is too pale for letters.

    Args:
        texts: those that were drawn.
        pixels: the picture, (H, W, 3) uint8.

    Returns:
        whether any word changed
    """
    changed = False
    for text in dict.fromkeys(texts):
        colour, ground = to_rgb(text.get_color()), ground_of(text, pixels, edges_of(text, pixels))
        if contrast(colour, ground) >= CONTRAST:
            continue
        end = max((0.0, 1.0), key=lambda grey: contrast((grey,) * 3, ground))
        for share in np.linspace(0.1, 1, 10):
            mixed = tuple((1 - share) * part + share * end for part in colour)
            if contrast(mixed, ground) >= CONTRAST:
                break
        text.set_color(mixed)
        changed = True
    return changed


def written(texts: list[Text], pixels: np.ndarray) -> list[list]:
    """What a drawn figure says and how well it can be read.

    Args:
        texts: those that were drawn.
        pixels: the picture.

    Returns:
        [left, top, right, bottom, points, contrast, words] of each, in pixels of the page from the upper left corner

    Shape:
        pixels (H, W, 3), uint8
    """
    found = []
    for text in dict.fromkeys(texts):
        edges = edges_of(text, pixels)
        seen = contrast(to_rgb(text.get_color()), ground_of(text, pixels, edges))
        corners = [round(edge / SHARP, 1) for edge in edges]
        found.append([*corners, round(text.get_fontsize(), 1), round(seen, 1), text.get_text().strip()])
    return found


def edges_of(text: Text, pixels: np.ndarray) -> list[float]:
    """Left, top, right and bottom of a text, in pixels of the picture that it is drawn on."""
    box = text.get_window_extent()
    return [box.x0, len(pixels) - box.y1, box.x1, len(pixels) - box.y0]


def ground_of(text: Text, pixels: np.ndarray, edges: list[float]) -> tuple[float, float, float]:
    """The colour that a text is read against: its halo, its box, or else what most of the place behind it shows."""
    halos = [effect._gc.get("foreground") for effect in text.get_path_effects() or () if hasattr(effect, "_gc")]
    patch = text.get_bbox_patch()
    if any(halos):
        return to_rgb(next(filter(None, halos)))
    if patch is not None and patch.get_fill():
        return to_rgb(patch.get_facecolor())
    left, top, right, bottom = (max(0, round(edge)) for edge in edges)
    behind = pixels[top:bottom, left:right].reshape(-1, 3)
    return tuple(np.median(behind, axis=0) / 255) if len(behind) else (1.0, 1.0, 1.0)


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Contrast of two colours, from 1 to 21, as WCAG reckons it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: tuple[float, float, float]) -> float:
    """How light a colour is, from 0 to 1, as WCAG reckons it."""
    channels = np.asarray(colour, dtype=float)
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def has_photographs(figure: Figure) -> bool:
    """Whether a figure shows a picture of so many pixels that it is no drawing."""
    return any(np.prod(image.get_size()) > PHOTOGRAPH for image in figure.findobj(AxesImage))


def as_svg(figure: Figure) -> bytes:
    """A figure as SVG, gzipped: letters as outlines, so that it looks the same wherever it is opened."""
    file = io.BytesIO()
    with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "slides"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    shorter = OUTLINES.sub(lambda outline: DECIMALS.sub(rb"\1", outline[0]), file.getvalue())
    return gzip.compress(shorter, 9, mtime=0)


def webp(picture: Image.Image, **options) -> bytes:
    """A picture as the bytes of a WebP file."""
    file = io.BytesIO()
    picture.save(file, format="webp", method=2, **options)
    return file.getvalue()
