"""The library beneath the course, to be read beside the papers. Its rooms, from the ground up:

    data/        data sets, the registry and how they are fetched; pictures and masks read; stickers; transforms
    models/      classifiers, convolutionalized nets, FCN, U-Net, Mask R-CNN, and the arithmetic of layers
    losses.py    what is minimised, border weights included
    metrics/     label maps, single things, membranes: how good a segmentation is
    inference/   dense prediction, tiles, cells out of foreground, and what does without a net
    training/    the loop, checkpoints, kept maps, what lectures train on, recipes
    figures/     every picture, as functions that return matplotlib figures
    widgets/     explorers: a slider, and the room sees why
    exercises/   what exercises and quizzes say, and how answers are checked
    course/      what delivers all this: the command, running, copies, results, decks, grading

A room imports from those above it in this list, never from one below. Lectures import from rooms: `from
course_utils.figures import show`. Nothing heavy is imported before it is used, so that `course --help` answers at once.
"""

import sys
import tomllib
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path


class MovedModules(MetaPathFinder, Loader):
    """Lets an older copy of a lecture import from where things stood when it was handed out (`moved.toml`)."""

    said = False
    table = Path(__file__).with_name("moved.toml")

    def find_spec(self, name, path=None, target=None):
        old = name.removeprefix(f"{__name__}.")
        if old == name or old not in (moved := tomllib.loads(self.table.read_text(encoding="utf-8"))):
            return None
        return ModuleSpec(name, self, loader_state=moved[old])

    def exec_module(self, module):
        from importlib import import_module

        homes = [import_module(f"{__name__}.{home}") for home in module.__spec__.loader_state]
        for home in reversed(homes):
            vars(module).update({name: value for name, value in vars(home).items() if not name.startswith("__")})
        if not self.said:
            self.said = True
            print(
                f"This notebook is older than the course: {module.__name__} is {homes[0].__name__} now. It works as before; "
                "`course lab` lays the new version beside it."
            )


sys.meta_path.append(MovedModules())
