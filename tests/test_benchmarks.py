"""`python benchmarks` measures what README's table shows, whatever is installed beside the course."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_rooms import FLOOR

ROOT = Path(__file__).parents[1]
ROWS = (
    r"Confusion matrix.*torchmetrics",
    r"\|  \|.*scikit-learn",
    r"Elastic deformation.*torchvision",
    r"\|  \|.*albumentations",
    r"Scale, turn, flip, bend and colour.*torchvision",
    r"Border weights.*scipy",
    r"training steps of a U-Net.*channels first",
    r"EfficientNet-Lite0 at .* places.*sliding window",
    r"Peak memory of a U-Net.*whole picture",
    r"Box NMS.*torchvision",
    r"RoIAlign.*torchvision",
    r"COCO's AP.*pycocotools",
    *(rf"`import course_utils\.{room}`" for room in FLOOR),
    r"`course --help`",
)
MEASURED = re.compile(
    r"\| (?:[\d.,e+]+ (?:s|ms|MB)) \| [^|]+ \| (?:[\d.,e+]+ (?:s|ms|MB) \| [\d.e+-]+|[a-z][^|]*\| ) \|$"
)


@pytest.mark.notebooks
def test_every_row_is_measured_or_says_why_it_is_not():
    ended = subprocess.run([sys.executable, "benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    said, _, head, _, *lines = ended.stdout.splitlines()
    assert "torch 2" in said and "threads on" in said and head.startswith("| what | here |")
    for row in ROWS:
        assert any(re.search(row, line) for line in lines), f"no row for {row} in\n{ended.stdout}"
    for line in lines:
        assert MEASURED.search(line), line
