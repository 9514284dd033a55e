"""What the registry says about a data set (all lectures)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Url:
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
        module: the module in `course_utils.data` that reads it.
        splits: its splits, the usual one first.
        counts: how many pictures each has, 0 where the makers do not say.
        classes: how many classes, background included, void not.
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
    classes: int
    licence: str
    citation: str
    megabytes: int = 0
    folder: str = ""
    markers: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    by_hand: str = ""
    options: Mapping = field(default_factory=dict)
