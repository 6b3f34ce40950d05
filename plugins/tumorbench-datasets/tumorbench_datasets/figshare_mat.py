"""The official layout of figshare3064: four zips of MATLAB v7.3 files, read in memory and never unpacked.

Each file holds the struct ``cjdata``: PID (character codes), label (1-3), image (int16), tumorMask, tumorBorder. MATLAB stores columns first, so
arrays that h5py reads are transposed. Intensities have no common scale: each slice is scaled from its own minimum and maximum to 0..255.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench import BadInput, Dataset, Sample

if TYPE_CHECKING:
    import h5py
    import numpy as np

__all__ = ["ARCHIVES", "MatArchives"]

ARCHIVES = tuple(
    f"brainTumorDataPublic_{first_last}.zip" for first_last in ("1-766", "767-1532", "1533-2298", "2299-3064")
)
MEMBER = re.compile(r"(?:.*/)?(\d+)\.mat")
LISTING = ".listing.json"  # what the archives hold, so that 3,064 files are not inflated at every listing
MEND = "delete it and run: tumorbench data fetch figshare3064"

Slice = tuple[str, int, str, str]
"""Number, label (1-3), patient ID, ``ARCHIVE.zip!/MEMBER``."""


class MatArchives(Dataset):
    """The four archives in one folder. Image and mask of a slice are both ``ARCHIVE.zip!/N.mat``."""

    def __init__(self, root: Path, pid_to_group: Callable[[str], str]) -> None:
        super().__init__(root)
        self.pid_to_group = pid_to_group

    def samples(self) -> Sequence[Sample]:
        """Every slice of the four archives, by slice number. Raises: BadInput where an archive is missing, truncated, or holds no slice."""
        missing = [name for name in ARCHIVES if not (self.root / name).exists()]
        if missing:
            raise BadInput(
                f"figshare3064 is incomplete: {', '.join(missing)} missing in {self.root}; run: tumorbench data fetch figshare3064"
            )
        archives = [[name, (stat := (self.root / name).stat()).st_size, stat.st_mtime_ns] for name in ARCHIVES]
        slices = _known_slices(self.root, archives)
        if slices is None:
            slices = sorted((each for name in ARCHIVES for each in self._slices(name)), key=lambda each: int(each[0]))
            _remember_slices(self.root, archives, slices)
        return [
            Sample(number, label - 1, image=path, mask=path, patient=pid, group=self.pid_to_group(pid))
            for number, label, pid, path in slices
        ]

    def read_image(self, sample: Sample) -> np.ndarray:
        """The slice, uint8 ``(height, width)``, its minimum at 0 and its maximum at 255."""
        with _opened(self.root, sample.image) as cjdata:
            return _minimum_to_maximum(cjdata["image"][()].T)

    def read_mask(self, sample: Sample) -> np.ndarray:
        """The mask, 0 or 1. Raises: BadInput for a mask that is not the size of its image."""
        with _opened(self.root, sample.image) as cjdata:
            mask, image = cjdata["tumorMask"], cjdata["image"]
            if mask.shape != image.shape:
                raise BadInput(
                    f"{self.root / sample.image}: tumorMask is {mask.shape[0]}x{mask.shape[1]}, but image is {image.shape[0]}x{image.shape[1]}; {MEND}"
                )
            return (mask[()].T > 0).astype("uint8")

    def _slices(self, name: str) -> Iterator[Slice]:
        members = [
            (member, match[1])
            for member in _archive(self.root / name).namelist()
            if (match := MEMBER.fullmatch(member))
        ]
        if not members:
            raise BadInput(f"{self.root / name} holds no .mat file; {MEND}")
        for member, number in members:
            path = f"{name}!/{member}"
            with _opened(self.root, path) as cjdata:
                pid, label = "".join(map(chr, cjdata["PID"][()].ravel())), int(cjdata["label"][()].item())
            if label not in (1, 2, 3):
                raise BadInput(f"{self.root / path} has label {label}, not 1, 2 or 3; {MEND}")
            yield number, label, pid, path


def _known_slices(root: Path, archives: list[list[Any]]) -> list[Slice] | None:
    """The slices as they were listed last time, where the archives are still the same files."""
    try:
        listing = json.loads((root / LISTING).read_text())
        return (
            [(number, label, pid, path) for number, label, pid, path in listing["slices"]]
            if listing["archives"] == archives
            else None
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember_slices(root: Path, archives: list[list[Any]], slices: list[Slice]) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be written is listed anew each time
        with tempfile.NamedTemporaryFile("w", dir=root, prefix=LISTING, delete=False) as partial:
            json.dump({"archives": archives, "slices": slices}, partial)
        Path(partial.name).replace(root / LISTING)


def _minimum_to_maximum(image: np.ndarray) -> np.ndarray:
    import numpy as np

    lowest, highest = int(image.min()), int(image.max())
    scaled = (image.astype(np.float64) - lowest) * (255 / max(highest - lowest, 1))
    return np.ascontiguousarray(scaled.round().astype(np.uint8))


@contextlib.contextmanager
def _opened(root: Path, path: str) -> Iterator[h5py.Group]:
    """The struct ``cjdata`` of ``ARCHIVE.zip!/MEMBER``. Raises: BadInput for whatever is wrong with the archive or the member."""
    import h5py

    name, member = path.split("!/", 1)
    try:
        content = _archive(root / name).read(member)
        with h5py.File(io.BytesIO(content), "r") as mat:
            yield mat["cjdata"]
    except (OSError, KeyError, ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(
            f"{root / path} cannot be read ({error}); delete {name} and run: tumorbench data fetch figshare3064"
        ) from error


def _archive(path: Path) -> zipfile.ZipFile:
    """The archive, opened once a process and again when the file changes. Raises: BadInput for a missing, truncated or corrupt one."""
    try:
        stat = path.stat()
        return _open_archive(path, stat.st_size, stat.st_mtime_ns, os.getpid())
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path} is truncated or no zip archive ({error}); {MEND}") from error


@lru_cache(maxsize=2 * len(ARCHIVES))
def _open_archive(path: Path, *_identity: Any) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
