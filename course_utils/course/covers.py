"""The picture with which a lecture's notebook begins, there before anything is run: the figure of its deck's title slide.

A script says where it stands and what it shows, `![...](attachment:cover.jpg)`. The picture itself lies in the notebook,
so that it goes wherever the notebook goes: into a student's copy, a mail, a page on GitHub.
"""

import base64
import hashlib
import io
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image, ImageChops

from course_utils.course.decks.building import LIST, Sources, listed, make_deck
from course_utils.course.decks.slides import COVER, Frame
from course_utils.course.lectures import NOTEBOOKS
from course_utils.course.notebooks import read_notebook
from course_utils.data.files import write_text

SIZE = (900, 400)  # pixels at most: with the title above and the question below, it fits on a laptop's screen
MARGIN = 8  # pixels of white that stay around what is drawn


def outdated_covers(notebooks: Path = NOTEBOOKS, decks: Path = LIST) -> dict[Path, NotebookNode]:
    """The notebooks whose picture is missing or was made of another figure than the one that is there now.

    Args:
        notebooks: the folder of executed notebooks.
        decks: the list that names each lecture's figure.

    Returns:
        file -> the notebook with its picture as it should be
    """
    sources, found = Sources(notebooks), {}
    for entry in listed(decks):
        file = sources.file(entry.lecture) if entry.lecture else None
        if not (file and file.exists() and entry.cover):
            continue
        notebook = read_notebook(file)
        asking = next((cell for cell in notebook.cells if f"(attachment:{COVER})" in cell.source), None)
        frame = make_deck(entry, sources).slides[0].cover
        if asking is None or frame is None:
            continue
        made_of = hashlib.sha256(frame.webp).hexdigest()
        if made_of != origin(asking.get("attachments", {}).get(COVER, {}).get("image/jpeg", "")):
            packed = base64.b64encode(jpeg(frame, made_of)).decode()
            asking["attachments"] = {COVER: {"image/jpeg": packed}}
            found[file] = notebook
    return found


def update_covers(notebooks: Path = NOTEBOOKS) -> list[str]:
    """Bring the notebooks' pictures up to date; returns the names of those that changed."""
    outdated = outdated_covers(notebooks)
    for file, notebook in outdated.items():
        write_text(file, nbformat.writes(notebook) + "\n")
    return [file.stem for file in outdated]


def jpeg(frame: Frame, made_of: str) -> bytes:
    """A figure's slide without its white margins, small; the file's comment says which figure it was made of."""
    picture = Image.open(io.BytesIO(frame.webp)).convert("RGB")
    drawn = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).convert("L").point(lambda v: v > 24)
    left, top, right, bottom = drawn.getbbox() or (0, 0, *picture.size)
    picture = picture.crop(
        (
            max(0, left - MARGIN),
            max(0, top - MARGIN),
            min(picture.width, right + MARGIN),
            min(picture.height, bottom + MARGIN),
        )
    )
    picture.thumbnail(SIZE, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=82, optimize=True, comment=made_of)
    return file.getvalue()


def origin(packed: str) -> str:
    """Which figure a picture was made of; "" where there is none, or it does not say."""
    if not packed:
        return ""
    return Image.open(io.BytesIO(base64.b64decode(packed))).info.get("comment", b"").decode("ascii", "replace")
