"""Read MATLAB files of any age: version 7.3 ones are HDF5, older ones are not (lectures 05, 06)."""

from pathlib import Path
from typing import Any

import numpy as np


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file: arrays in MATLAB's own axes, structures as dictionaries.

    Args:
        path: of version 4 to 7.3.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a damaged file, or one that is not MATLAB's.
    """
    import scipy.io

    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}': is the data set complete?")
    try:
        if is_hdf5(path):
            with open_hdf5(path) as file:
                return {name: _from_hdf5(file, file[name]) for name in file if not name.startswith("#")}
        variables = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:
        raise ValueError(f"'{path}' is damaged or no MATLAB file ({error}): copy or download it again") from None
    return {name: _plain(value) for name, value in variables.items() if not name.startswith("__")}


def is_hdf5(path: Path) -> bool:
    """Whether a .mat file is of version 7.3: HDF5 behind a header of 512 bytes, or without it."""
    with path.open("rb") as file:
        start = file.read(520)
    return start[:4] == b"\x89HDF" or start[512:516] == b"\x89HDF"


def open_hdf5(path: Path):
    """A version 7.3 file, open for reading piece by piece; HDF5 keeps MATLAB's axes in reverse order.

    Raises:
        ModuleNotFoundError: where h5py is not installed; says how to get it.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise ModuleNotFoundError("MATLAB files of version 7.3 need the package h5py: pip install h5py") from None
    return h5py.File(path, "r")


def _from_hdf5(file, node) -> Any:
    import h5py

    if isinstance(node, h5py.Group):
        return {name: _from_hdf5(file, node[name]) for name in node}
    values = node[()]
    if values.dtype == h5py.ref_dtype or values.dtype == object:
        return [_from_hdf5(file, file[reference]) for reference in values.T.reshape(-1)]
    if node.attrs.get("MATLAB_class") == b"char":
        return "".join(chr(letter) for letter in values.T.reshape(-1))
    return np.squeeze(values.T)


def _plain(value: Any) -> Any:
    """scipy's structures as dictionaries, cell arrays as lists."""
    if hasattr(value, "_fieldnames"):
        return {name: _plain(getattr(value, name)) for name in value._fieldnames}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(part) for part in value.reshape(-1)]
    return value
