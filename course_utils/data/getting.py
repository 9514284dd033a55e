"""Download a whole data set: fetch, check, unpack, and remember what was done (all lectures)."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from course_utils.data.download import Progress, fetch, file_digest, only_one
from course_utils.data.entry import Entry, File
from course_utils.data.folders import cache_folder, find
from course_utils.data.unpacking import UNPACKING, unpack

RECEIPT = ".downloaded.json"


def download(
    entry: Entry,
    folder: Path | None = None,
    progress: Callable[[File], Progress] = lambda file: lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
    **settings,
) -> Path:
    """Get a data set, or find that it is here already; what an earlier, broken run got is kept.

    Args:
        entry: from the registry.
        folder: the data folder to lay it in; the first writable one of `COURSE_DATA` and the cache by default.
        progress: from a file to what is told of its bytes; see `fetch`.
        say: told in words what is being done.
        settings: passed on to `fetch`.

    Raises:
        ValueError: for a data set that has nothing to download; UnsafeArchive for one with a bad archive.
        DownloadFailed: where no mirror gave a file.
    """
    if not entry.files:
        raise ValueError(f"'{entry.name}' has nothing to download: load({entry.name!r}) works as it is")
    here = find(entry)
    if here is not None and folder is None:
        say(f"'{entry.name}' is here already: {here}")
        return here
    root = (folder or _writable_folder()) / entry.folder
    root.mkdir(parents=True, exist_ok=True)
    with only_one(root / ".downloading.lock"):
        for left_over in root.glob(f"{UNPACKING}*"):
            shutil.rmtree(left_over)
        _get_files(entry, root, progress, say, settings)
    missing = [marker for marker in entry.markers if not (root / marker).exists()]
    if missing:
        (root / RECEIPT).unlink(missing_ok=True)
        raise ValueError(f"'{entry.name}' is unpacked in '{root}', but {', '.join(missing)} are not there")
    return root


def _get_files(entry: Entry, root: Path, progress, say, settings: dict) -> None:
    receipt = read_receipt(root)
    for file in entry.files:
        if file.name in receipt and (file.unpack or (root / file.name).exists()):
            continue
        path = fetch(file, root, by_hand=entry.by_hand, progress=progress(file), **settings)
        receipt[file.name] = {
            "bytes": path.stat().st_size,
            "sha256": file_digest(path),
            "published": file.checksum or "no checksum was published",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if file.unpack:
            say(f"unpacking {file.name}")
            unpack(path, root, file.inside)
            path.unlink()
        _write_receipt(root, receipt)


def read_receipt(root: Path) -> dict:
    """What was downloaded into a data set's folder: for each file its size, SHA-256 and date."""
    try:
        return json.loads((root / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_receipt(root: Path, receipt: dict) -> None:
    beside = root / f"{RECEIPT}.new"
    beside.write_text(json.dumps(receipt, indent=1), encoding="utf-8")
    os.replace(beside, root / RECEIPT)


def _writable_folder() -> Path:
    own = os.environ.get("COURSE_DATA")
    if own and os.access(Path(own).expanduser(), os.W_OK):
        return Path(own).expanduser()
    return cache_folder()
