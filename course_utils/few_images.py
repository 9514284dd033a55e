"""What lecture 08 needs besides nets: shapes of cells, and the long trainings on real samples beside the paper's tables."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage.measure import regionprops_table
from skimage.segmentation import clear_border
from torch import Tensor

from course_utils.notebooks import ROOT
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
        name -> what `course train` wrote to result.json

    Raises:
        FileNotFoundError: where nothing was kept either.
    """
    from course_utils.training.command import read_recipe, run_recipe

    found = {}
    for name in names:
        if run.profile == "full":
            recipe = read_recipe(ROOT / "configs" / f"{name}_gpu.toml", list(changes))
            try:
                found[name] = run_recipe(recipe, (out or ROOT / "build" / "training") / f"{name}_gpu", str(run.device))
                continue
            except FileNotFoundError as missing:
                print(f"{name} is not on this machine, so its kept result is shown ({missing})")
        kept = [ROOT / "results" / f"{name}_{kind}" / "result.json" for kind in ("gpu", "cpu")]
        path = next((path for path in kept if path.exists()), None)
        if path is None:
            raise FileNotFoundError(
                f"there is no kept result of {name} in results/: run `course train configs/{name}_cpu.toml`"
            )
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def beside_the_paper(results: dict[str, dict]) -> str:
    """The long trainings' scores and the paper's Tables 1 and 2, as text in columns.

    Args:
        results: as `long_trainings` gives them, with "isbi2012" and "dsb2018".
    """
    best = "scores, mean of eight views"
    em, cells = results["isbi2012"][best], results["dsb2018"][best]
    rows = [f"{'membranes (Table 1)':34}{'warping':>10}{'Rand':>9}{'pixel':>9}"]
    ours = (em["warping_error"], 1 - em["rand_after_thinning"], em["pixel_error"])
    for name, errors in {"this course, 6 slices held out": ours, **TABLE_1}.items():
        rows.append(f"{name:34}{errors[0]:10.6f}{errors[1]:9.4f}{errors[2]:9.4f}")
    rows += ["", f"{'cells, mean IU (Table 2)':34}{'PhC-U373':>10}{'DIC-HeLa':>9}"]
    for name, values in TABLE_2.items():
        rows.append(
            f"{name:34}"
            + "".join(
                f"{'-' if value is None else f'{value:.4f}':>{wide}}"
                for value, wide in zip(values, (10, 9), strict=True)
            )
        )
    rows += ["", f"{'nuclei, DSB 2018':34}{'AP 0.5':>10}{'AP 0.75':>9}{'AP 0.9':>9}{'PQ':>9}"]
    values = (cells["ap_50"], cells["ap_75"], cells["ap_90"], cells["panoptic_quality"])
    rows.append(f"{'this course, test part':34}{values[0]:10.3f}" + "".join(f"{value:9.3f}" for value in values[1:]))
    return "\n".join(rows)
