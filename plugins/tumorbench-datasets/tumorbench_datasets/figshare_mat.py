"""The official layout of figshare3064: four zips of MATLAB v7.3 files, read in memory and never unpacked; or what was unpacked of them.

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
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench import BadInput, Dataset, Sample
from tumorbench_datasets.figshare_folds import read_folds

if TYPE_CHECKING:
    import h5py
    import numpy as np

__all__ = ["ARCHIVES", "MatArchives", "MatFiles", "mat_files"]

ARCHIVES = tuple(
    f"brainTumorDataPublic_{first_last}.zip" for first_last in ("1-766", "767-1532", "1533-2298", "2299-3064")
)
MEMBER = re.compile(r"(?:.*/)?(\d+)\.mat")
LARGEST_MEMBER = 1 << 26  # bytes of one .mat file; the published ones have 1 MB
LARGEST_IMAGE = 1 << 25  # pixels
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
        """Every slice of the files, by slice number, with the author's fold where ``cvind.mat`` lies beside them.

        Raises: BadInput where an archive is missing, truncated, or holds no slice.
        """
        names, folds = self._files(), read_folds(self.root)
        stats = [[name, (stat := (self.root / name).stat()).st_size, stat.st_mtime_ns] for name in names]
        slices = _known_slices(self.root, stats)
        if slices is None:
            slices = sorted((each for name in names for each in self._slices(name)), key=lambda each: int(each[0]))
            _remember_slices(self.root, stats, slices)
        return [
            Sample(
                number,
                label - 1,
                image=path,
                mask=path,
                patient=pid,
                group=self.pid_to_group(pid),
                fold=folds[int(number) - 1] if 0 < int(number) <= len(folds) else None,
            )
            for number, label, pid, path in slices
        ]

    def _files(self) -> Sequence[str]:
        """The archives' names. Raises: BadInput where one is missing or no file."""
        missing = [name for name in ARCHIVES if not (self.root / name).is_file()]
        if missing:
            raise BadInput(
                f"figshare3064 is incomplete: {', '.join(missing)} missing in {self.root}; run: tumorbench data fetch figshare3064"
            )
        return ARCHIVES

    def read_image(self, sample: Sample) -> np.ndarray:
        """The slice, uint8 ``(height, width)``, its minimum at 0 and its maximum at 255."""
        with _opened(self.root, sample.image) as cjdata:
            return _minimum_to_maximum(_array(self.root / sample.image, cjdata, "image").T)

    def read_mask(self, sample: Sample) -> np.ndarray:
        """The mask, 0 or 1. Raises: BadInput for a mask that is not the size of its image."""
        with _opened(self.root, sample.image) as cjdata:
            mask, image = cjdata["tumorMask"], cjdata["image"]
            if mask.shape != image.shape:
                raise BadInput(
                    f"{self.root / sample.image}: tumorMask is {mask.shape[0]}x{mask.shape[1]}, but image is {image.shape[0]}x{image.shape[1]}; {MEND}"
                )
            return (_array(self.root / sample.image, cjdata, "tumorMask").T > 0).astype("uint8")

    def _slices(self, name: str) -> Iterator[Slice]:
        members = [
            (member, match[1])
            for member in _archive(self.root / name).namelist()
            if (match := MEMBER.fullmatch(member))
        ]
        if not members:
            raise BadInput(f"{self.root / name} holds no .mat file; {MEND}")
        for member, number in members:
            yield _slice(self.root, number, f"{name}!/{member}")


class MatFiles(MatArchives):
    """The unpacked archives: one ``N.mat`` a slice, in one folder, or in one folder for each archive."""

    def _files(self) -> Sequence[str]:
        """The files' paths. Raises: BadInput where a slice is there twice."""
        first: dict[str, str] = {}
        for path in mat_files(self.root):
            if (other := first.setdefault(Path(path).stem, path)) != path:
                raise BadInput(f"{self.root} holds slice {Path(path).stem} twice: {other} and {path}; keep one of them")
        return list(first.values())

    def _slices(self, name: str) -> Iterator[Slice]:
        yield _slice(self.root, Path(name).stem, name)


def mat_files(folder: Path) -> list[str]:
    """Paths below the folder of the ``N.mat`` files in it and in its folders."""
    places = [folder, *sorted(folder.glob("*/"))]
    return [
        path.relative_to(folder).as_posix()
        for place in places
        for path in sorted(place.glob("*.mat"))
        if MEMBER.fullmatch(path.name) and path.is_file()
    ]


def _slice(root: Path, number: str, path: str) -> Slice:
    with _opened(root, path) as cjdata:
        pid = "".join(map(chr, _array(root / path, cjdata, "PID").ravel()))
        label = int(_array(root / path, cjdata, "label").item())
    if label not in (1, 2, 3):
        raise BadInput(f"{root / path} has label {label}, not 1, 2 or 3; {MEND}")
    return number, label, pid, path


def _array(path: Path, cjdata: h5py.Group, name: str) -> np.ndarray:
    """The array of that name. Raises: BadInput for one that is too large to be of a slice."""
    if cjdata[name].size > LARGEST_IMAGE:
        raise BadInput(f"{path}: {name} has {cjdata[name].size:,} values, more than any slice; {MEND}")
    return cjdata[name][()]


def _known_slices(root: Path, archives: list[list[Any]]) -> list[Slice] | None:
    """The slices as they were listed last time, where the archives are still the same files."""
    if not (root / LISTING).is_file():
        return None
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
    """The struct ``cjdata`` of ``ARCHIVE.zip!/MEMBER``, or of a file. Raises: BadInput for whatever is wrong with it."""
    import h5py

    name, _, member = path.partition("!/")
    try:
        content = io.BytesIO(_member(root / name, member)) if member else root / name
        with h5py.File(content, "r") as mat:
            yield mat["cjdata"]
    except BadInput:
        raise
    except Exception as error:  # h5py and zipfile raise nearly anything on a damaged file
        raise BadInput(
            f"{root / path} cannot be read ({error}); delete {name} and run: tumorbench data fetch figshare3064"
        ) from error


def _member(path: Path, member: str) -> bytes:
    archive = _archive(path)
    if (size := archive.getinfo(member).file_size) > LARGEST_MEMBER:
        raise BadInput(f"{path}!/{member} has {size:,} bytes unpacked, more than any slice; {MEND}")
    return archive.read(member)


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
