"""The student's copies: no solution in them, and nothing of the student's ever overwritten."""

import json

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from course_utils.notebooks import lectures, read_notebook
from course_utils.student_copies import student_copy
from course_utils.workspace import update_workspace
from tests.frame.made_up import cell, make_lecture

SOLUTION = """# %% slideshow={"slide_type": "skip"} tags=["solution"]
def double(x):
    ### BEGIN SOLUTION
    secret = 2 * x
    return secret
    ### END SOLUTION

"""


def make_course(tmp_path, body=SOLUTION):
    return make_lecture(tmp_path / "notebooks", body).notebook.parent


def test_a_copy_has_a_stub_in_place_of_the_solution(tmp_path):
    source = read_notebook(make_course(tmp_path) / "99_made_up.ipynb")
    solution = student_copy(source).cells[-1]
    assert "secret" not in solution.source
    assert solution.source.endswith('    raise NotImplementedError("your turn")')
    compile(solution.source, "cell", "exec")
    assert "secret" in source.cells[-1].source, "the original must stay as it is"


def test_a_copy_that_was_only_opened_and_saved_counts_as_untouched(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    copy = nbformat.read(mine / "99_made_up.ipynb", as_version=4)
    copy.metadata["language_info"] = {"name": "python", "version": "3.13.0"}
    copy.cells[0].metadata["trusted"] = True
    nbformat.write(copy, mine / "99_made_up.ipynb")
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    assert update_workspace(mine, course) == ["99_made_up.ipynb: updated (you had not changed it)"]


def test_a_copy_is_trusted_and_has_no_notes_for_the_lecturer(tmp_path):
    notes = '# %% [markdown] slideshow={"slide_type": "notes"}\n# *For the lecturer, 2 minutes.* Ask the room.\n\n'
    course, mine = make_course(tmp_path, notes + SOLUTION), tmp_path / "workspace"
    update_workspace(mine, course)
    copy = nbformat.read(mine / "99_made_up.ipynb", as_version=4)
    assert "Ask the room" not in nbformat.writes(copy)
    assert NotebookNotary().check_signature(copy)


def test_no_solution_of_the_course_is_left_in_the_copies():
    for lecture in lectures():
        source = read_notebook(lecture.notebook)
        copy = student_copy(source)
        text = nbformat.writes(copy)
        assert "BEGIN SOLUTION" not in text
        given = [cell for cell in source.cells if cell.metadata.slideshow.slide_type != "notes"]
        for before, after in zip(given, copy.cells, strict=True):
            if "### BEGIN SOLUTION" in before.source:
                hidden = before.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
                assert not [line for line in hidden.splitlines() if line.strip() and line.strip() in after.source]
                assert after.outputs == []


def test_an_untouched_copy_is_updated(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    assert update_workspace(mine, course) == ["99_made_up.ipynb: made"]
    assert update_workspace(mine, course) == []
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    assert update_workspace(mine, course) == ["99_made_up.ipynb: updated (you had not changed it)"]
    assert "print('new')" in (mine / "99_made_up.ipynb").read_text()


def test_a_changed_copy_stays_and_the_new_version_lies_beside_it_once(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    copy = mine / "99_made_up.ipynb"
    copy.write_text(copy.read_text().replace("your turn", "my work"))
    worked = copy.read_text()

    assert update_workspace(mine, course) == [], "the course has nothing new"
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    (line,) = update_workspace(mine, course)
    assert "has your work and stays" in line
    assert copy.read_text() == worked
    beside = list(mine.glob("99_made_up.new-*.ipynb"))
    assert len(beside) == 1
    assert "print('new')" in beside[0].read_text()
    assert update_workspace(mine, course) == [], "the same version is offered once"

    make_course(tmp_path, SOLUTION + cell("print('newer')"))
    update_workspace(mine, course)
    assert len(list(mine.glob("99_made_up.new-*.ipynb"))) == 2
    assert copy.read_text() == worked


def test_a_deleted_copy_comes_back_and_a_lost_ledger_counts_every_copy_as_work(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    (mine / "99_made_up.ipynb").unlink()
    assert update_workspace(mine, course) == ["99_made_up.ipynb: made"]
    before = (mine / "99_made_up.ipynb").read_text()
    (mine / ".handed_out.json").write_text("{half a led")
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    assert "stays" in update_workspace(mine, course)[0]
    assert (mine / "99_made_up.ipynb").read_text() == before
    assert json.loads((mine / ".handed_out.json").read_text())


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    before = (mine / "99_made_up.ipynb").read_text()
    make_course(tmp_path, SOLUTION + cell("print('new')"))

    def full(self, text, **options):
        self.write_bytes(text.encode()[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("pathlib.Path.write_text", full)
        update_workspace(mine, course)
    assert (mine / "99_made_up.ipynb").read_text() == before
    assert [path.name for path in mine.iterdir() if path.name.endswith(".part")] == []
