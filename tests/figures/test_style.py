"""How figures enter a notebook."""

import base64
import io

import matplotlib.pyplot as plt
import nbformat
import pytest
from PIL import Image

from course_utils.course.book.sources import put_figures
from course_utils.data.photographs import photograph
from course_utils.figures.style import show


@pytest.fixture
def shown(monkeypatch):
    """What `show` hands to the notebook."""
    displayed = []

    def display(data, raw, metadata):
        displayed.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    return displayed


def photograph_figure():
    figure, axes = plt.subplots(figsize=(8, 6))
    axes.imshow(photograph("coffee").permute(1, 2, 0))
    return figure


def line_figure():
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot([1, 2, 3])
    return figure


def test_a_figure_needs_alt_text(shown):
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        show(line_figure(), alt=" ")


@pytest.mark.parametrize(("draw", "mime"), [(line_figure, "image/png"), (photograph_figure, "image/jpeg")])
def test_drawings_are_png_and_photographs_jpeg_each_with_its_alt_text_in_the_page(shown, draw, mime, tmp_path):
    before = plt.get_fignums()
    show(draw(), alt="What <it> shows.")
    assert plt.get_fignums() == before
    ((data, metadata),) = shown
    assert metadata == {mime: {"alt": "What <it> shows."}}
    assert Image.open(io.BytesIO(data[mime])).size[0] > 300

    encoded = {mime: base64.b64encode(data[mime]).decode()}
    output = nbformat.v4.new_output("display_data", data=encoded, metadata=metadata)
    cell = nbformat.v4.new_code_cell("show()", outputs=[output])
    ((name, _),) = put_figures(cell, tmp_path)
    html = cell.outputs[0].data["text/html"]
    assert 'alt="What &lt;it&gt; shows."' in html and f'src="../{name}"' in html
    assert (tmp_path / name).read_bytes() == data[mime]
