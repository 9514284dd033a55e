"""A photograph to paint on, with the mouse or the keyboard (lecture 01)."""

from pathlib import Path

from anywidget import AnyWidget
from traitlets import Bool, Bytes, Int, Unicode

HERE = Path(__file__).parent


class Canvas(AnyWidget):
    """A photograph under a mask that is painted in the browser.

    Attributes:
        value: the mask, one byte a pixel, row by row: 1 where it is painted.
        photograph: a JPEG file.
        width, height: of the photograph, in pixels.
        brush: diameter of the brush, in pixels of the photograph.
        erase: whether the brush takes paint away.
        label: what is to be painted, for screen readers.
    """

    _esm = HERE / "canvas.js"

    value = Bytes().tag(sync=True, from_json=lambda buffer, _: bytes(buffer))
    photograph = Bytes().tag(sync=True)
    width = Int(1).tag(sync=True)
    height = Int(1).tag(sync=True)
    brush = Int(20).tag(sync=True)
    erase = Bool(False).tag(sync=True)
    label = Unicode().tag(sync=True)

    def undo(self, _=None) -> None:
        """Take the last stroke back."""
        self.send({"kind": "undo"})

    def clear(self, _=None) -> None:
        """Take all paint away; can be undone."""
        self.send({"kind": "clear"})
