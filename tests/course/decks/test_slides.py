"""From cells to slides."""

import nbformat
import pytest

from course_utils.course.decks.slides import read_slides
from tests.course.decks.conftest import NOTES, code, figure, markdown, printed


def test_slides_are_titled_by_their_heading_or_by_their_figures_finding(deck):
    assert [slide.title for slide in deck.slides] == [
        "A small lecture",
        "Where have you seen this sum?",
        "The line rises by 1",
        "What does it do?",
        "A build beside words",
        "A table",
    ]


def test_a_finding_that_became_the_title_is_not_said_twice(deck):
    assert deck.slides[2].figures[0].text == ""
    assert deck.slides[4].figures[0].text == "It rises"


def test_skipped_cells_hidden_code_and_silent_cells_stay_out(deck):
    assert [block.kind for block in deck.slides[3].blocks] == ["code", "output"]
    assert not any("Reading" in block.text for slide in deck.slides for block in slide.blocks)


def test_notes_add_up_to_minutes_and_lose_their_address(deck):
    assert [slide.minutes for slide in deck.slides] == [2, 5, 2, 2, 2, 2]
    assert deck.minutes == 15
    assert deck.slides[1].notes == "Ask what they see before you say it.\n\nAnd wait."


def test_a_fragment_and_what_follows_it_wait_for_the_same_click():
    cells = [
        markdown("# Q"),
        markdown("first", "fragment"),
        code("print(1)", "-", outputs=[printed("1")]),
        markdown("second", "fragment"),
    ]
    (slide,) = read_slides(nbformat.v4.new_notebook(cells=cells), "99")
    assert [(block.text, block.step) for block in slide.blocks] == [("first", 1), ("1", 1), ("second", 2)]


def test_slides_have_names_that_other_decks_ask_for(deck):
    assert [slide.name for slide in deck.slides if slide.name] == ["99/title", "99/code"]


def test_two_slides_of_one_name_are_refused():
    cells = [markdown("# A", name="one"), markdown("# B", name="one")]
    with pytest.raises(ValueError, match="two slides of lecture 99 are named 99/one"):
        read_slides(nbformat.v4.new_notebook(cells=cells), "99")


def test_markdown_that_a_cell_displays_is_text_with_the_runs_numbers():
    shown = nbformat.v4.new_output("display_data", data={"text/markdown": "**59.4**", "text/plain": "..."})
    cells = [markdown("# Q"), code("display(Markdown(...))", outputs=[shown]), markdown(NOTES, "notes")]
    (slide,) = read_slides(nbformat.v4.new_notebook(cells=cells), "99")
    assert [(block.kind, block.text) for block in slide.blocks] == [("text", "**59.4**")]


def test_figures_are_drawn_for_slides():
    from course_utils.course.decks.lint import figure_problems
    from course_utils.course.decks.slides import Frame

    wide, square = (
        figure("T", size).data["application/vnd.segmentation-course.slide+json"] for size in ((12, 5), (6, 6))
    )
    (wide,), (square,) = wide["frames"], square["frames"]
    assert (wide["width"], wide["height"]) == (1184, 468)
    assert (square["width"], square["height"]) == (700, 536)
    frame = Frame.unpacked(wide)
    assert frame.svg.startswith(b"<?xml") and b"<svg" in frame.svg
    assert "layers" in [text[-1] for text in frame.texts]
    assert "T" not in [text[-1] for text in frame.texts], "the title belongs to the slide"
    assert min(text[4] for text in frame.texts) >= 14
    assert figure_problems(frame) == []


def test_frames_of_a_build_keep_their_axes_in_place():
    frames = figure("T", frames=3).data["application/vnd.segmentation-course.slide+json"]["frames"]
    labels = [next(text[:2] for text in frame["texts"] if text[-1] == "layers") for frame in frames]
    assert max(abs(a - b) for one in labels for a, b in zip(one, labels[-1], strict=True)) <= 1
