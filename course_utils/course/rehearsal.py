"""`course run --profile full --rehearse`: data sets that the lectures open and this machine lacks, made up for it.

What is shortened in a rehearsal, and that nothing is downloaded, stands in `course_utils.data.rehearsal`.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from course_utils.course.lectures import Lecture
from course_utils.course.running import Outcome, run_lectures
from course_utils.data.registry import find, find_entry


def voc(folder: Path) -> None:
    """Stickers in VOC's layout."""
    from course_utils.data.stickers.collection import write_voc_folder

    write_voc_folder(folder, images=24, size=240)


def membranes(folder: Path) -> None:
    """30 slices of cells that fill the picture, dark lines between them: ISBI 2012's two stacks."""
    import tifffile
    from skimage.segmentation import expand_labels, find_boundaries

    from course_utils.data.sets.nuclei import nuclei

    picture, labels = (each.numpy() for each in nuclei())
    cells = ~find_boundaries(expand_labels(labels, 512), mode="thick")
    slices = [np.roll(cells, 17 * place, axis=1) for place in range(30)]
    grey = [np.where(cell, 140 + np.roll(picture[0], 17 * place, axis=1) // 4, 60) for place, cell in enumerate(slices)]
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "train-volume.tif", np.stack(grey).astype(np.uint8))
    tifffile.imwrite(folder / "train-labels.tif", 255 * np.stack(slices).astype(np.uint8))


def numbered_nuclei(folder: Path) -> None:
    """Quarters of the picture of nuclei, turned: DSB 2018 in StarDist's layout."""
    import tifffile

    from course_utils.data.dataset import load

    for split, quarters in (("train", load("nuclei", "train")), ("test", load("nuclei", "test"))):
        for part in ("images", "masks"):
            (folder / split / part).mkdir(parents=True)
        for turn in range(4):
            sample = quarters.sample(turn % len(quarters))
            for part, values in (("images", sample.image[0]), ("masks", sample.instances)):
                turned = np.rot90(values.numpy(), turn).astype({"images": np.uint8, "masks": np.uint16}[part])
                tifffile.imwrite(folder / split / part / f"made_up_{turn}.tif", turned)


MADE_UP: dict[str, Callable[[Path], None]] = {"voc2012": voc, "isbi2012": membranes, "dsb2018": numbered_nuclei}


def rehearse_lectures(
    lectures: list[Lecture],
    out: Path,
    device: str = "auto",
    jobs: int = 1,
    ended: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = print,
) -> dict:
    """Run notebooks in the full profile, shortened; nets, caches and what is made up are thrown away at the end.

    Args:
        out: for the executed notebooks and report.json: no folder in which results are looked for.
        device, jobs, ended: as for `run_lectures`.
        say: told of each data set whether it is real.

    Returns:
        the report, as `run_lectures` gives it
    """
    with tempfile.TemporaryDirectory(prefix="course-rehearsal-") as folder:
        for name, make in MADE_UP.items():
            entry = find_entry(name)
            real = find(entry)
            if real is None:
                make(Path(folder) / entry.folder)
            say(f"{name}: " + (f"real pictures, from {real}" if real else "made up, as it is not on this machine"))
        surroundings = {"COURSE_REHEARSAL": folder, "COURSE_CACHE": str(Path(folder) / "cache")}
        return run_lectures(lectures, out, "full", device, jobs, ended, surroundings)
