"""Writing files so that a reader sees the old file or the new one, and never half of one."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step.

    Raises:
        OSError: where it cannot be written (full disk, read-only folder); what stood there before still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
