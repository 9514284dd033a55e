"""Results that a notebook measured, kept inside the executed notebook (all lectures).

`record("02.dense_speedup", 21.3)` leaves the value in the cell's output under a MIME type of its own, which no
front end draws. Slides, tables and the floors of the GPU run read them back with `recorded`.
"""

import csv
import json
import platform
import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.course.lectures import NOTEBOOKS, ROOT
from course_utils.data import rehearsal
from course_utils.data.files import write_text

if TYPE_CHECKING:
    from course_utils.training.processes import Run

MIME_RUN = "application/vnd.segmentation-course.run+json"
MIME_RESULT = "application/vnd.segmentation-course.result+json"
NAME = re.compile(r"\d\d\.[a-z][a-z0-9_]*")


def record(name: str, value: float | int | str | list | dict) -> None:
    """Keep one measured result in the notebook that is running.

    Args:
        name: `<lecture>.<what>`, such as `"02.dense_speedup"`.
        value: anything that JSON can hold; tensors and NumPy scalars with one element become numbers.

    Raises:
        ValueError: for a name of another form, or for a value that is not finite or not JSON.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"record({name!r}): a name is the lecture's number, a point and words, as in '02.dense_speedup'"
        )
    value = value.item() if hasattr(value, "item") else value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"record({name!r}): {value!r} cannot be kept as JSON: {error}") from None

    from IPython.display import display

    display({MIME_RESULT: {"name": name, "value": value}}, raw=True)


def record_run(profile: str, device: str, seed: int) -> None:
    """Keep how this run of the notebook goes, so that a slide can say where its numbers come from."""
    import torch
    from IPython.display import display

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{platform.machine()} {device}"
    run = {
        "profile": profile,
        "device": device,
        "device_name": name,
        "seed": seed,
        "torch": torch.__version__,
    }
    if profile == "full":  # a quick run's notebook is committed, and should not change with the day
        run["date"] = datetime.now(UTC).date().isoformat()
    display({MIME_RUN: run}, raw=True)


def recorded(notebook: Path) -> dict:
    """What an executed notebook kept.

    Returns:
        {"run": {profile, device, ...} or {}, "results": {name: value, in the order in which they were recorded}}

    Raises:
        ValueError: where the file is not a notebook.
    """
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{notebook} is not a notebook that can be read: {error}") from None
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    runs = [bundle[MIME_RUN] for bundle in bundles if MIME_RUN in bundle]
    results = [bundle[MIME_RESULT] for bundle in bundles if MIME_RESULT in bundle]
    return {
        "run": runs[-1] if runs else {},
        "results": {result["name"]: result["value"] for result in results},
    }


def collect(folder: Path) -> dict:
    """What all executed notebooks in a folder kept, by notebook.

    Raises:
        ValueError: where the folder holds no notebook.
    """
    notebooks = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise ValueError(f"there is no notebook in {folder}: run some with `course run`")
    return {notebook.stem: recorded(notebook) for notebook in notebooks}


def under_floor(lectures: dict, floors: dict) -> list[str]:
    """Each recorded result that is under its floor, or missing, as a sentence.

    Args:
        lectures: as `collect` gives it.
        floors: {profile: {name: least value}}, as in `results/floors.toml`.
    """
    found = []
    for name, kept in lectures.items():
        wanted = floors.get(kept["run"].get("profile"), {})
        for result, least in wanted.items():
            if not result.startswith(f"{name[:2]}."):
                continue
            value = kept["results"].get(result)
            if value is None:
                found.append(f"{result} was not recorded by {name}; its floor is {least}")
            elif value < least:
                found.append(f"{result} = {value:g} is under its floor {least:g}")
    return found


def print_results(notebooks: Path | None, out: Path, check: bool) -> list[str]:
    """Print all results as a table, write `out/results.json`; with `check`, return those under their floors.

    Args:
        notebooks: a folder of executed notebooks; the last build's, else the committed ones, when left out.
    """
    from rich.console import Console
    from rich.table import Table

    built = out / "notebooks"
    folder = notebooks or (built if any(built.glob("*.ipynb")) else NOTEBOOKS)
    lectures = collect(folder)
    console = Console()
    for name, kept in lectures.items():
        run = kept["run"]
        where = f"{run['profile']}, {run['device_name']}, torch {run['torch']}" if run else "no run recorded"
        table = Table("result", "value", title=f"{name} ({where})", title_justify="left", show_header=False)
        for result, value in kept["results"].items():
            table.add_row(result, f"{value:.4g}" if isinstance(value, float) else json.dumps(value))
        console.print(table)
    write_text(out / "results.json", json.dumps(lectures, indent=2) + "\n")
    console.print(f"written to {out / 'results.json'}", highlight=False)
    if not check:
        return []
    under = under_floor(lectures, tomllib.loads((ROOT / "results" / "floors.toml").read_text(encoding="utf-8")))
    for line in under:
        console.print(line, style="red", highlight=False, soft_wrap=True)
    if not under:
        console.print("every result with a floor stands on or above it", style="green")
    return under


# U-Net, Table 1: warping, Rand and pixel error on the EM challenge's secret test slices
TABLE_1 = {
    "human": (0.000005, 0.0021, 0.0010),
    "u-net": (0.000353, 0.0382, 0.0611),
    "DIVE-SCI": (0.000355, 0.0305, 0.0584),
    "IDSIA": (0.000420, 0.0504, 0.0613),
    "DIVE": (0.000430, 0.0545, 0.0582),
}
# U-Net, Table 2: mean IU of cells on PhC-U373 and DIC-HeLa
TABLE_2 = {
    "IMCB-SG": (0.2669, 0.2935),
    "KTH-SE": (0.7953, 0.4607),
    "HOUS-US": (0.5323, None),
    "second best 2015": (0.83, 0.46),
    "u-net": (0.9203, 0.7756),
}


def long_trainings(run: "Run", names: Sequence[str], changes: Sequence[str] = (), out: Path | None = None) -> dict:
    """What U-Nets reached on real data: trained here in the full profile, or as it was measured before.

    Args:
        run: in the full profile a net is trained by the recipe `configs/NAME_gpu.toml`; where the data are not on this
            machine, a line says so, and the kept result is taken.
        names: of data sets.
        changes: to the recipe, as `course train --set` takes them.
        out: folder for the nets; build/training by default, and what is thrown away after a rehearsal.

    Returns:
        name -> what `course train` wrote to result.json, and "curves" with a line an epoch; a data set of which nothing
        was kept is left out
    """
    from course_utils.training.recipes import read_recipe

    found = {}
    for name in names:
        if run.profile == "full":
            recipe = read_recipe(ROOT / "configs" / f"{name}_gpu.toml", list(changes))
            folder = (out or (rehearsal.FOLDER or ROOT / "build") / "training") / f"{name}_gpu"
            try:
                result = train_and_draw(recipe, folder, str(run.device))
                found[name] = result | {"curves": read_curves(folder / "curves.csv")}
                continue
            except FileNotFoundError as missing:
                print(f"{name} is not on this machine, so its kept result is shown ({missing})")
        kept = next((one for kind in ("gpu", "cpu") if (one := kept_result(f"{name}_{kind}"))), None)
        if kept is None:
            print(f"{name}: no result is kept in results/; `course train configs/{name}_cpu.toml` makes one")
            continue
        found[name] = kept
    return found


def kept_result(name: str) -> dict | None:
    """What `course train configs/NAME.toml` gave when it was run for the course, and its curves; None if nothing was kept."""
    path = ROOT / "results" / name / "result.json"
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8")) | {"curves": read_curves(path.with_name("curves.csv"))}


def train_and_draw(recipe, folder: Path, device: str = "auto", workers: int = 0) -> dict:
    """Train as a recipe says (see `run_recipe`), and draw the learning curves beside the result.

    Returns:
        what result.json holds, and its "table" of classes; nothing in all but the first of several processes
    """
    import matplotlib.pyplot as plt

    from course_utils.figures.learning import learning_curves
    from course_utils.training.progress import History
    from course_utils.training.recipes import run_recipe

    result = run_recipe(recipe, folder, device, workers)
    path = folder / "history.json"
    if result and path.exists():
        history = History(**json.loads(path.read_text(encoding="utf-8")))
        reached = f"Mean IU {100 * result['scores']['mean_iu']:.1f} after {len(history.losses):,} steps"
        figure = learning_curves({"": history}, reached)
        figure.savefig(folder / "curves.png", dpi=80)
        plt.close(figure)
    return result


def beside_the_paper(results: dict[str, dict]) -> str:
    """The long trainings' scores and the paper's Tables 1 and 2, as text in columns.

    Args:
        results: as `long_trainings` gives them; of "isbi2012" and "dsb2018", those that are there.
    """
    ours = {name: result["scores, mean of eight views"] for name, result in results.items()}
    rows = [line("membranes (Table 1)", "warping", "Rand", "pixel")]
    errors = dict(TABLE_1)
    if "isbi2012" in ours:
        em = ours["isbi2012"]
        held_out = (em["warping_error"], 1 - em["rand_after_thinning"], em["pixel_error"])
        errors = {f"this course, {results['isbi2012']['pictures']} slices held out": held_out} | errors
    rows += [line(name, f"{one:.6f}", f"{two:.4f}", f"{three:.4f}") for name, (one, two, three) in errors.items()]
    rows += ["", line("cells, mean IU (Table 2)", "PhC-U373", "DIC-HeLa")]
    rows += [line(name, *("-" if one is None else f"{one:.4f}" for one in pair)) for name, pair in TABLE_2.items()]
    if "dsb2018" in ours:
        names = ("ap_50", "ap_75", "ap_90", "panoptic_quality")
        rows += ["", line("nuclei, DSB 2018", "matched at 0.5", "at 0.75", "at 0.9", "PQ")]
        values = (f"{ours['dsb2018'][name]:.3f}" for name in names)
        rows.append(line(f"this course, {results['dsb2018']['pictures']} test pictures", *values))
    return "\n".join(rows)


def line(name: str, *values: str) -> str:
    """One line of a table."""
    return f"{name:36}" + "".join(f"{value:>11}" for value in values)


def read_curves(path: Path) -> list[dict[str, float]]:
    """What curves.csv holds: for each epoch the steps so far, the mean loss and the scores."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
