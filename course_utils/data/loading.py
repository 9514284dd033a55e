"""`load`: from a data set's name to its pictures (all lectures)."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from course_utils.data.dataset import Dataset
from course_utils.data.folders import folder_of
from course_utils.data.registry import find_entry


def load(name: str, split: str | None = None, **options) -> Dataset:
    """A split of a data set, found on this machine; nothing is downloaded here.

    `load("stickers")` and `load("nuclei")` need no files: they come with the packages that the course installs.

    Args:
        name: a name that `course data list` shows, or "folder" with `root=` for pictures of your own.
        split: one of the data set's splits; its first one by default.
        options: `root=`, the folder that holds it, where that is not a data folder; and what the data set's own module takes, such as `size=320` for stickers.

    Raises:
        ValueError: for a name, split or option that there is not; lists what there is.
        FileNotFoundError: where the data set is not on this machine; says how to get it.
    """
    entry = find_entry(name)
    split = split or entry.splits[0]
    if split not in entry.splits:
        raise ValueError(f"'{name}' has no split {split!r}: it has {', '.join(entry.splits)}")
    module = import_module(f"course_utils.data.{entry.module}")
    recipe = (name, split, dict(options))
    given = options.pop("root", None)
    root = Path(given) if given else folder_of(entry) if entry.markers else None
    try:
        dataset = module.open_split(root, split, **entry.options, **options)
    except TypeError as error:
        if "unexpected keyword" in str(error) or "missing 1 required" in str(error):
            raise ValueError(f"load({name!r}): {error}") from None
        raise
    return replace(dataset, recipe=recipe)
