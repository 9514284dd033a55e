"""One browser for all tests of decks, and a small lecture to make decks of."""

import matplotlib.pyplot as plt
import nbformat
import pytest

from course_utils.course.decks.slides import Deck, read_slides
from course_utils.figures.for_slides import MIME_SLIDE, slide_pictures
from course_utils.figures.style import use_course_style


@pytest.fixture(scope="session")
def screen(browser):
    """The browser in which slides are looked at."""
    return browser


def markdown(text, slide_type="slide", **more):
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": slide_type} | more})


def code(source, slide_type="-", tags=(), outputs=()):
    cell = nbformat.v4.new_code_cell(source, metadata={"slideshow": {"slide_type": slide_type}, "tags": list(tags)})
    cell.outputs = list(outputs)
    return cell


def printed(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def figure(title, size=(12, 5), frames=1):
    """The output of `show` for a small plot."""
    use_course_style()
    drawn = []
    for count in range(1, frames + 1):
        made, axes = plt.subplots(figsize=size)
        axes.plot(range(count + 1))
        axes.set(xlabel="layers", xlim=(0, 3), ylim=(0, 3))
        made.suptitle(title)
        drawn.append(made)
    data = {MIME_SLIDE: {"frames": slide_pictures(drawn, "A line that rises.")}, "text/plain": "[figure]"}
    for made in drawn:
        plt.close(made)
    return nbformat.v4.new_output("display_data", data=data)


NOTES = "*For the lecturer, 2 minutes.* Ask what they see before you say it."


@pytest.fixture(scope="session")
def lecture():
    """A notebook with one slide of each kind."""
    cells = [
        markdown("# A small lecture\n\nTwo lines about nothing.", name="title"),
        markdown(NOTES, "notes"),
        markdown("Reading text.", "skip"),
        markdown("## 1. Where have you seen this sum?\n\nWith weights $w$:\n\n$$y = \\sum_i w_i x_i + b$$"),
        markdown("It is **a convolution**.", "fragment"),
        markdown(NOTES, "notes"),
        markdown("*For the lecturer, 3 minutes.* And wait.", "notes"),
        code("show(figure)", "slide", outputs=[figure("The line rises by 1")]),
        markdown(NOTES, "notes"),
        markdown("### What does it do?", "subslide", name="code"),
        code("def double(x):\n    return 2 * x", tags=["show-code"]),
        code("print(double(2))", "fragment", outputs=[printed("4\n")]),
        code("hidden = 1", outputs=[]),
        markdown(NOTES, "notes"),
        markdown("### A build beside words\n\nLook at the line."),
        code("show(figure)", "-", outputs=[figure("It rises", (6, 6), frames=3)]),
        markdown(NOTES, "notes"),
        markdown("### A table\n\nAnd a line above it.\n\n| net | mean IU |\n|:--|--:|\n| $\\frac{a}{b}$ | 59.4 |"),
        markdown(NOTES, "notes"),
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="session")
def deck(lecture):
    slides = read_slides(lecture, "99")
    run = {"profile": "full", "device_name": "a GPU", "date": "2026-11-23"}
    return Deck("99_small", slides[0].title, tuple(slides), {"99": run})
