"""What a student finds in JupyterLab on the first day: copies that count as unchanged, and no menu of the lecturer's."""

import nbformat
import pytest

from course_utils.course.lectures import NOTEBOOKS
from course_utils.course.workspace import own_kernel, update_workspace
from tests.browser import local_page, open_notebook, screenshot, serve_lab

MENUS = "[...document.querySelectorAll('#jp-MainMenu .lm-MenuBar-itemLabel')].map(item => item.textContent)"
LECTURERS = ("nbgrader", "create assignment", "validate", "formgrader", "assignment list", "course list")


@pytest.mark.parametrize("lecture", sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem[:2])
def test_a_fresh_copy_opens_as_unchanged_and_stays_so(lecture, lab_page, lab):
    open_notebook(lab_page, lab, lecture.name)
    lab_page.wait_for_timeout(3000)  # the kernel's answer came a second after the page in what was seen
    assert lab_page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty") is False


def test_a_students_lab_has_no_menu_side_bar_or_button_for_lecturers(lab_page, lab):
    open_notebook(lab_page, lab, "00_start_here.ipynb")
    screenshot(lab_page, "students_lab")
    menus = lab_page.evaluate(MENUS)
    assert menus[0] == "File" and menus[-1] == "Help" and "Nbgrader" not in menus
    page = lab_page.content().lower()
    labels = lab_page.evaluate(
        "[...document.querySelectorAll('.jp-SideBar .lm-TabBar-tab, .jp-NotebookPanel-toolbar .jp-Toolbar-item')]"
        ".map(item => `${item.title} ${item.dataset.jpItemName} ${item.textContent}`.toLowerCase())"
    )
    assert not [label for label in labels if any(word in label for word in LECTURERS)]
    assert "@jupyter/nbgrader" in page, "the page says that it is switched off"


def test_what_is_handed_out_names_the_kernel_as_jupyterlab_does(tmp_path):
    update_workspace(tmp_path, kernel=own_kernel())
    for path in tmp_path.glob("*.ipynb"):
        metadata = nbformat.read(path, as_version=4).metadata
        assert metadata.kernelspec.display_name == "Python 3 (ipykernel)"
        assert set(metadata.language_info) > {"name", "version", "mimetype", "codemirror_mode", "pygments_lexer"}


def test_what_is_handed_out_to_a_class_names_no_machine_and_no_version(tmp_path):
    source = nbformat.read(next(iter(sorted(NOTEBOOKS.glob("00_*.ipynb")))), as_version=4)
    source.metadata.update(own_kernel())  # a lecturer has opened and saved it
    (tmp_path / "notebooks").mkdir()
    nbformat.write(source, tmp_path / "notebooks" / "00_start_here.ipynb")
    update_workspace(tmp_path / "out", tmp_path / "notebooks")
    metadata = nbformat.read(tmp_path / "out" / "00_start_here.ipynb", as_version=4).metadata
    assert (metadata.kernelspec.display_name, metadata.language_info) == ("Python 3", {"name": "python"})


@pytest.mark.notebooks  # serves them
def test_the_terminal_says_nothing_of_lecturers_tools_and_views_are_saved_as_pictures(tmp_path):
    with serve_lab(tmp_path / "workspace", tmp_path / "settings"):
        log = (tmp_path / "settings" / "log").read_text()
    assert "nbgrader" not in log
    assert "course_utils.widgets.live_views | extension was successfully loaded" in log


def test_a_lecturers_lab_has_what_is_installed(browser, tmp_path):
    pytest.importorskip("nbgrader")
    serving = serve_lab(tmp_path / "workspace", tmp_path / "settings", options=["--lecture"])
    with serving as lecturers, local_page(browser) as page:
        open_notebook(page, lecturers, "00_start_here.ipynb")
        assert "Nbgrader" in page.evaluate(MENUS)
