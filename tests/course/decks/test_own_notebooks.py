"""A lecturer's own notebook as a deck: what cannot be done is said, with the slide and what to do."""

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.decks.html import write_html
from course_utils.course.decks.lint import deck_problems, html_problems
from course_utils.course.decks.powerpoint import write_powerpoint
from course_utils.course.decks.slides import Deck, read_slides
from tests.course.decks.conftest import NOTES, code, markdown

PICTURE = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
TABLE = nbformat.v4.new_output("execute_result", data={"text/html": "<div><table></table></div>", "text/plain": "a"})
TITLE = [markdown("# Start\n\nWords."), markdown(NOTES, "notes")]


def deck_of(*cells, run=None):
    slides = read_slides(nbformat.v4.new_notebook(cells=[*TITLE, *cells]), "99")
    return Deck("99_own", slides[0].title, tuple(slides), {"99": run or {}})


def slides_command(tmp_path, cells, *options):
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "00_start_here.ipynb")
    command = [
        "slides",
        "00",
        "--format",
        "html",
        "--notebooks",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
        *options,
    ]
    return CliRunner().invoke(app, command)


def test_a_notebook_without_slide_types_is_told_how_to_set_them(tmp_path):
    done = slides_command(tmp_path, [nbformat.v4.new_markdown_cell("# Start")])
    assert done.exit_code == 2
    assert "no cell has the slide type 'slide'" in done.output and "Property Inspector" in done.output


def test_a_notebook_that_says_nothing_of_its_run_becomes_a_deck(tmp_path):
    deck = deck_of(markdown("## One\n\nWords."), markdown(NOTES, "notes"))
    write_powerpoint(deck, tmp_path / "own.pptx")
    write_html(deck, tmp_path / "own.html")
    assert (tmp_path / "own.pptx").exists() and (tmp_path / "own.html").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## One\n\nA.\n\n## Two\n\nB.", r"slide 2 \(One\) goes on with a second heading, '## Two'"),
        ("## One\n\n| a |\n|--|\n| 1 |\n\nand\n\n| b |\n|--|\n| 2 |", r"slide 2 \(One\) holds more than one table"),
    ],
)
def test_a_slide_that_pandoc_divides_is_named_with_the_reason(tmp_path, text, said):
    with pytest.raises(RuntimeError, match=said):
        write_powerpoint(deck_of(markdown(text)), tmp_path / "own.pptx")


LEFT_OUT = [
    (code("plt.plot()", outputs=[PICTURE]), "a picture that did not come through show()"),
    (code("table", outputs=[TABLE]), "a table in HTML, which stays behind"),
    (markdown("![A cat](cat.png)", "-"), "the picture 'cat.png', which stays behind"),
    (markdown("![A cat](attachment:cat.png)", "-"), "the picture 'attachment:cat.png', which stays behind"),
    (markdown("![A cat](https://example.org/cat.png)", "-"), "the picture 'https://example.org/cat.png', which"),
]


@pytest.mark.parametrize(("cell", "said"), LEFT_OUT)
def test_what_a_deck_cannot_take_over_is_said_with_its_slide_checked_or_not(tmp_path, cell, said):
    cells = [markdown("## One\n\nWords."), cell, markdown(NOTES, "notes")]
    (problem,) = [problem for problem in deck_problems(deck_of(*cells), lecture=False) if said in problem]
    assert problem.startswith("99_own, slide 2 (One): ")
    done = slides_command(tmp_path, [*TITLE, *cells])
    assert done.exit_code == 0 and "slide 2 (One)" in done.output and said in done.output


def test_a_word_that_runs_out_of_its_place_is_found(tmp_path, screen):
    write_html(deck_of(markdown("## One\n\n" + "Donaudampfschifffahrt" * 8)), tmp_path / "own.html")
    found = html_problems(tmp_path / "own.html", screen)
    assert [each for each in found if "slide 2 (One)" in each and "runs out of its place" in each]
