"""Quizzes: five questions a lecture, each choice with its explanation behind it (all lectures).

They are plain HTML: `<details>` opens by click, Enter or space, with no kernel and no network, in JupyterLab and in
an exported page alike. What is behind a choice is written as character references (`&#82;` is an R): a browser reads
them as text, and someone who scrolls through the notebook's source does not.
"""

from dataclasses import dataclass
from html import escape

from course_utils.exercises.engine import texts_of

COLOURS = {True: "#009E73", False: "#D55E00"}
STYLE = """<style>
.course-quiz {max-width: 46em; line-height: 1.5}
.course-quiz ol {padding-left: 1.4em} .course-quiz li {margin: 0 0 1.2em}
.course-quiz details {margin: .3em 0; padding: .3em .7em; border: 1px solid #8884; border-radius: 6px}
.course-quiz summary {cursor: pointer} .course-quiz summary:focus {outline: 3px solid #0072B2}
.course-quiz details p {margin: .4em 0 .2em 1em}
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


def questions_of(lecture: str) -> list[Question]:
    """The questions of a lecture's quiz, from `lectureNN.toml`.

    Raises:
        ValueError: where the lecture has none.
    """
    return [
        Question(asked["question"], tuple(Choice(**choice) for choice in asked["choices"]))
        for asked in texts_of(lecture)["quiz"]
    ]


def quiz_html(questions: list[Question]) -> str:
    """The quiz as HTML: a numbered list, each choice a box that opens on its explanation."""

    def box(choice: Choice) -> str:
        verdict = "Right." if choice.right else "Not this one."
        border = references(f"border-left:5px solid {COLOURS[choice.right]}")
        inside = f"<div style='{border}'><p><b>{references(verdict)}</b> {references(choice.why)}</p></div>"
        return f"<details><summary>{escape(choice.text)}</summary>{inside}</details>"

    items = [f"<li><p>{escape(question.text)}</p>{''.join(map(box, question.choices))}</li>" for question in questions]
    return f"{STYLE}<div class='course-quiz'><ol>{''.join(items)}</ol></div>"


def references(text: str) -> str:
    """A text in which every character is a numbered reference, so that nobody reads it in passing."""
    return "".join(f"&#{ord(character)};" for character in text)


def quiz(lecture: str) -> None:
    """Show a lecture's quiz: open a choice to see whether it holds, and why."""
    from IPython.display import HTML, display

    display(HTML(quiz_html(questions_of(lecture))))
