"""The author's own five folds of figshare3064: the file ``cvind.mat`` of the publication, and the column ``cv_fold`` of the conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tumorbench import BadInput

__all__ = ["FOLDS", "FOLDS_FILE", "read_folds"]

FOLDS = 5
FOLDS_FILE = "cvind.mat"
MEND = "delete it and run: tumorbench data fetch figshare3064"
LARGEST = 1 << 20  # bytes; the published file has 5,736


def read_folds(folder: Path) -> list[int]:
    """The fold, from 0, of slice 1, 2, ... as ``cvind.mat`` in the folder says; [] where the file is not there.

    The file is of MATLAB v7.3 (HDF5), or of v5 to v7; its variable is ``cvind``, or its only one, with one of 1..5 for
    each slice. Raises: BadInput for any other.
    """
    path = folder / FOLDS_FILE
    if not path.exists():
        return []
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise BadInput(f"{path} is not the file of the author's folds, which has 5,736 bytes; {MEND}")
    try:
        values = _variable(path)
        folds = [int(value) - 1 for value in values.ravel()]
        exact = [value - 1 for value in values.ravel().tolist()] == folds
    except Exception as error:  # SciPy and h5py raise nearly anything on a damaged file
        raise BadInput(
            f"{path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}); {MEND}"
        ) from error
    if not folds or not exact or not set(folds) <= set(range(FOLDS)):
        raise BadInput(f"{path} does not hold one fold of 1..{FOLDS} for each slice; {MEND}")
    return folds


def _variable(path: Path) -> Any:
    """The array ``cvind``, else the only one of the file. Raises: KeyError where there is none, or several without that name."""
    import h5py

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            arrays = {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}
    else:
        from scipy.io import loadmat

        arrays = {name: item for name, item in loadmat(path).items() if not name.startswith("__")}
    if "cvind" not in arrays and len(arrays) != 1:
        raise KeyError(f"no variable cvind among {', '.join(sorted(arrays)) or 'none'}")
    return arrays.get("cvind", next(iter(arrays.values())))
