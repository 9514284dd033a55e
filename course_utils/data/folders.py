"""Where data sets lie on this machine: `COURSE_DATA` first, the platform's cache folder second (all lectures)."""

import os
from pathlib import Path

from course_utils.data.entry import Entry


class NotHere(FileNotFoundError):
    """A data set that is not on this machine; the message says where it was looked for and how to get it."""


def data_folders() -> list[Path]:
    """The folders in which data sets are looked for, in order."""
    own = os.environ.get("COURSE_DATA")
    return ([Path(own).expanduser()] if own else []) + [cache_folder()]


def cache_folder() -> Path:
    """The platform's folder for what can be downloaded again, such as ~/.cache/segmentation-course."""
    from platformdirs import user_cache_path

    return user_cache_path("segmentation-course", appauthor=False)


def find(entry: Entry) -> Path | None:
    """The folder that holds a data set, or None."""
    for folder in data_folders():
        root = folder / entry.folder
        if all((root / marker).exists() for marker in entry.markers):
            return root
    return None


def folder_of(entry: Entry) -> Path:
    """The folder that holds a data set.

    Raises:
        NotHere: (a FileNotFoundError) where it is on none of the machine's data folders.
    """
    root = find(entry)
    if root is None:
        looked = " and ".join(f"'{folder / entry.folder}'" for folder in data_folders())
        missing = ", ".join(entry.markers)
        get = f"`course data download {entry.name}` fetches it ({entry.megabytes:,} MB)" if entry.files else ""
        ways = ", or by hand: ".join(way for way in (get, entry.by_hand) if way)
        raise NotHere(f"data set '{entry.name}' is not here: {looked} do not hold {missing}. {ways}")
    return root
