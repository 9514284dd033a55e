"""The library's rooms: who may import whom, what each offers to lectures, and that old copies still find their way."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
# from the ground up; rooms of one floor do not know each other
FLOORS = (
    ("data", "losses"),
    ("models",),
    ("metrics",),
    ("inference",),
    ("training",),
    ("figures",),
    ("widgets", "exercises"),
    ("course",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = [room for room in FLOOR if room != "losses"]


def imports_of(path: Path, package: Path) -> set[str]:
    """The modules of a package that a file imports, at its top or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {
        name
        for name in found
        if name.startswith(f"{package.name}.") and package.parent.joinpath(*name.split(".")).with_suffix(".py").exists()
    }


def graph_of(package: Path) -> dict[str, set[str]]:
    """Each module of a package with the modules of the package that it imports."""
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts): imports_of(path, package)
        for path in sorted(package.rglob("*.py"))
    }


def broken(package: Path) -> list[str]:
    """Each import that runs up or to a neighbour, and each circle, in words."""
    graph = graph_of(package)
    found = []
    for module, imported in graph.items():
        room = module.split(".")[1]
        for other in imported:
            there = other.split(".")[1]
            if room in FLOOR and there != room and FLOOR[there] >= FLOOR[room]:
                found.append(f"{module} imports {other}")
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> None:
        if module in way:
            found.append("circle: " + " -> ".join([*way[way.index(module) :], module]))
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, [*way, module])
            done.add(module)

    for module in graph:
        visit(module, [])
    return found


def test_imports_run_one_way_and_in_no_circle():
    assert broken(PACKAGE) == []


@pytest.mark.parametrize(
    ("at", "planted", "said"),
    [
        (
            "models/fcn.py",
            "import course_utils.figures.style",
            "course_utils.models.fcn imports course_utils.figures.style",
        ),
        (
            "data/masks.py",
            "def late():\n    from course_utils.course.results import record",
            "course_utils.data.masks imports",
        ),
        ("exercises/engine.py", "from course_utils.widgets import frame", "course_utils.exercises.engine imports"),
        ("models/backbones.py", "from course_utils.models import fcn", "circle: "),
    ],
)
def test_an_import_that_runs_up_or_round_is_found(tmp_path, at, planted, said):
    copy = tmp_path / "course_utils"
    for path in PACKAGE.rglob("*.py"):
        target = copy / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8") + (f"\n\n{planted}\n" if path == PACKAGE / at else ""))
    assert any(line.startswith(said) for line in broken(copy))


def test_the_root_shows_the_rooms_and_little_else():
    entries = {entry.stem for entry in PACKAGE.iterdir() if entry.suffix in ("", ".py") and "__" not in entry.name}
    assert entries == set(FLOOR)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_what_it_offers(room):
    module = importlib.import_module(f"course_utils.{room}")
    for name in module.__all__:
        offered = getattr(module, name)
        assert not isinstance(offered, type(module)), f"course_utils.{room}.{name} is a module, not what it should hold"


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("models", ("timm", "matplotlib", "ipywidgets", "anywidget", "IPython")),
        ("data", ("torch", "timm", "matplotlib", "anywidget")),
        ("course", ("torch", "matplotlib", "nbformat", "anywidget")),
    ],
)
def test_a_room_imports_nothing_heavy_by_itself(room, strangers):
    code = f"import sys, course_utils.{room}; print(*sorted(set({strangers}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_the_modules_of_models_draw_in_no_timm_no_widget_and_no_matplotlib():
    modules = [f"course_utils.models.{path.stem}" for path in sorted((PACKAGE / "models").glob("[!_]*.py"))]
    code = f"import sys, {', '.join(modules)}; print(*sorted({{'timm', 'matplotlib', 'anywidget'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_copies_handed_out_before_find_what_they_import():
    """Where things stood then, what is there now, and one line that says so, however much is imported."""
    moved = tomllib.loads((PACKAGE / "moved.toml").read_text(encoding="utf-8"))
    code = "\n".join(
        [
            *(f"import course_utils.{old}" for old in moved),
            "from course_utils.train import overfit_one_batch, train",
            "from course_utils.evaluation import BANDS, boundary_distance, evaluate",
            "from course_utils.instances import instances_from_foreground, score_instances",
            "from course_utils.metrics import confusion_matrix, object_mistakes, scores",
            "from course_utils.profiles import begin, choose",
            "from course_utils.training.checkpoints import train_or_load",
            "from course_utils.data.nuclei import nuclei, touching",
        ]
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("This notebook is older than the course: course_utils.")
    assert len(run.stdout.splitlines()) == 1
    missing = subprocess.run([sys.executable, "-c", "import course_utils.nowhere"], capture_output=True, text=True)
    assert "No module named 'course_utils.nowhere'" in missing.stderr
