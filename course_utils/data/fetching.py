"""Download a data set so that a cut line, a dead host or a killed program leaves nothing broken behind (all lectures)."""

import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from course_utils.data.files import UNPACKING, unpack
from course_utils.data.registry import Entry, File, cache_folder, find

CHUNK = 1 << 18
Progress = Callable[[int, int | None], None]


class DownloadFailed(OSError):
    """No mirror gave the file; the message names each mirror with its reason, and the way by hand."""


class _Bad(ValueError):
    """What a host sent is not the file: not worth asking it again."""


def fetch(
    file: File,
    folder: Path,
    by_hand: str = "",
    progress: Progress = lambda done, total: None,
    timeout: float = 30,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """The file in `folder`, whole and checked; mirrors are tried in turn, a cut download is continued.

    Until it is whole it lies there as `.NAME.part`, which a later call continues.

    Args:
        file: name, addresses, size and checksum.
        folder: where to lay it; made where it is missing.
        by_hand: how to get it otherwise, for the message.
        progress: called with the bytes that are here and the bytes in all, None where the host does not say.
        timeout: seconds of silence after which a host counts as dead.
        attempts: how often to continue with the same host after it has broken off.
        pause: seconds before the second attempt; doubled for each one after.

    Raises:
        DownloadFailed: (an OSError) where no mirror gave the whole, right file.
    """
    target, part = folder / file.name, folder / f".{file.name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder / f".{file.name}.lock"):
        if target.exists():
            try:
                check_file(target, file.size, file.checksum)
                return target
            except ValueError:
                target.unlink()
        reasons = []
        for url in file.urls:
            reason = _try_host(url.address, file, part, progress, timeout, attempts, pause)
            if reason is None:
                os.replace(part, target)
                _note(part).unlink(missing_ok=True)
                return target
            mirror = "" if url.sure else " (a mirror, not the makers')"
            reasons.append(f"  {url.address}{mirror}: {reason}")
    hand = f"\nBy hand: {by_hand}" if by_hand else f"\nBy hand: lay the file at '{target}'"
    raise DownloadFailed(f"no mirror gave '{file.name}':\n" + "\n".join(reasons) + hand)


def check_file(path: Path, size: int | None, checksum: str | None) -> None:
    """Compare a file with what was published.

    Args:
        path: the file.
        size: in bytes, None where not known.
        checksum: "md5:..." or "sha256:...", None where not known.

    Raises:
        ValueError: says what was found and what was expected.
    """
    found = path.stat().st_size
    if size is not None and found != size:
        raise ValueError(f"it has {found:,} bytes, not {size:,}")
    if checksum is not None:
        kind, _, expected = checksum.partition(":")
        digest = file_digest(path, kind)
        if digest != expected.lower():
            raise ValueError(f"its {kind.upper()} is {digest}, not {expected}")


def file_digest(path: Path, kind: str = "sha256") -> str:
    """The checksum of a file, in hexadecimal."""
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _try_host(address, file, part, progress, timeout, attempts, pause) -> str | None:
    """Get the file from one host into `part`; None when it is whole and right, else why not."""
    reason = "nothing came"
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        continued = part.exists()
        try:
            _receive(address, file, part, progress, timeout)
            check_file(part, file.size, file.checksum)
            return None
        except _Bad as error:
            return str(error)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the host answered {error.code} {error.reason}"
            if error.code == 416:
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                return reason
        except urllib.error.URLError as error:
            reason = f"the host cannot be reached ({error.reason})"
        except TimeoutError:
            reason = f"nothing came for {timeout:g} seconds"
        except ValueError as error:
            # Whole, but not what was published. What was here before may be to blame: then once more from the start.
            part.unlink(missing_ok=True)
            reason = f"what it sent is wrong: {error}"
            if not continued:
                return reason
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno == 28:
                raise
            reason = f"the line broke off ({error or type(error).__name__})"
    return f"{reason}, {attempts} times"


def _receive(address: str, file: File, part: Path, progress: Progress, timeout: float) -> None:
    """One request: continue `part` where the host agrees that it is the same file, else begin anew."""
    note = _read_note(part)
    here = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "segmentation-course", "Accept-Encoding": "identity"}
    # Another mirror's bytes can only be joined to these where a checksum will tell whether they fit.
    if here and note.get("address") == address and note.get("version"):
        headers |= {"Range": f"bytes={here}-", "If-Range": note["version"]}
    elif here and file.checksum:
        headers |= {"Range": f"bytes={here}-"}
    else:
        here = 0
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            here = 0
        length = answer.headers.get("Content-Length")
        total = here + int(length) if length is not None else file.size
        _refuse_strange(answer, file, total)
        _make_room(part, file, (total or 0) - here)
        tag = answer.headers.get("ETag", "")
        version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")
        _note(part).write_text(json.dumps({"address": address, "version": version}), encoding="utf-8")
        with part.open("r+b" if here else "wb") as stream:
            stream.seek(here)
            stream.truncate()
            while chunk := answer.read(CHUNK):
                stream.write(chunk)
                here += len(chunk)
                progress(here, total)
        if total is not None and here < total:
            raise ConnectionError(f"after {here:,} of {total:,} bytes")


def _refuse_strange(answer, file: File, total: int | None) -> None:
    kind = answer.headers.get_content_type()
    if kind == "text/html" and not file.name.endswith((".html", ".htm")):
        raise _Bad("it sent a web page, not the file (a log-in or a notice?)")
    if file.size is not None and total is not None and total != file.size:
        raise _Bad(f"it offers {total:,} bytes, not {file.size:,}")


def _make_room(part: Path, file: File, needed: int) -> None:
    """Say beforehand that the disk is too small; an archive needs about its own size again to be unpacked."""
    free = shutil.disk_usage(part.parent).free
    needed *= 2 if file.unpack else 1
    if needed > free:
        message = f"'{file.name}' needs about {needed >> 20:,} MB in '{part.parent}', {free >> 20:,} MB are free"
        raise OSError(28, message)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path) -> dict:
    try:
        return json.loads(_note(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


@contextmanager
def only_one(lock: Path):
    """Keep a second program from the same work; a lock left behind by a killed one does not count.

    Raises:
        DownloadFailed: where another program, which still runs, holds the lock.
    """
    import filelock

    try:
        with filelock.FileLock(lock, timeout=0):
            yield
            with suppress(OSError):  # Windows keeps it until it is let go
                lock.unlink()  # while it is held: nobody waits for it, so nobody is left holding what is gone
    except filelock.Timeout:
        raise DownloadFailed(f"another program is downloading it (it holds '{lock}'): wait for it") from None


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
