"""The picture in an explorer: shown with alt text and a sentence, pointed at with the mouse or the arrow keys."""

from pathlib import Path

from anywidget import AnyWidget
from traitlets import Bool, Bytes, Float, Int, Unicode

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
