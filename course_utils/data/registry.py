"""Which data sets there are, from `registry.toml`, and where they lie on this machine (all lectures).

They are looked for in the folder that `COURSE_DATA` names first, in the platform's cache folder second.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from course_utils.data import rehearsal


class Url(NamedTuple):
    """One address of a file, and whether it is the makers' own or a mirror that could not be tried."""

    address: str
    sure: bool = True


@dataclass(frozen=True)
class File:
    """One file to fetch.

    Args:
        name: what to call it on the disk.
        urls: the makers' address first, then mirrors.
        size: in bytes, where it is known.
        checksum: "md5:..." or "sha256:..." as published, where it is.
        unpack: whether it is an archive; it is unpacked into the data set's folder.
        inside: only this folder of the archive is kept, and it becomes the top.
    """

    name: str
    urls: tuple[Url, ...]
    size: int | None = None
    checksum: str | None = None
    unpack: bool = True
    inside: str = ""


@dataclass(frozen=True)
class Entry:
    """A data set.

    Args:
        name: for `load(name)`.
        what: one line about it.
        module: the module in `course_utils.data` that reads it, such as "sets.voc".
        splits: its splits, the usual one first.
        counts: how many pictures each has, 0 where the makers do not say.
        classes: their names, background included, void not; in the file also another entry that has the same.
        palette: a colour for each; VOC's where there is none.
        megabytes: to download.
        licence: as far as it is known.
        citation: whom to cite.
        folder: its folder inside a data folder.
        markers: files that are there when it is complete; none for sets that need no files.
        files: what to download.
        by_hand: how to get it without `course data download`.
        options: what is passed to the module.
    """

    name: str
    what: str
    module: str
    splits: tuple[str, ...]
    counts: tuple[int, ...]
    licence: str
    citation: str
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    megabytes: int = 0
    folder: str = ""
    markers: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    by_hand: str = ""
    options: Mapping = field(default_factory=dict)


def read_registry(path: Path) -> dict[str, Entry]:
    """All entries of a registry file by their names, in its order."""

    def frozen(value):
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    tables, entries = tomllib.loads(path.read_text(encoding="utf-8")), {}
    for name, table in tables.items():
        if isinstance(same := table.get("classes"), str):
            table |= {key: tables[same][key] for key in ("classes", "palette") if key in tables[same]}
        files = []
        for file in table.pop("files", []):
            urls = (*map(Url, file.pop("urls")), *(Url(mirror, sure=False) for mirror in file.pop("mirrors", [])))
            files.append(File(urls=urls, **file))
        entries[name] = Entry(name, files=tuple(files), **{key: frozen(value) for key, value in table.items()})
    return entries


REGISTRY = read_registry(Path(__file__).with_name("registry.toml"))


def find_entry(name: str) -> Entry:
    """The data set of that name.

    Raises:
        ValueError: where there is none; names the nearest, or all.
    """
    if name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY)}"
        hint += f" Your folder opens with load('folder', root={name!r})" if Path(name).is_dir() else ""
        raise ValueError(f"there is no data set {name!r}: {hint}")
    return REGISTRY[name]


class NotHere(FileNotFoundError):
    """A data set that is not on this machine; the message says where it was looked for and how to get it."""


def data_folders() -> list[Path]:
    """The folders in which data sets are looked for, in order; what is made up for a rehearsal comes last."""
    own = os.environ.get("COURSE_DATA")
    made_up = [rehearsal.FOLDER] if rehearsal.FOLDER else []
    return ([Path(own).expanduser()] if own else []) + [cache_folder()] + made_up


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
