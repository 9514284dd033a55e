"""What lecture 08 needs besides nets: shapes of cells, and the long trainings on real samples beside the paper's tables."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage.measure import regionprops_table
from skimage.segmentation import clear_border
from torch import Tensor

from course_utils.lectures import ROOT
from course_utils.profiles import Run

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


def shape_of_cells(instances: Tensor) -> tuple[float, float]:
    """Median solidity (area over that of the convex hull) and median area in pixels of the cells that are whole.

    Shape:
        (H, W) integers, 0 for background

    Raises:
        ValueError: where the picture's edge cuts every cell.
    """
    whole = clear_border(instances.numpy(force=True))
    if not whole.any():
        raise ValueError("no cell lies whole in this picture: each is cut by its edge")
    measured = regionprops_table(whole, properties=("solidity", "area"))
    return float(np.median(measured["solidity"])), float(np.median(measured["area"]))


def long_trainings(run: Run, names: Sequence[str], changes: Sequence[str] = (), out: Path | None = None) -> dict:
    """What U-Nets reached on real data: trained here in the full profile, or as it was measured before.

    Args:
        run: in the full profile a net is trained by the recipe `configs/NAME_gpu.toml`; where the data are not on this
            machine, a line says so, and the kept result is taken.
        names: of data sets.
        changes: to the recipe, as `course train --set` takes them.
        out: folder for the nets; build/training by default.

    Returns:
        name -> what `course train` wrote to result.json, and "curves" with a line an epoch; a data set of which nothing
        was kept is left out
    """
    from course_utils.training.command import read_recipe, run_recipe

    found = {}
    for name in names:
        if run.profile == "full":
            recipe = read_recipe(ROOT / "configs" / f"{name}_gpu.toml", list(changes))
            folder = (out or ROOT / "build" / "training") / f"{name}_gpu"
            try:
                result = run_recipe(recipe, folder, str(run.device))
                found[name] = result | {"curves": read_curves(folder / "curves.csv")}
                continue
            except FileNotFoundError as missing:
                print(f"{name} is not on this machine, so its kept result is shown ({missing})")
        kept = [ROOT / "results" / f"{name}_{kind}" / "result.json" for kind in ("gpu", "cpu")]
        path = next((path for path in kept if path.exists()), None)
        if path is None:
            print(f"{name}: no result is kept in results/; `course train configs/{name}_cpu.toml` makes one")
            continue
        kept_result = json.loads(path.read_text(encoding="utf-8"))
        found[name] = kept_result | {"curves": read_curves(path.with_name("curves.csv"))}
    return found


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
        rows += ["", line("nuclei, DSB 2018", "AP at 0.5", "at 0.75", "at 0.9", "PQ")]
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
