"""Explorers that move in a book and in decks, where there is no kernel: pictures drawn beforehand, and a script of ours.

`course run` asks each explorer that names telling values for its pictures (`Explorer.moving`), in the kernel, where the
explorer's nets and pictures are; they stay in the executed notebook, beside the still picture. The committed notebooks
hold none of them, so that the repository stays small: what is made of those shows still pictures.
"""

import copy
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_utils.figures.for_slides import MIME_SLIDE
from course_utils.widgets.live_views import MIME_MOVING, without_live_views

HERE = Path(__file__).parent


def with_moving(notebook: NotebookNode) -> NotebookNode:
    """A copy of an executed notebook whose explorers move without a kernel.

    Outputs with an explorer's pictures become `text/html` that holds everything; all others stay, without live views.
    """
    notebook = without_live_views(copy.deepcopy(notebook))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            moving = output.get("data", {}).get(MIME_MOVING)
            if moving:
                kept = {kind: form for kind, form in output.data.items() if kind in (MIME_SLIDE, "text/plain")}
                output["data"] = kept | {"text/html": moving_html(moving)}
    return notebook


@cache
def inlined(name: str) -> str:
    """A script or style sheet of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def moving_html(moving: dict[str, Any]) -> str:
    """An explorer as HTML that fetches nothing; its script may stand in a page as often as there are explorers.

    Args:
        moving: as `Explorer.moving` returns it.
    """
    width, height = moving["size"]
    first = moving["frames"][0]
    still = f"Fixed here: {moving['still']}. " if moving["still"] else ""
    said = json.dumps(moving, ensure_ascii=False).replace("<", "\\u003c")  # no word in it may end the script
    return (
        f'<div class="course-moving" role="group" aria-label="{escape(moving["title"])}">'
        f'<p class="moving-try"><strong>Try:</strong> {escape(moving["try"])}</p><div class="moving-controls"></div>'
        f'<img src="data:image/webp;base64,{moving["pictures"][0]}" alt="{escape(moving["alt"])} {escape(first[2])}" '
        f'width="{width}" height="{height}"><p class="moving-words" aria-live="polite">{escape(first[2])}</p>'
        f'<p class="moving-note">{escape(still)}<span class="moving-nearest" role="status"></span></p>'
        f'<script type="application/json">{said}</script></div>'
        f"<style>{inlined('moving.css')}</style><script>{inlined('moving.js')}</script>"
    )
