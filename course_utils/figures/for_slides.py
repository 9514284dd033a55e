"""A figure drawn a second time for slides: 16:9, type for the back row, without the title that the slide has (all lectures).

`show` keeps the result in the notebook's output under a MIME type of its own, which no front end draws.
"""

import base64
import gzip
import io

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

MIME_SLIDE = "application/vnd.segmentation-course.slide+json"
WIDE = (1184, 468)  # pixels of a page of 1280x720: under the title, with room for two lines of text below
BESIDE = (700, 536)  # with text at its right
NARROW = 1.45  # figures less wide than this, by their height, stand beside the text
SMALLEST = 15.0  # points: 20 pixels on the page
LARGER = 1.1  # how much larger type gets than in the notebook
PIXELS = 96  # an inch of a slide
SHARP = 2  # pixels of the picture to one of the page
VECTOR_LIMIT = 60_000  # bytes of a drawing, compressed; photographs need more, and stay pictures


def slide_picture(figure: Figure, alt: str) -> dict:
    """Draw a figure at the size of a slide and pack it for the notebook. The figure is changed.

    Args:
        figure: any matplotlib figure.
        alt: what it shows.

    Returns:
        "title": the finding that stood over the figure; "alt"; "width" and "height" in pixels of the page; "webp": the
        picture, base64; "svg": the drawing, gzipped and base64, where it is small; "texts": [left, top, right, bottom,
        points, words] of everything written in it, for the lint.
    """
    width, height = BESIDE if figure.get_figwidth() / figure.get_figheight() < NARROW else WIDE
    title = take_title(figure)
    figure.set_size_inches(width / PIXELS, height / PIXELS)
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST, LARGER * text.get_fontsize()))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=SHARP * PIXELS)
    packed = {"title": title, "alt": alt, "width": width, "height": height, "texts": written(figure)}
    picture = Image.open(drawn).convert("RGB")
    packed["webp"] = min((webp(picture, lossless=True), webp(picture, quality=85)), key=len)
    svg = as_svg(figure)
    if len(svg) <= VECTOR_LIMIT:
        packed["svg"] = svg
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


def written(figure: Figure) -> list[list]:
    """Where a drawn figure has text, in pixels of the page from its upper left corner, and how large it is."""
    scale = PIXELS / figure.dpi
    _, high = figure.get_size_inches() * PIXELS
    found = []
    for text in figure.findobj(Text):
        words = text.get_text().strip()
        if not words or not text.get_visible():
            continue
        box = text.get_window_extent()
        corners = [box.x0 * scale, high - box.y1 * scale, box.x1 * scale, high - box.y0 * scale]
        found.append([*(round(value, 1) for value in corners), round(text.get_fontsize(), 1), words])
    return found


def as_svg(figure: Figure) -> bytes:
    """A figure as SVG, gzipped: letters as outlines, so that it looks the same wherever it is opened."""
    file = io.BytesIO()
    with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "slides"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return gzip.compress(file.getvalue(), 9, mtime=0)


def webp(picture: Image.Image, **options) -> bytes:
    """A picture as the bytes of a WebP file."""
    file = io.BytesIO()
    picture.save(file, format="webp", method=4, **options)
    return file.getvalue()
