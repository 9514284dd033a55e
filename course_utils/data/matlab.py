"""Read MATLAB files of any age: version 7.3 ones are HDF5, older ones are not (lectures 05, 06)."""

from pathlib import Path
from typing import Any


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file: arrays in MATLAB's own axes, structures as dictionaries.

    Args:
        path: of version 4 to 7.3.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a damaged file, or one that is not MATLAB's.
    """
    import pymatreader

    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}': is the data set complete?")
    try:
        return pymatreader.read_mat(path)
    except Exception as error:
        raise ValueError(f"'{path}' is damaged or no MATLAB file ({error}): copy or download it again") from None
