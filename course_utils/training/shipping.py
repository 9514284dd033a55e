"""From a finished training of an FCN on VOC 2012 to a net that comes with the course: a maintainer's command.

python -m course_utils.training.shipping voc_fcn8s_fixed_cpu
"""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.data.dataset import load
from course_utils.data.files import write_text
from course_utils.models.imagenet import normalise
from course_utils.models.voc_nets import WEIGHTS, voc_net
from course_utils.training.evaluation import evaluate
from course_utils.training.recipes import Recipe, enlarging, evenly, make_net, make_recipe
from course_utils.training.saving import read, save

ROOT = Path(__file__).parent.parent.parent
PICTURES = 40  # of val, spread over all of it: what is shipped is scored on them, by whoever wants to know


def packed(net: nn.Module, start: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a net learned, as little of it as its answers need: the inverse of `models.voc_nets.unpacked`.

    A tensor that is as it was is left out; scores and biases are kept whole. What the backbone learned is kept as its difference
    from where it started, in 255 steps for each of a layer's outputs: a byte a weight.

    Args:
        net: the trained net.
        start: the weights of the same net before it was trained.
    """
    kept = {}
    for name, value in net.state_dict().items():
        change = value - start[name]
        if not change.any():
            continue
        if not name.startswith("backbone.") or value.ndim < 2:
            kept[name] = value.clone()
            continue
        step = change.abs().flatten(1).amax(dim=1).clamp(min=1e-12) / 127
        kept[f"{name} steps"] = (change / step.view(-1, *[1] * (value.ndim - 1))).round().to(torch.int8)
        kept[f"{name} step"] = step
    return kept


def score(name: str, recipe: Recipe) -> dict[str, float]:
    """What a net that comes with the course reaches on a few pictures of VOC 2012's val, tested as its recipe says.

    Raises:
        FileNotFoundError: where VOC 2012 is not on this machine.
    """
    some = evenly(load("voc2012", "val"), PICTURES)
    asked = enlarging(voc_net(name), recipe.data.enlarge)
    prepare = partial(normalise, name=recipe.net.backbone)
    found = evaluate(asked, some, prepare=prepare, device="cpu", progress=False).scores
    return {"pictures": PICTURES, "mean_iu": round(found.mean_iu, 4), "pixel_accuracy": round(found.pixel_accuracy, 4)}


def ship(name: str) -> dict[str, float]:
    """Pack build/training/NAME/net.pt into the library, keep its results, and score what was packed."""
    folder, results = ROOT / "build" / "training" / name, ROOT / "results" / name
    kept = read(folder / "net.pt")
    recipe = make_recipe(json.loads(kept["recipe"]), f"{folder}/net.pt")
    net, start = (make_net(recipe.net, 21) for _ in range(2))
    net.load_state_dict(kept["net"])
    save(packed(net, start.state_dict()), WEIGHTS / f"{name}.pt")
    results.mkdir(parents=True, exist_ok=True)
    for file in ("result.json", "curves.csv"):
        shutil.copy(folder / file, results / file)
    found = score(name, recipe)
    write_text(results / "shipped.json", json.dumps(found, indent=2) + "\n")
    return found


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(each, ship(each))
