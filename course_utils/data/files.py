"""Files that are never half there, and archives that land nowhere but in their folder (all lectures)."""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        OSError: where it cannot be written (full disk, read-only folder); what stood there before still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


UNPACKING = ".unpacking-"


class UnsafeArchive(ValueError):
    """An archive that tries to write outside of its folder, or is damaged; nothing of it was unpacked."""


def unpack(archive: Path, folder: Path, inside: str = "") -> None:
    """Unpack a .zip, .tar, .tar.gz, .tgz, .tar.bz2 or .tar.xz into a folder.

    All names are looked at before anything is written. The files are written beside the folder and moved into it at
    the end, so that a killed program leaves no half of them where they would be found.

    Args:
        archive: the file.
        folder: where its contents go; what is there already and bears the same name is replaced.
        inside: only this folder of the archive is taken, and becomes the top, if it is there.

    Raises:
        UnsafeArchive: for absolute names, names with "..", links that lead out, devices, or a damaged archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=UNPACKING, dir=folder))
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, workplace)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, workplace)
        else:
            raise UnsafeArchive(f"'{archive.name}' is neither a ZIP nor a tar archive")
        top = workplace / inside if inside and (workplace / inside).is_dir() else workplace
        _move_into(top, folder)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, UnsafeArchive) or getattr(error, "errno", None) == 28:
            raise
        raise UnsafeArchive(f"archive '{archive.name}' is damaged: {error or type(error).__name__}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def refuse_name(name: str, archive: str) -> PurePosixPath:
    """The name as a path inside the folder.

    Raises:
        UnsafeArchive: for a name that leads elsewhere on any system.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    drive = bool(path.parts) and ":" in path.parts[0]
    if path.is_absolute() or drive or ".." in path.parts or "\0" in name:
        raise UnsafeArchive(f"archive '{archive}' holds '{name}', which leads out of its folder: nothing was unpacked")
    return path


def _refuse_link(member: tarfile.TarInfo, archive: str) -> None:
    """A symbolic link is read from where it lies, a hard link from the archive's top."""
    start = PurePosixPath(member.name).parent if member.issym() else PurePosixPath()
    target = PurePosixPath(member.linkname.replace("\\", "/"))
    depth = 0
    for part in (*start.parts, *target.parts):
        depth += -1 if part == ".." else part not in (".", "")
        if depth < 0:
            break
    if target.is_absolute() or depth < 0 or ":" in member.linkname:
        raise UnsafeArchive(
            f"archive '{archive}' holds the link '{member.name}' to '{member.linkname}', which leads out of its "
            "folder: nothing was unpacked"
        )


def _unpack_tar(archive: Path, workplace: Path) -> None:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        links = set()
        for member in members:
            path = refuse_name(member.name, archive.name)
            if member.issym() or member.islnk():
                _refuse_link(member, archive.name)
            elif not (member.isfile() or member.isdir()):
                raise UnsafeArchive(f"archive '{archive.name}' holds the device '{member.name}': nothing was unpacked")
            # A link, then a file "inside" of it: the link must not be followed while unpacking.
            if any(parent in links for parent in path.parents):
                raise UnsafeArchive(f"archive '{archive.name}' writes through the link above '{member.name}'")
            if member.issym():
                links.add(path)
        _refuse_too_large(sum(member.size for member in members), archive, workplace)
        tar.extractall(workplace, members=members, filter="data")


def _unpack_zip(archive: Path, workplace: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            refuse_name(member.filename, archive.name)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UnsafeArchive(
                    f"archive '{archive.name}' holds the link '{member.filename}': nothing was unpacked"
                )
        _refuse_too_large(sum(member.file_size for member in packed.infolist()), archive, workplace)
        packed.extractall(workplace)


def _refuse_too_large(size: int, archive: Path, workplace: Path) -> None:
    free = shutil.disk_usage(workplace).free
    if size > free:
        message = f"'{archive.name}' unpacks to {size >> 20:,} MB, {free >> 20:,} MB are free in '{workplace.parent}'"
        raise OSError(28, message)


def _move_into(source: Path, folder: Path) -> None:
    """Whole folders at once where they are new; file by file where a folder is there already."""
    for entry in sorted(source.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and not entry.is_symlink() and target.is_dir():
            _move_into(entry, target)
        else:
            os.replace(entry, target)
