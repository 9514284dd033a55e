"""The `course` command. Each command imports what it needs, so that `course --help` answers at once."""

import os
from pathlib import Path
from typing import Annotated

import typer

from course_utils.course.data_command import app as data
from course_utils.course.own_pictures import app as own_pictures

app = typer.Typer(
    name="course",
    help="A course on image segmentation: open it, run it, check this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(data, name="data")
app.add_typer(own_pictures)

Lectures = Annotated[list[str] | None, typer.Argument(help="Numbers or names, such as 02; all of them when left out.")]
OUT = Path("build")


def stop(message: str, code: int = 2):
    """End with a message to the person and no stack."""
    typer.secho(f"course: {message}", fg="red", err=True)
    raise typer.Exit(code)


@app.command()
def lab(
    workspace: Annotated[
        Path | None, typer.Option(help="Folder of your copies; workspace/ beside the notebooks when left out.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port to serve on; the next free one is taken when it is in use.")] = 8888,
    lecture: Annotated[
        bool, typer.Option(help="Open the full notebooks, with solutions and notes, to give a lecture from.")
    ] = False,
):
    """Open your copy of the course in JupyterLab, at the start page."""
    import subprocess
    import sys

    from course_utils.course.lectures import NOTEBOOKS
    from course_utils.course.workspace import WORKSPACE, own_kernel, update_workspace

    folder = NOTEBOOKS if lecture else (workspace or WORKSPACE).resolve()
    try:
        for line in [] if lecture else update_workspace(folder, kernel=own_kernel()):
            typer.echo(line)
    except ValueError as error:
        stop(f"{error}. Nothing of yours was changed.")
    except OSError as error:
        stop(f"{folder} cannot be written: {error}. Nothing of yours was changed; name another with --workspace.")
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.default_url=/lab/tree/00_start_here.ipynb"]
    settings = Path(__file__).parent / "lab_settings"
    # the settings keep JupyterLab from asking other hosts for news and updates
    command += [
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.expose_app_in_browser=True",  # lecture mode asks the notebook for its slides
        "--ServerApp.jpserver_extensions=course_utils.widgets.live_views=True",  # pictures of explorers are saved, not views
    ]
    environment = dict(os.environ)
    if not lecture:  # a student's JupyterLab has no menus for lecturers, whatever else is installed
        paths = [str(settings / "student"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
        environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # JupyterLab refuses the root user of a container otherwise
        command.append("--allow-root")
    try:
        status = subprocess.call(command, env=environment)
    except KeyboardInterrupt:
        status = 0
    raise typer.Exit(status)


@app.command()
def student(
    out: Annotated[Path, typer.Option(help="Folder for the copies; one that was changed there stays.")] = OUT
    / "student",
):
    """Make the student's copies of the notebooks: stubs for solutions, for a class or for nbgrader."""
    from course_utils.course.workspace import update_workspace

    try:
        for line in update_workspace(out.resolve()) or ["nothing new"]:
            typer.echo(line)
    except (OSError, ValueError) as error:
        stop(f"{error}. What stood in {out} before still stands.")
    typer.echo(f"The copies are in {out}")


@app.command()
def solution(
    lecture: Annotated[str, typer.Argument(help="Number or name, such as 02.")],
    workspace: Annotated[Path | None, typer.Option(help="Folder of your copies, as in `course lab`.")] = None,
):
    """Lay a read-only copy of a lecture, with its solutions, beside your own: workspace/solutions/."""
    from course_utils.course.lectures import find_lectures
    from course_utils.course.workspace import WORKSPACE, lay_out_solution

    folder = (workspace or WORKSPACE).resolve()
    try:
        path, done = lay_out_solution(folder, find_lectures([lecture])[0])
    except (OSError, ValueError) as error:
        stop(f"{error}. Nothing of yours was changed.")
    for line in done:
        typer.echo(line)
    typer.echo(f"Open {path.relative_to(folder)} in JupyterLab; your own notebook is as you left it.")


@app.command()
def progress(
    workspace: Annotated[Path | None, typer.Option(help="Folder of your copies, as in `course lab`.")] = None,
):
    """Say which exercises are done, lecture by lecture."""
    from course_utils.course.progress import progress_lines
    from course_utils.course.workspace import WORKSPACE
    from course_utils.exercises.progress import find_workspace

    folder = (workspace or find_workspace() or WORKSPACE).resolve()
    for line in progress_lines(folder):
        typer.echo(line)


@app.command()
def run(
    lectures: Lectures = None,
    profile: Annotated[str, typer.Option(help="quick (CPU, minutes) or full (GPU, the papers' sizes).")] = "quick",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder for the executed notebooks, the decks, the book and the report.")
    ] = OUT,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at once.")] = 1,
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Two steps a training, a handful of pictures: does it all run? No results."),
    ] = False,
):
    """Run notebooks; write them executed, as slides and as the lecturer's book, with report.json and index.html."""
    from rich.console import Console

    from course_utils.course.book.building import book_after_run
    from course_utils.course.decks.building import decks_after_run
    from course_utils.course.lectures import find_lectures
    from course_utils.course.rehearsal import rehearse_lectures
    from course_utils.course.running import NOTEBOOK_LIMIT, run_lectures

    console = Console()
    if profile not in NOTEBOOK_LIMIT:
        stop(f"--profile {profile}: the profiles are {' and '.join(NOTEBOOK_LIMIT)}")
    if rehearse and profile != "full":
        stop("--rehearse: the quick profile is its own rehearsal; try --profile full --rehearse")
    try:
        chosen = find_lectures(lectures or [])
    except ValueError as error:
        stop(str(error))

    def tell(outcome):
        colour = "green" if outcome.status == "passed" else "red"
        line = f"[{colour}]{outcome.status:8}[/{colour}] {outcome.name}  {outcome.seconds:.0f} s, {outcome.peak_mb} MB"
        console.print(line, highlight=False, soft_wrap=True)
        if outcome.error:
            console.print(f"         {outcome.error}", markup=False, highlight=False, soft_wrap=True)

    try:
        with console.status(f"running {len(chosen)} notebooks, profile {profile}, device {device}"):
            if rehearse:
                report = rehearse_lectures(chosen, out / "rehearsal", device, jobs, ended=tell, say=typer.echo)
            else:
                report = run_lectures(chosen, out, profile, device, jobs, ended=tell)
        passed = [entry["name"] for entry in report["notebooks"] if entry["status"] == "passed"]
        index = out / "rehearsal" / "notebooks"
        if not rehearse:
            with console.status("making the decks and the book"):
                decks_after_run(out, passed)
                index = book_after_run(out)
    except KeyboardInterrupt:
        stop("interrupted; what was finished before stands in " + str(out), code=130)
    except (ValueError, RuntimeError) as error:
        stop(f"the notebooks ran, and their decks or the book could not be made: {error}", code=1)
    except OSError as error:
        stop(f"cannot write to {out}: {error.strerror or error}. Free some space or choose another folder with --out.")
    totals = report["totals"]
    console.print(
        f"{totals['passed']} of {totals['notebooks']} passed in {totals['seconds']:.0f} s; see {index}",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(0 if totals["passed"] == totals["notebooks"] else 1)


@app.command()
def build(lectures: Lectures = None):
    """For maintainers: make notebooks/ from notebooks/scripts/, executed in the quick profile on the CPU."""
    from course_utils.course.covers import update_covers
    from course_utils.course.lectures import find_lectures
    from course_utils.course.notebooks import update_guide
    from course_utils.course.running import build_lecture

    failed = False
    try:
        for lecture in find_lectures(lectures or []):
            outcome = build_lecture(lecture)
            typer.echo(f"{outcome.status:8} {lecture.name}  {outcome.seconds:.0f} s {outcome.error}")
            failed |= outcome.status != "passed"
        for name in update_covers():
            typer.echo(f"{name}: has its picture as it is now")
        if update_guide():
            typer.echo("brought the minutes in docs/teaching.md up to date")
    except ValueError as error:
        stop(str(error))
    raise typer.Exit(int(failed))


@app.command()
def slides(
    decks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LECTURE]...", help="Lectures' numbers, or decks such as overview; all when left out."),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Of html, pptx and pdf, with commas between; pdf needs Chromium.")
    ] = "html,pptx",
    out: Annotated[Path, typer.Option(help="Folder for the decks.")] = OUT / "slides",
    notebooks: Annotated[
        Path | None, typer.Option(help="Folder of executed notebooks, such as build/notebooks after a full run.")
    ] = None,
    look: Annotated[str, typer.Option(help="light or dark.")] = "light",
    check: Annotated[
        bool, typer.Option("--check", help="Measure every slide in Chromium; fail if one is wrong.")
    ] = False,
):
    """Make decks of the executed notebooks: HTML in one file, PowerPoint, PDF with and without notes."""
    from course_utils.course.decks.building import FORMATS, Sources, build_decks, check_decks, find_decks, left_out
    from course_utils.course.lectures import NOTEBOOKS

    wanted = [part.strip() for part in formats.split(",")]
    if not set(wanted) <= set(FORMATS):
        stop(f"--format {formats}: the formats are {', '.join(FORMATS)}")
    if look not in ("light", "dark"):
        stop(f"--look {look}: the looks are light and dark")

    def tell(file: Path):
        typer.echo(f"{file}  {file.stat().st_size / 1e6:.1f} MB")

    try:
        chosen, sources = find_decks(decks or []), Sources(notebooks or NOTEBOOKS)
        build_decks(chosen, sources, out, wanted, look, tell)
        wrong = check_decks(chosen, sources, out) if check else []
        for line in [] if check else left_out(chosen, sources):  # never dropped without a word
            typer.secho(line, fg="yellow", err=True)
    except (ValueError, RuntimeError, OSError) as error:
        stop(str(error))
    for line in wrong:
        typer.echo(line)
    raise typer.Exit(1 if wrong else 0)


@app.command()
def book(
    edition: Annotated[
        str, typer.Option(help="student (no solutions, no notes for the lecturer) or lecturer.")
    ] = "student",
    out: Annotated[
        Path | None, typer.Option(help="The book's folder; build/book/ and the edition's name when left out.")
    ] = None,
    notebooks: Annotated[
        Path | None, typer.Option(help="Folder of executed notebooks, such as build/notebooks after a run.")
    ] = None,
):
    """Make the book: every lecture as a site that opens by a double click, with a search and PDFs; no network."""
    from course_utils.course.book.building import write_book
    from course_utils.course.lectures import NOTEBOOKS

    try:
        slides = (notebooks.parent if notebooks else OUT) / "slides"
        index = write_book(notebooks or NOTEBOOKS, out or OUT / "book" / edition, edition, slides, tell=typer.echo)
    except (ValueError, RuntimeError, OSError) as error:
        stop(str(error))
    typer.echo(f"The book is made: open {index}")


@app.command()
def results(
    notebooks: Annotated[
        Path | None, typer.Option(help="Folder of executed notebooks; the newest build when left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.json.")] = OUT,
    check: Annotated[bool, typer.Option(help="Fail where a result is under its floor in results/floors.toml.")] = False,
):
    """Print what the notebooks measured, and write results.json."""
    from course_utils.course.results import print_results

    try:
        under = print_results(notebooks, out, check)
    except (ValueError, OSError) as error:
        stop(str(error))
    raise typer.Exit(1 if under else 0)


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(help="A folder of pictures and masks, or a recipe such as configs/camvid_cpu.toml.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the net and its results; build/training/NAME when left out.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare pictures.")] = 0,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: --set training.epochs=2; may be repeated.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--as", help="For a folder: semantic, cells or things; what its masks look like.")
    ] = "",
    recipe: Annotated[
        Path | None, typer.Option(help="For a folder: the recipe to train by, instead of choosing.")
    ] = None,
):
    """Train a net on a folder, or as a TOML recipe says, and test it; started again, it goes on. Runs under torchrun, too."""
    from course_utils.course.results import train_and_draw
    from course_utils.training.loop import NonFiniteLoss
    from course_utils.training.recipes import read_recipe

    folder = out or OUT / "training" / config.resolve().stem
    try:
        if config.is_dir():
            from course_utils.course.own_pictures import train_folder

            return train_folder(config, folder, kind, recipe, change, device, workers)
        result = train_and_draw(read_recipe(config, change), folder, device, workers)
    except (ValueError, OSError, NonFiniteLoss) as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop(f"interrupted; the same command goes on from {folder / 'checkpoint.pt'}", code=130)
    if result:  # nothing in the processes beside the first
        typer.echo(f"{result['table']}\n{result['scores']}\nkept in {folder}")


@app.command()
def grade(
    folder: Annotated[Path, typer.Argument(help="Submissions: a folder or a notebook for each student.")],
    out: Annotated[Path, typer.Option(help="The table of marks; feedback goes to a folder beside it.")] = Path(
        "grades.csv"
    ),
    jobs: Annotated[int, typer.Option(min=1, help="Submissions at once.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="What one exercise may take.")] = 30,
    memory: Annotated[int, typer.Option(min=256, help="MB of memory that one exercise may use.")] = 2048,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler whose workers grade instead.")] = "",
    to: Annotated[
        str, typer.Option(help="moodle or canvas: fill the class list of --list, to be imported there.")
    ] = "",
    class_list: Annotated[
        Path | None, typer.Option("--list", help="The class list that the platform exported; it stays as it is.")
    ] = None,
):
    """For lecturers: grade submissions; write marks as a table and feedback as a page for each student."""
    from course_utils.course.grading.command import grade_folder
    from course_utils.course.grading.confine import Limits

    try:
        grade_folder(folder, out, jobs, Limits(seconds, memory), scheduler, typer.echo, to, class_list)
    except (ValueError, OSError) as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop("interrupted; the same command keeps what is graded and goes on", code=130)


@app.command()
def quiz(
    lectures: Lectures = None,
    to: Annotated[str, typer.Option(help="gift (Moodle) or qti (Canvas).")] = "gift",
    out: Annotated[Path, typer.Option(help="Folder for the files, one a lecture.")] = OUT / "quizzes",
):
    """For lecturers: write the quizzes for a learning platform, with the explanations as feedback."""
    from course_utils.course.lectures import find_lectures
    from course_utils.course.quizzes import write_quizzes

    try:
        for file in write_quizzes(find_lectures(lectures or []), to, out):
            typer.echo(str(file))
    except (ValueError, OSError) as error:
        stop(str(error))


@app.command()
def guide():
    """For maintainers: write the minutes of docs/teaching.md anew, from the notebooks' notes for the lecturer."""
    from course_utils.course.notebooks import GUIDE, update_guide

    try:
        changed = update_guide()
    except (ValueError, OSError) as error:
        stop(str(error))
    typer.echo(f"{GUIDE}: " + ("brought up to date" if changed else "was up to date"))


@app.command()
def doctor():
    """Check this machine: Python, packages, torch, GPU, data, fonts; say what is missing and how to mend it."""
    from course_utils.course.doctor import examine, print_findings

    findings = examine()
    print_findings(findings)
    raise typer.Exit(1 if any(finding.state == "missing" for finding in findings) else 0)


if __name__ == "__main__":
    app()
