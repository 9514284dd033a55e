"""Every deck of the course, made of the notebooks as they are: nothing is wrong with any slide."""

import nbconvert
import pytest

from course_utils.course.decks.building import (
    Sources,
    decks_after_run,
    find_decks,
    lecture_numbers,
    listed,
    make_deck,
    needed,
)
from course_utils.course.decks.html import write_html
from course_utils.course.decks.lint import deck_problems, html_problems, powerpoint_problems
from course_utils.course.decks.powerpoint import write_powerpoint
from course_utils.course.lectures import NOTEBOOKS, find_lectures
from course_utils.course.notebooks import essence, read_notebook, read_script

DECKS = {entry.name: entry for entry in listed()}
LIMIT = 8e6  # bytes of a deck's page


@pytest.fixture(scope="module")
def sources():
    return Sources(NOTEBOOKS)


def in_step(number: str) -> bool:
    """Whether a lecture's notebook is that of its script; where it is not, another test says so."""
    (lecture,) = find_lectures([number])
    notebook, script = read_notebook(lecture.notebook), read_script(lecture.script)
    return [essence(cell) for cell in notebook.cells] == [essence(cell) for cell in script.cells]


@pytest.fixture(params=DECKS)
def entry(request):
    entry = DECKS[request.param]
    stale = [number for number in entry.sources if number.isdigit() and not in_step(number)]
    if stale:
        pytest.skip(f"made of notebooks that are out of step with their scripts: {', '.join(stale)}")
    return entry


def test_nothing_is_wrong_with_any_slide(entry, sources, screen, tmp_path):
    deck = make_deck(entry, sources)
    assert deck.slides[0].cover, "decks.toml names a slide whose figure stands on the title slide"
    html, powerpoint = tmp_path / f"{entry.name}.html", tmp_path / f"{entry.name}.pptx"
    write_html(deck, html)
    write_powerpoint(deck, powerpoint)
    found = deck_problems(deck, lecture=bool(entry.lecture))
    found += html_problems(html, screen) + powerpoint_problems(powerpoint, deck)
    assert not found, "\n".join(found)
    assert html.stat().st_size < LIMIT


@pytest.mark.notebooks  # makes slides of all of them
@pytest.mark.parametrize(
    ("name", "least", "most"), [("overview", 35, 60), ("overview_20", 18, 22), ("overview_90", 80, 95)]
)
def test_the_overviews_take_the_time_that_they_promise(name, least, most, sources):
    entry = DECKS[name]
    if any(number.isdigit() and not in_step(number) for number in entry.sources):
        pytest.skip("made of notebooks that are out of step with their scripts")
    assert least <= make_deck(entry, sources).minutes <= most


def test_a_deck_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="there is no deck '77'; there are 00_start_here, "):
        find_decks(["77"])


def test_nbconverts_own_slides_still_work():
    (lecture,) = find_lectures(["02"])
    body, _ = nbconvert.SlidesExporter(exclude_input=True).from_notebook_node(read_notebook(lecture.notebook))
    assert body.count("<section>") > 15
    assert "From classifier to heat map" in body
    assert "data:image/png;base64" in body or "data:image/jpeg;base64" in body
    assert "vnd.segmentation-course" not in body


def test_a_run_makes_the_decks_whose_notebooks_it_has(tmp_path):
    assert decks_after_run(tmp_path, ["77_not_in_the_list"]) == []
    assert needed(DECKS["02_convolutionalization"]) == {"02"}
    assert needed(DECKS["overview"]) == set(lecture_numbers()), "its own slides show results of every lecture"
