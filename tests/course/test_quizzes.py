"""Quizzes as learning platforms read them: every question, choice and explanation arrives as it was."""

import html
import re
import zipfile
from io import BytesIO

import pytest
from lxml import etree
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.lectures import find_lectures
from course_utils.course.quizzes import gift, qti
from course_utils.exercises.quizzes import Choice, Question, questions_of

NUMBERS = [lecture.number for lecture in find_lectures([])]
AWKWARD = [
    Question(
        "What is ~ = # { } : \\ in {a: 1}, <b>x</b> & `y`?\nAnd $2^{10}$?",
        (
            Choice("=5%50 # no", "\\n is no end of a line; *a*, _b_, [c](d) neither"),
            Choice("1. a -> b", 'It\'s "right" -- {really}: ~1 = #2', right=True),
            Choice("... dots", "`code` \\ $x$ !"),
        ),
    ),
]


def read_gift(text):
    """A quiz as Moodle's importer takes it apart: escaped signs are put aside first, then it is split at the others."""
    for sign in "\\~=#{}:":
        text = text.replace("\\" + sign, f"&&{ord(sign):03};")
    text = text.replace("\\n", "\n")

    def plain(part):
        return re.sub(r"&&(\d{3});", lambda sign: chr(int(sign[1])), part.strip())

    category, *questions = text.split("\n\n::")
    assert category.startswith("$CATEGORY: $course$/top/")
    found = []
    for question in questions:
        head, body = question.split("{", 1)
        assert head.split("::", 1)[1].startswith("[plain]")
        choices = []
        for mark, choice in re.findall(r"([=~])([^=~]*)", body.rsplit("}", 1)[0]):
            words, why = map(plain, choice.split("#"))
            choices.append(Choice(words, why, mark == "="))
        found.append(Question(plain(head.split("::", 1)[1].removeprefix("[plain]")), tuple(choices)))
    return found


def read_qti(content):
    """A quiz as it stands in the zipped XML."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        (name,) = [
            name for name in archive.namelist() if re.fullmatch(r"text2qti_assessment_\w+/text2qti_\w+\.xml", name)
        ]
        root = etree.fromstring(archive.read(name))
    spaces = {"q": root.nsmap[None]}

    def words(node):
        (text,) = node.xpath(".//q:mattext/text()", namespaces=spaces)
        return html.unescape(re.sub(r"</?p>", "", text))

    found = []
    for item in root.xpath("//q:item", namespaces=spaces):
        (right,) = item.xpath(".//q:respcondition[.//q:setvar]//q:varequal/text()", namespaces=spaces)
        why = {node.get("ident"): words(node) for node in item.xpath(".//q:itemfeedback", namespaces=spaces)}
        labels = item.xpath(".//q:response_label", namespaces=spaces)
        choices = [
            Choice(words(label), why[f"{label.get('ident')}_fb"], label.get("ident") == right) for label in labels
        ]
        (asked,) = item.xpath("./q:presentation/q:material", namespaces=spaces)
        found.append(Question(words(asked), tuple(choices)))
    return found


def in_lines(questions):
    """Questions without ends of lines, which QTI has as spaces."""
    return [Question(" ".join(question.text.split()), question.choices) for question in questions]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_quiz_arrives_whole(number):
    questions = questions_of(number)
    assert read_gift(gift(f"{number} A title", questions)) == questions
    assert read_qti(qti(f"{number} A title", questions)) == in_lines(questions)


def test_signs_that_mean_something_to_a_platform_stay_signs():
    assert read_gift(gift("99 Signs", AWKWARD)) == AWKWARD
    assert read_qti(qti("99 Signs", AWKWARD)) == in_lines(AWKWARD)


@pytest.mark.parametrize("form", ["gift", "qti"])
def test_the_command_writes_a_file_for_each_lecture(form, tmp_path):
    done = CliRunner().invoke(app, ["quiz", "--to", form, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.iterdir())) == len(NUMBERS)
    refused = CliRunner().invoke(app, ["quiz", "2", "--to", "word", "--out", str(tmp_path)])
    assert refused.exit_code == 2 and "gift or qti" in refused.output
