"""A data set on disk becomes arrays: found, listed, decoded once into a cache keyed by content, resized from there."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.files.regular import check_file
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.recipe import Crop
from tumorbench.data.crop import brain_box
from tumorbench.data.reading import data_folder, list_samples, open_dataset, read_slice
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Decoded", "brain_box", "data_folder", "decode", "open_dataset"]

DECODE_VERSION = 2  # raised when decoding the same file would give other pixels
RESIZE_VERSION = 2  # raised when resizing or cropping the same pixels would give others

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one decoded slice lies in the cache."""

    offset: int
    height: int
    width: int
    pixels: str  # SHA-256 of shape and pixels: equal for identical images
    mask_offset: int = -1  # -1: no mask
    mask_bytes: int = 0
    mask_pixels: str = ""


@dataclass(frozen=True)
class Decoded:
    """A data set whose every slice is decoded.

    ``fingerprint`` covers labels, patients, the official train and test folders and every pixel.
    """

    spec: DatasetSpec
    samples: tuple[Sample, ...]
    slices: tuple[Slice, ...]
    fingerprint: str
    cache: Path

    def image(self, index: int) -> NDArray[np.uint8]:
        """One slice at its native size, uint8 ``(height, width)``."""
        where = self.slices[index]
        return np.memmap(self.cache / "images.bin", np.uint8, "r", where.offset, (where.height, where.width))

    def mask(self, index: int) -> NDArray[np.uint8] | None:
        """The mask of one slice at its native size, or None."""
        where = self.slices[index]
        if where.mask_offset < 0:
            return None
        with (self.cache / "masks.bin").open("rb") as blob:
            blob.seek(where.mask_offset)
            return np.frombuffer(zlib.decompress(blob.read(where.mask_bytes)), np.uint8).reshape(
                where.height, where.width
            )

    def images(self, size: int, crop: Crop = "none") -> NDArray[np.uint8]:
        """Every slice, uint8 ``(n, size, size)``, cropped, then bilinear with antialiasing; memory-mapped from the cache."""
        if crop == "none" and all(where.height == size and where.width == size for where in self.slices):
            return np.memmap(self.cache / "images.bin", np.uint8, "r", 0, (len(self.slices), size, size))
        return self._resized("images", size, "BILINEAR", self.image, crop)

    def masks(self, size: int, crop: Crop = "none") -> NDArray[np.uint8] | None:
        """Every mask, uint8 ``(n, size, size)``, cropped as its image, nearest neighbour; zero where a slice has none; None where no slice has one."""
        if all(where.mask_offset < 0 for where in self.slices):
            return None
        return self._resized("masks", size, "NEAREST", self.mask, crop)

    def _resized(
        self, name: str, size: int, method: str, read: Callable[[int], NDArray[np.uint8] | None], crop: Crop
    ) -> NDArray[np.uint8]:
        from PIL import Image

        path = self.cache / f"{name}-{size}-{crop}-v{RESIZE_VERSION}.npy"
        if not path.exists():
            resized = np.zeros((len(self.slices), size, size), np.uint8)
            for index in range(len(self.slices)):
                if (native := read(index)) is not None:
                    box = brain_box(self.image(index)) if crop == "brain" else ...
                    resized[index] = np.asarray(
                        Image.fromarray(np.asarray(native[box])).resize((size, size), Image.Resampling[method])
                    )
            with _writing(path), written_whole(path) as partial:
                np.save(partial, resized)
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def decode(spec: DatasetSpec, root: Path, cache_root: Path, progress: Progress | None = None) -> Decoded:
    """The data set, decoded. Files that have not changed since the last time are not opened; what another process decodes is waited for.

    Raises: Unavailable where it is not on disk; BadInput, naming the file, where it is incomplete or corrupt, or where the
    cache cannot be written: what is decoded by then is removed, and the same command begins anew.
    """
    reader = open_dataset(spec, root)
    samples = list_samples(spec, reader)
    _check_classes(spec, samples)
    folder = cache_root / spec.id
    signature = folder / f"{_signature(spec, reader.root, samples)}.json"
    if (found := _cached(folder, signature)) is None:
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(cache_root / f"{spec.id}.lock"):
                found = _cached(folder, signature) or _decode_into(folder, signature, spec, reader, samples, progress)
    cache, slices = found
    return Decoded(spec, samples, slices, cache.name, cache)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """What the file system refuses here leaves as BadInput that names the place. Reading the data set raises no OSError."""
    try:
        yield
    except BrokenPipeError:  # of whoever reads the progress
        raise
    except OSError as error:
        raise BadInput(
            f"{place} cannot be written ({error.strerror or error}); make room there, or name another folder for the cache in "
            "TUMORBENCH_CACHE, then run the same command again"
        ) from error


def _cached(folder: Path, signature: Path) -> tuple[Path, tuple[Slice, ...]] | None:
    """Where the files that the signature stands for are decoded, and each slice there; None where they are not."""
    try:
        cache: Path = folder / json.loads(signature.read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    slices = _whole(cache)
    return None if slices is None else (cache, slices)


def _whole(cache: Path) -> tuple[Slice, ...] | None:
    """Each slice of the cache; None where a file of it is missing or damaged."""
    try:
        slices = tuple(Slice(**where) for where in json.loads((cache / "index.json").read_text()))
        sizes = [(cache / name).stat().st_size for name in ("images.bin", "masks.bin")]
    except (OSError, ValueError, TypeError):
        return None
    due = [sum(where.height * where.width for where in slices), sum(where.mask_bytes for where in slices)]
    return slices if sizes == due else None


def _decode_into(
    folder: Path,
    signature: Path,
    spec: DatasetSpec,
    reader: Dataset,
    samples: Sequence[Sample],
    progress: Progress | None,
) -> tuple[Path, tuple[Slice, ...]]:
    """The decoded data set's own folder below ``folder``, whole; the signature stands for it. Nothing else is left there."""
    partial = folder / "decoding.tmp"
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    partial.mkdir()
    try:
        slices = tuple(_decode_all(spec, reader, samples, partial, progress))
        cache = folder / _fingerprint(spec, samples, slices)
        (partial / "index.json").write_text(json.dumps([asdict(where) for where in slices]))
        if _whole(cache) is None:
            shutil.rmtree(cache, ignore_errors=True)  # of a cache that was damaged
            partial.rename(cache)
        with written_whole(signature, "w") as file:
            json.dump({"fingerprint": cache.name}, file)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return cache, slices


def _check_classes(spec: DatasetSpec, samples: Sequence[Sample]) -> None:
    """True after the call: no class is empty. Raises: BadInput."""
    present = {sample.label for sample in samples}
    for label, name in enumerate(spec.classes):
        if label not in present:
            raise BadInput(
                f"{spec.id} has no sample of class {name}; complete the folder or fetch the data set again: tumorbench data fetch {spec.id}"
            )


def _decode_all(
    spec: DatasetSpec, reader: Dataset, samples: Sequence[Sample], folder: Path, progress: Progress | None
) -> list[Slice]:
    slices: list[Slice] = []
    offset = mask_offset = 0
    with (folder / "images.bin").open("wb") as images, (folder / "masks.bin").open("wb") as masks:
        for done, sample in enumerate(samples):
            image, mask = read_slice(spec, reader, sample)
            images.write(image.tobytes())
            packed = b"" if mask is None else zlib.compress(mask.tobytes(), 1)
            masks.write(packed)
            height, width = image.shape
            where = Slice(offset, height, width, _hash(image))
            if mask is not None:
                where = replace(where, mask_offset=mask_offset, mask_bytes=len(packed), mask_pixels=_hash(mask))
            slices.append(where)
            offset, mask_offset = offset + image.size, mask_offset + len(packed)
            if progress:
                progress("decoding", done + 1, len(samples))
    return slices


def _hash(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _fingerprint(spec: DatasetSpec, samples: Sequence[Sample], slices: Sequence[Slice]) -> str:
    """SHA-256 of the content.

    The publication's folds and recovered patients are no part of it: they decide a split, which has its own
    fingerprint.
    """
    rows = [
        [sample.id, sample.label, sample.patient, sample.group, sample.split, where.pixels, where.mask_pixels]
        for sample, where in zip(samples, slices, strict=True)
    ]
    return hashlib.sha256(canonical_json([spec.id, list(spec.classes), rows])).hexdigest()


def _signature(spec: DatasetSpec, root: Path, samples: Sequence[Sample]) -> str:
    """Changes whenever a file was touched: what is listed, and each file's size and modification time.

    Raises: BadInput for what is missing or no file.
    """
    paths = sorted({path.split("!/")[0] for sample in samples for path in (sample.image, sample.mask) if path})
    stats = []
    for path in paths:
        check_file(root / path)
        found = (root / path).stat()
        stats.append((path, found.st_size, found.st_mtime_ns))
    content = [
        DECODE_VERSION,
        spec.id,
        spec.version,
        spec.mask_classes,
        str(root.resolve()),
        [asdict(replace(sample, fold=None, recovered=None)) for sample in samples],
        stats,
    ]
    return hashlib.sha256(canonical_json(content)).hexdigest()
