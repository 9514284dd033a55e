"""Quizzes: five questions a lecture, each choice with its explanation behind it (all lectures).

They are plain HTML: `<details>` opens by click, Enter or space, with no kernel and no network, in JupyterLab and in
an exported page alike.
"""

from dataclasses import dataclass
from html import escape

from course_utils.exercises.engine import lecture_module

STYLE = """<style>
.course-quiz {max-width: 46em; line-height: 1.5}
.course-quiz ol {padding-left: 1.4em} .course-quiz li {margin: 0 0 1.2em}
.course-quiz details {margin: .3em 0; padding: .3em .7em; border: 1px solid #8884; border-radius: 6px}
.course-quiz summary {cursor: pointer} .course-quiz summary:focus {outline: 3px solid #0072B2}
.course-quiz details p {margin: .4em 0 .2em 1em}
.course-quiz .right {border-left: 5px solid #009E73} .course-quiz .wrong {border-left: 5px solid #D55E00}
</style>"""


@dataclass(frozen=True)
class Choice:
    """One answer to a question, and why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its choices."""

    text: str
    choices: tuple[Choice, ...]


def quiz_html(questions: list[Question]) -> str:
    """The quiz as HTML: a numbered list, each choice a box that opens on its explanation."""

    def box(choice: Choice) -> str:
        kind, verdict = ("right", "Right.") if choice.right else ("wrong", "Not this one.")
        inside = f"<div class='{kind}'><p><b>{verdict}</b> {escape(choice.why)}</p></div>"
        return f"<details><summary>{escape(choice.text)}</summary>{inside}</details>"

    items = [f"<li><p>{escape(question.text)}</p>{''.join(map(box, question.choices))}</li>" for question in questions]
    return f"{STYLE}<div class='course-quiz'><ol>{''.join(items)}</ol></div>"


def quiz(lecture: str) -> None:
    """Show a lecture's quiz: open a choice to see whether it holds, and why."""
    from IPython.display import HTML, display

    display(HTML(quiz_html(lecture_module(lecture).QUIZ)))
