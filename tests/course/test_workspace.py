"""The student's copies: no solution in them, and nothing of the student's ever overwritten."""

import json
import stat
import subprocess
import sys

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.lectures import NOTEBOOKS
from course_utils.course.notebooks import read_notebook
from course_utils.course.workspace import lay_out_solution, new_versions, student_copy, update_workspace
from course_utils.exercises.progress import find_workspace
from tests.course.made_up import cell, make_lecture

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
    assert "# Your turn: put your lines here" in solution.source
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

    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("pathlib.Path.write_bytes", full)
        update_workspace(mine, course)
    assert (mine / "99_made_up.ipynb").read_text() == before
    assert [path.name for path in mine.iterdir() if path.name.endswith(".part")] == []


KILLED = """
import os, sys
from pathlib import Path
from course_utils.data import files
from course_utils.course.workspace import update_workspace

left, replace = int(sys.argv[3]), os.replace
def die(*arguments):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    replace(*arguments)
files.os.replace = die
update_workspace(Path(sys.argv[1]), Path(sys.argv[2]))
"""


# jsonschema would build a grammar of web addresses for two seconds, which it does without where it is missing
LIGHT = "import sys\nsys.modules['rfc3987_syntax'] = None\n"


def other_process(code, *arguments):
    command = [sys.executable, "-c", LIGHT + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def two_lectures(tmp_path, extra=""):
    make_lecture(tmp_path / "notebooks", SOLUTION + extra, name="98_made_up")
    return make_course(tmp_path, SOLUTION + extra)


def test_killed_at_any_moment_it_leaves_whole_files_and_the_next_call_goes_on(tmp_path):
    killed = []
    for moment in range(4):  # two notebooks and twice the ledger
        folder = tmp_path / str(moment)
        course, mine = two_lectures(folder), folder / "workspace"
        update_workspace(mine, course)
        work = mine / "98_made_up.ipynb"
        work.write_text(work.read_text().replace("your turn", "my work"))
        before = work.read_bytes()
        two_lectures(folder, cell("print('new')"))
        killed.append((other_process(KILLED, mine, course, moment), course, mine, work, before))
    for process, course, mine, work, before in killed:
        assert process.wait() == 9
        assert work.read_bytes() == before
        for path in mine.glob("*.ipynb"):
            nbformat.read(path, as_version=4)
        update_workspace(mine, course)
        assert work.read_bytes() == before
        assert "print('new')" in (mine / "99_made_up.ipynb").read_text()
        assert new_versions(mine)[0][0] == "98_made_up.ipynb"
        assert not list(mine.glob(".*.part"))
        assert update_workspace(mine, course) == []


SMALL_DISK = """
import resource, sys
from pathlib import Path
from course_utils.course.workspace import update_workspace

resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
try:
    update_workspace(Path(sys.argv[1]), Path(sys.argv[2]))
except OSError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_on_a_full_disk_everything_stays_readable_and_the_command_says_why(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    before = (mine / "99_made_up.ipynb").read_bytes()
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    process = other_process(SMALL_DISK, mine, course)
    said = process.communicate()[0].decode()
    assert "refused: [Errno 27]" in said, said
    assert (mine / "99_made_up.ipynb").read_bytes() == before
    assert not list(mine.glob(".*.part"))
    assert update_workspace(mine, course) == ["99_made_up.ipynb: updated (you had not changed it)"]


AT_ONCE = """
import sys
from pathlib import Path
from course_utils.course.workspace import update_workspace

print(*update_workspace(Path(sys.argv[1]), Path(sys.argv[2])), sep="\\n")
"""


def test_two_at_once_do_the_work_once(tmp_path):
    course, mine = two_lectures(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    work = mine / "98_made_up.ipynb"
    work.write_text(work.read_text().replace("your turn", "my work"))
    before = work.read_bytes()
    two_lectures(tmp_path, cell("print('new')"))
    said = [process.communicate()[0].decode() for process in [other_process(AT_ONCE, mine, course) for _ in range(2)]]
    assert "".join(said).count("updated") == 1, said
    assert "".join(said).count("lies beside it") == 1, said
    assert work.read_bytes() == before
    assert len(list(mine.glob("98_made_up.new-*"))) == 1
    assert set(json.loads((mine / ".handed_out.json").read_text())) == {"98_made_up.ipynb", "99_made_up.ipynb"}


def test_a_damaged_ledger_of_another_form_counts_as_none(tmp_path):
    course, mine = make_course(tmp_path), tmp_path / "workspace"
    update_workspace(mine, course)
    (mine / ".handed_out.json").write_text("[1, 2]")
    assert update_workspace(mine, course) == [], "the copy is the newest version, and stays"
    make_course(tmp_path, SOLUTION + cell("print('new')"))
    assert "updated" in update_workspace(mine, course)[0]


def test_solutions_lie_apart_and_cannot_be_written(tmp_path):
    made, mine = make_lecture(tmp_path / "notebooks", SOLUTION), tmp_path / "workspace"
    update_workspace(mine, tmp_path / "notebooks")
    own = (mine / "99_made_up.ipynb").read_bytes()
    path, said = lay_out_solution(mine, made)
    assert said == ["solutions/99_made_up.ipynb: made"] and path == mine / "solutions" / "99_made_up.ipynb"
    assert "secret = 2 * x" in path.read_text()
    assert not path.stat().st_mode & stat.S_IWUSR
    assert (mine / "99_made_up.ipynb").read_bytes() == own
    assert lay_out_solution(mine, made) == (path, [])
    assert find_workspace(mine) == mine and find_workspace(mine / "solutions") is None, "no progress from our answers"

    path.chmod(0o644)
    path.write_text(path.read_text().replace("secret", "my own notes"))
    made = make_lecture(tmp_path / "notebooks", SOLUTION + cell("print('new')"))
    newer, (said,) = lay_out_solution(mine, made)
    assert "stays" in said and "my own notes" in path.read_text()
    assert newer != path and "print('new')" in newer.read_text()


def test_the_newest_of_several_new_versions_is_named(tmp_path):
    for name in ("02_x.new-2026-11-23.ipynb", "02_x.new-2026-11-23-10.ipynb", "02_x.new-2026-11-23-2.ipynb"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "02_x.new-idea.ipynb").write_text("a student's own file")
    assert new_versions(tmp_path) == [("02_x.ipynb", "02_x.new-2026-11-23-10.ipynb")]


@pytest.mark.notebooks
def test_the_command_makes_copies_in_a_folder(tmp_path):
    answer = CliRunner().invoke(app, ["student", "--out", str(tmp_path / "copies")])
    assert answer.exit_code == 0, answer.output
    names = {path.name for path in (tmp_path / "copies").glob("*.ipynb")}
    assert names == {path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    assert CliRunner().invoke(app, ["student", "--out", str(tmp_path / "copies")]).output.startswith("nothing new")


def test_the_command_names_a_lecture_that_is_not_there(tmp_path):
    answer = CliRunner().invoke(app, ["solution", "77", "--workspace", str(tmp_path)])
    assert answer.exit_code == 2 and "there is no lecture '77'" in answer.output
