"""Cells and membranes under the microscope (lectures 01, 07, 08)."""

from course_utils.data.entry import Entry, File, Url

TRACKING = "data.celltrackingchallenge.net/training-datasets"
ULMAN = "Ulman et al., An Objective Comparison of Cell-Tracking Algorithms, Nature Methods 14, 2017"


def _tracking(name: str, folder: str, what: str, counts: tuple[int, int, int], megabytes: int) -> Entry:
    return Entry(
        name=name,
        what=what,
        module="cell_tracking",
        splits=("train", "test", "all"),
        counts=counts,
        classes=2,
        megabytes=megabytes,
        licence="for research; see the challenge's terms",
        citation=ULMAN,
        folder=name,
        markers=(f"{folder}/01", f"{folder}/01_GT/SEG", f"{folder}/02", f"{folder}/02_GT/SEG"),
        files=(
            File(
                f"{folder}.zip",
                (Url(f"https://{TRACKING}/{folder}.zip"), Url(f"http://{TRACKING}/{folder}.zip")),
            ),
        ),
        by_hand=f"{folder}.zip, unpacked into {name}/",
        options={"folder": folder},
    )


CELLS = (
    Entry(
        name="nuclei",
        what="one fluorescence picture of 125 nuclei, 23 of them touching another; comes with stardist",
        module="nuclei",
        splits=("all", "train", "test"),
        counts=(1, 3, 1),
        classes=2,
        licence="BSD 3-Clause (stardist)",
        citation="Schmidt et al., Cell Detection with Star-Convex Polygons, MICCAI 2018",
    ),
    Entry(
        name="isbi2012",
        what="ISBI 2012: cell membranes of a fly's nerve cord, 30 slices of 512x512",
        module="isbi2012",
        splits=("train", "test", "all"),
        counts=(24, 6, 30),
        classes=2,
        megabytes=22,
        licence="non-commercial; cite the challenge",
        citation="Arganda-Carreras et al., Crowdsourcing the Creation of Image Segmentation Algorithms for "
        "Connectomics, Frontiers in Neuroanatomy 9, 2015",
        folder="isbi2012",
        markers=("train-volume.tif", "train-labels.tif"),
        files=(
            File(
                "ISBI-2012-challenge.zip",
                (Url("https://downloads.imagej.net/ISBI-2012-challenge.zip"),),
                inside="ISBI-2012-challenge",
            ),
        ),
        by_hand="train-volume.tif and train-labels.tif, laid into isbi2012/",
    ),
    Entry(
        name="dsb2018",
        what="Data Science Bowl 2018: fluorescent nuclei with instances, in StarDist's layout",
        module="dsb2018",
        splits=("train", "test"),
        counts=(447, 50),
        classes=2,
        megabytes=80,
        licence="CC0",
        citation="Caicedo et al., Nucleus Segmentation across Imaging Experiments, Nature Methods 16, 2019",
        folder="dsb2018",
        markers=("train/images", "train/masks", "test/images", "test/masks"),
        files=(
            File(
                "dsb2018.zip",
                (
                    Url("https://github.com/stardist/stardist/releases/download/0.1.0/dsb2018.zip"),
                    Url("https://github.com/mpicbg-csbd/stardist/releases/download/0.1.0/dsb2018.zip", sure=False),
                ),
                checksum="sha256:e44921950edce378063aa4457e625581ba35b4c2dbd9a07c19d48900129f386f",
                inside="dsb2018",
            ),
        ),
        by_hand="dsb2018.zip, its folders train and test laid into dsb2018/",
    ),
    _tracking(
        "phc_u373",
        "PhC-C2DH-U373",
        "PhC-U373: glioblastoma cells in phase contrast, two films",
        (0, 0, 0),
        40,
    ),
    _tracking(
        "dic_hela",
        "DIC-C2DH-HeLa",
        "DIC-HeLa: HeLa cells in differential interference contrast, two films",
        (0, 0, 0),
        37,
    ),
)
