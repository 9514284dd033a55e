"""Results that a notebook measured, kept inside the executed notebook (all lectures).

`record("02.dense_speedup", 21.3)` leaves the value in the cell's output under a MIME type of its own, which no
front end draws. Slides, tables and the floors of the GPU run read them back with `recorded`.
"""

import json
import platform
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from course_utils.atomic import write_text

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

    from course_utils.lectures import NOTEBOOKS, ROOT

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
