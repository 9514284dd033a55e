"""What every explorer is made of: controls, a picture drawn anew at each change, and a sentence with its numbers.

An explorer's file holds three plain functions and one that joins them:

- `compute(**values)`: from the controls' values to figure data; knows no widget, and is tested without one,
- `draw(data)`: from figure data to a matplotlib figure, made without pyplot; a `Board` (`figures/boards.py`) is measured
  in pixels and drawn in a few hundredths of a second,
- `describe(data)`: the sentence under the picture, with the numbers; read out by screen readers when it changes,
- and the explorer itself, which makes the controls and returns `Explorer(...)`.

`explore` puts it into the notebook together with a picture of its state, drawn by the same functions: that is what
the page, the slides and GitHub show. Values are kept for as long as the kernel lives: a cell that is run again, or
copied to another place, goes on where it was.

Books and decks have no kernel. There an explorer moves among pictures that were drawn beforehand, for the values in
`telling`: `course run` asks for them, and they travel in the executed notebook's output (`course_utils.course.moving`).
"""

import base64
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from html import escape
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from anywidget import AnyWidget
from IPython.display import display
from ipywidgets import HTML, Dropdown, HBox, Layout, SelectionSlider, ToggleButtons, ValueWidget, VBox, Widget
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from traitlets import Bool, Bytes, Float, Int, TraitError, Unicode

from course_utils.figures.boards import Board
from course_utils.figures.style import show
from course_utils.widgets.live_views import LARGEST, MIME_MOVING, live_view

HERE = Path(__file__).parent
WORDS = "Lecture mode: in JupyterLab a button stands here. PageDown goes on, PageUp back, Esc ends it, F9 resumes."


class LectureMode(AnyWidget):
    """A button that turns the whole page into slides, and back; it works for every notebook opened in the page."""

    _esm = HERE / "lecture_mode.js"
    _css = HERE / "lecture_mode.css"


def lecture_mode() -> None:
    """Put the button for lecture mode into the notebook (lecture 00)."""
    bundle = {**live_view(LectureMode()), "text/html": f"<p>{WORDS}</p>", "text/plain": WORDS}
    display(bundle, raw=True)


GAP, HEADING, CAPTION = 14, 26, 26  # pixels


class Panel(NamedTuple):
    """Where a panel lies on its board, in pixels; `board.image(pixels, *panel)` fills it."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


def panels(heading: str, captions: list[str], below: int = 0, width: int = 880) -> tuple[Board, list[Panel]]:
    """A board with a finding above and a row of square panels under their captions.

    Args:
        heading: the finding, in bold.
        captions: one for each panel.
        below: pixels kept free under the panels.
        width: of the board.
    """
    side = (width - GAP * (len(captions) - 1)) / len(captions)
    board = Board(width, round(HEADING + CAPTION + side + below))
    board.heading(0, HEADING - 8, heading)
    row = [Panel(place * (side + GAP), HEADING + CAPTION, side, side) for place in range(len(captions))]
    for panel, caption in zip(row, captions, strict=True):
        board.write(panel.left, panel.top - 7, caption)
    return board, row


HERE = Path(__file__).parent


class Picture(AnyWidget):
    """A picture that is handed over as the bytes of a file, with what it says in words.

    Attributes:
        title: name of the explorer around it, for screen readers.
        file: the picture, as a JPEG file.
        alt: what the picture shows.
        words: the sentence under it, read out when it changes.
        problem: what went wrong, in the reader's words; empty where nothing did.
        pointed: whether the picture takes the mouse and the arrow keys.
        sharpness: pixels of the file for each pixel of the board; the page asks for more where it is shown larger.
        answered: counts the messages that were answered, so that the page sends the next only then.
    """

    _esm = HERE / "picture.js"
    _css = HERE / "explorer.css"

    title = Unicode().tag(sync=True)
    file = Bytes().tag(sync=True)
    alt = Unicode().tag(sync=True)
    words = Unicode().tag(sync=True)
    problem = Unicode().tag(sync=True)
    pointed = Bool(False).tag(sync=True)
    width = Int(1).tag(sync=True)
    height = Int(1).tag(sync=True)
    sharpness = Float(1).tag(sync=True)
    answered = Int(0).tag(sync=True)

    def update(self, file: bytes, alt: str, words: str, size: tuple[int, int]) -> None:
        """Show another picture, in one message."""
        with self.hold_sync():
            self.file, self.alt, self.words, self.problem = file, alt, words, ""
            self.width, self.height = size

    def complain(self, problem: str) -> None:
        """Say what went wrong, and leave the picture as it is."""
        self.problem = problem

    def done(self) -> None:
        """The last message is answered."""
        self.answered += 1


KEPT: dict[str, dict[str, Any]] = {}  # explorer -> its values, so that a cell that is run again goes on where it was


class Explorer(VBox):
    """Controls, a picture and a sentence, held together.

    Args:
        name: of the function that makes it; its values are kept under this name.
        title: what it is, for screen readers.
        try_this: a line that says what to try.
        controls: argument of `compute` -> an ipywidget with a `value` and a `description`.
        compute: from the controls' values to figure data. A ValueError is shown to the reader in its words.
        draw: from figure data to a figure; at most 880 pixels wide (at a hundred to the inch) and 400 high, so that
            the whole explorer fits into a page of 1280x720.
        describe: from figure data to a sentence with the numbers.
        alt: what the picture shows, in a sentence.
        point: for pictures that take the mouse and the arrow keys: (values, data, x, y) -> the values that change,
            for a click at pixel (x, y) of the figure, from its upper left corner.
        walk: for pictures that take the arrow keys: (values, across, down) -> the values that change, with steps of
            -1, 0 or 1.
        beside: further widgets in the row of controls that `compute` does not need: buttons, a player.
        canvas: name of a control that stands left of the picture, and not in the row above it.
        draw_all: for explorers with a canvas: a figure that shows what is on it, too, for where there is no kernel.
        telling: control -> the values worth a picture where there is no kernel; all their combinations are drawn, at
            most `MOST`. Controls that are left out stay as they are there. Empty for an explorer that stands still.

    Attributes:
        data: what `compute` returned last.
        seconds: how long the last change took, from the value to the bytes of the picture.
    """

    def __init__(
        self,
        name: str,
        title: str,
        try_this: str,
        controls: Mapping[str, ValueWidget],
        compute: Callable[..., Any],
        draw: Callable[[Any], Figure],
        describe: Callable[[Any], str],
        alt: str,
        point: Callable[[dict[str, Any], Any, float, float], dict[str, Any]] | None = None,
        walk: Callable[[dict[str, Any], int, int], dict[str, Any]] | None = None,
        beside: Sequence[Widget] = (),
        canvas: str | None = None,
        draw_all: Callable[[Any], Figure] | None = None,
        telling: Mapping[str, Sequence[Any]] | None = None,
    ):
        self.telling = dict(telling or {})
        self.name, self.controls, self.alt = name, dict(controls), alt
        self.compute, self.draw, self.describe = compute, draw, describe
        self.point, self.walk, self.draw_all = point, walk, draw_all or draw
        self.try_this, self.held = try_this, True
        for key, control in self.controls.items():
            if key in KEPT.get(name, {}):
                with suppress(TraitError):  # the choices may be others than when it was kept
                    control.value = KEPT[name][key]
            control.observe(self.redraw, names="value")
        self.picture = Picture(title=title, pointed=bool(point or walk))
        self.picture.on_msg(self.answer)
        hint = HTML(f'<p class="course-try"><strong>Try:</strong> {escape(try_this)}</p>')
        above = [*(control for key, control in self.controls.items() if key != canvas), *beside]
        for control in above:
            if hasattr(control.style, "description_width"):
                control.style.description_width = "initial"
            control.layout.width = control.layout.width or "330px"
        row = HBox(above, layout=Layout(flex_flow="row wrap"))
        row.add_class("course-controls")
        below = HBox([self.controls[canvas], self.picture]) if canvas else self.picture
        super().__init__([hint, row, below])
        self.add_class("course-explorer")
        self.held = False
        self.redraw()

    @property
    def values(self) -> dict[str, Any]:
        """The value of each control."""
        return {key: control.value for key, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Change several controls and draw once; numbers beyond a control's ends stop there."""
        with self.one_drawing():
            for key, value in values.items():
                control = self.controls[key]
                if hasattr(control, "min") and hasattr(control, "max"):
                    value = min(max(value, control.min), control.max)
                control.value = value

    @contextmanager
    def one_drawing(self):
        """Hold the drawing back until all changes are made."""
        before, self.held = self.values, True
        try:
            yield
        finally:
            self.held = False
        if self.values != before:
            self.redraw()

    def redraw(self, _=None) -> None:
        """Compute, draw, and hand the picture over with its sentence."""
        if self.held:
            return
        start = time.perf_counter()
        try:
            self.data = self.compute(**self.values)
        except ValueError as problem:
            self.picture.complain(str(problem))
            return
        KEPT[self.name] = self.values
        figure = self.draw(self.data)
        self.size = figure_size(figure)
        self.picture.update(encoded(figure, self.picture.sharpness), self.alt, self.describe(self.data), self.size)
        self.seconds = time.perf_counter() - start

    def answer(self, _, message: dict[str, Any], __) -> None:
        """The mouse or the keyboard was used on the picture, or it is shown in another size."""
        if message["kind"] == "point" and self.point:
            width, height = self.size
            values = self.point(self.values, self.data, message["x"] * width, message["y"] * height)
            self.set(**values)
        elif message["kind"] == "walk" and self.walk:
            self.set(**self.walk(self.values, message["across"], message["down"]))
        elif message["kind"] == "sharpness":
            self.redraw()
        self.picture.done()

    def show(self) -> None:
        """Put it into the notebook, with a picture of its state; and with those to move among, where a run asks for them."""
        forms = live_view(self)
        if self.telling and os.environ.get("COURSE_MOVING"):
            forms[MIME_MOVING] = self.moving()
        show(self.draw_all(self.data), alt=f"{self.alt} {self.describe(self.data)}", live=forms)

    def moving(self) -> dict[str, Any]:
        """Its pictures for the telling values, for a page without a kernel.

        Returns:
            "title", "try" and "alt"; "size" in pixels; "controls": name, kind ("range" or "choice"), the label of each
            position, and where it stands; "still": the controls that stay, in words; "frames": [positions, number of the
            picture, sentence] each; "pictures": WebP files in base64, the one that the notebook shows first.

        Raises:
            ValueError: for more combinations than `MOST`, or a telling value that its control does not have.
        """
        values, places = self.values, {key: positions(self.controls[key]) for key in self.telling}
        chosen = {key: list(dict.fromkeys([values[key], *telling])) for key, telling in self.telling.items()}
        at = {key: [nearest(places[key], value) for value in telling] for key, telling in chosen.items()}
        combinations = list(product(*at.values()))
        if len(combinations) > MOST:
            raise ValueError(f"{self.name} would move among {len(combinations)} pictures; {MOST} is the most")
        room = (
            0.8 * LARGEST * 3 / 4 / len(combinations)
        )  # bytes a picture, before base64; some are larger than the first
        way = next((way for way in WAYS if len(webp(self.draw(self.data), *way)) < room), WAYS[-1])
        pictures, frames = {}, []
        for indices in combinations:
            changes = {key: places[key][index][1] for key, index in zip(at, indices, strict=True)}
            with suppress(ValueError):  # where the controls' values do not go together, there is nothing to see
                data = self.compute(**values | changes)
                file = webp(self.draw(data), *way)
                frames.append([indices, pictures.setdefault(file, len(pictures)), self.describe(data)])
        controls = [
            {
                "name": self.controls[key].description,
                "kind": "choice" if isinstance(self.controls[key], CHOICES) else "range",
                "labels": [label for label, _ in places[key]],
                "at": at[key][0],
            }
            for key in at
        ]
        still = [f"{one.description} {label_of(one)}" for key, one in self.controls.items() if key not in at]
        return {
            "title": self.picture.title,
            "try": self.try_this,
            "alt": self.alt,
            "size": self.size,
            "controls": controls,
            "still": ", ".join(still),
            "frames": frames,
            "pictures": [base64.b64encode(file).decode() for file in pictures],
        }


def explore(explorer: Explorer) -> None:
    """Put an explorer into the notebook: alive where there is a kernel, and everywhere else as a picture of its state."""
    explorer.show()


MOST = 160  # pictures of one explorer for pages without a kernel
WAYS = ((1.25, None), (1.25, 50), (1, 50), (1, 25))  # pixels to one of the board; quality, None for without loss
CHOICES = (ToggleButtons, Dropdown)


def positions(control: ValueWidget) -> list[tuple[str, Any]]:
    """All positions of a control: what stands beside it there, and its value."""
    if isinstance(control, SelectionSlider | ToggleButtons | Dropdown):
        options = control.options.items() if isinstance(control.options, Mapping) else control.options
        return [one if isinstance(one, tuple) else (str(one), one) for one in options]
    steps = round((control.max - control.min) / control.step)
    values = [control.min + step * control.step for step in range(steps + 1)]
    return [(format(value, control.readout_format), value) for value in values]


def nearest(places: list[tuple[str, Any]], value: Any) -> int:
    """The position at which a control has a value; for numbers, which are rounded on the way, the one nearest to it."""
    values = [each for _, each in places]
    if value in values:
        return values.index(value)
    return min(range(len(values)), key=lambda index: abs(values[index] - value))


def label_of(control: ValueWidget) -> str:
    """What stands beside a control now."""
    places = positions(control)
    return places[nearest(places, control.value)][0]


def device_of(net: nn.Module) -> torch.device:
    """Where a net's weights are; the CPU for one that has none."""
    return next((weights.device for weights in net.parameters()), torch.device("cpu"))


def figure_size(figure: Figure) -> tuple[int, int]:
    """Width and height in pixels, at a hundred to the inch."""
    width, height = figure.get_size_inches()
    return round(100 * width), round(100 * height)


def encoded(figure: Figure, sharpness: float = 1) -> bytes:
    """A figure as the bytes of a picture file; JPEG, which is encoded five times as fast as PNG.

    Args:
        sharpness: pixels of the file for each of `figure_size`.
    """
    file = io.BytesIO()
    pixels(figure, sharpness).save(file, format="jpeg", quality=92, subsampling=0)  # 4:4:4, or coloured lines bleed
    return file.getvalue()


def webp(figure: Figure, sharpness: float, quality: int | None) -> bytes:
    """A figure as the bytes of a WebP file: 64 colours without loss keep drawings small and letters sharp."""
    file, drawn = io.BytesIO(), pixels(figure, sharpness)
    if quality is None:
        white = drawn.convert("L").point(lambda grey: 255 * (grey == 255))
        drawn = drawn.quantize(64, method=Image.Quantize.FASTOCTREE).convert("RGB")
        drawn.paste("white", mask=white)  # the mean of nearly white is grey beside a white page
    drawn.save(file, format="webp", lossless=quality is None, quality=quality or 50, method=1)
    return file.getvalue()


def pixels(figure: Figure, sharpness: float) -> Image.Image:
    """A figure drawn, with so many pixels for each of `figure_size`."""
    figure.set_dpi(100 * sharpness)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    return Image.frombuffer("RGBA", (width, height), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
