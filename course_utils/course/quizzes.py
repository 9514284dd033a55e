"""Quizzes for learning platforms: GIFT, which Moodle imports, and QTI, which Canvas does; explanations become feedback."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import Lecture
from course_utils.data.files import write_bytes, write_text
from course_utils.exercises.quizzes import Question, questions_of

FORMATS = {"gift": ".gift.txt", "qti": ".qti.zip"}
GIFT_SIGNS = re.compile(r"([~=#{}:\\])")
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # of ASCII


def write_quizzes(lectures: Sequence[Lecture], form: str, out: Path) -> list[Path]:
    """Write a file for the quiz of each lecture: `02_convolutionalization.gift.txt` or `.qti.zip`.

    Args:
        lectures: those whose quizzes to write.
        form: "gift" or "qti".
        out: a folder; files of these names in it are made anew.

    Raises:
        ValueError: for a form that there is not.
        OSError: where `out` cannot be written.
    """
    if form not in FORMATS:
        raise ValueError(f"--to {form}: quizzes are written as {' or '.join(FORMATS)}: gift for Moodle, qti for Canvas")
    files = []
    for lecture in lectures:
        title = f"{lecture.number} {lecture_tasks(lecture.number).title}"
        questions, file = questions_of(lecture.number), out / f"{lecture.name}{FORMATS[form]}"
        if form == "gift":
            write_text(file, gift(title, questions))
        else:
            write_bytes(file, qti(title, questions))
        files.append(file)
    return files


def gift(title: str, questions: Sequence[Question]) -> str:
    """A quiz in Moodle's GIFT, in a category of the question bank of its own; each answer with its explanation."""
    parts = [f"$CATEGORY: $course$/top/Image segmentation/{title.replace('/', '//')}"]
    for number, question in enumerate(questions, start=1):
        # Moodle would take text for HTML otherwise, and `<` for the begin of a tag
        lines = [f"::{escaped(title[:2])} question {number}::[plain]{escaped(question.text)} {{"]
        for choice in question.choices:
            lines.append(f"{'=' if choice.right else '~'}{escaped(choice.text)}#{escaped(choice.why)}")
        parts.append("\n".join([*lines, "}"]))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text so that GIFT reads it as it is: on one line, its own signs behind a backslash."""
    return GIFT_SIGNS.sub(r"\\\1", text).replace("\n", "\\n")


def qti(title: str, questions: Sequence[Question]) -> bytes:
    """A quiz as the zipped QTI that Canvas imports, each answer with its explanation, as text2qti makes it."""
    from text2qti.config import Config
    from text2qti.qti import QTI
    from text2qti.quiz import Quiz

    lines = [f"Quiz title: {title}", "shuffle answers: true"]
    for number, question in enumerate(questions, start=1):
        lines += ["", "Title: Question " + str(number), "Points: 1", f"{number}. {as_references(question.text)}"]
        for letter, choice in zip("abcdefgh", question.choices, strict=False):
            mark = "*" if choice.right else ""
            lines += [f"{mark}{letter}) {as_references(choice.text)}", f"... {as_references(choice.why)}"]
    file = io.BytesIO()
    QTI(Quiz("\n".join(lines), config=Config(), source_name=title)).write(file)
    return file.getvalue()


def as_references(text: str) -> str:
    """Text in which nothing is Markdown or TeX: signs as numbered references, which stay what they are."""
    return PUNCTUATION.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))
