"""A data set on disk becomes arrays: found, listed, decoded once into a cache keyed by content, resized from there."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.factory import load
from tumorbench.contracts.recipe import Crop
from tumorbench.contracts.whole import written_whole
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Decoded", "brain_box", "data_folder", "decode", "open_dataset"]

DECODE_VERSION = 1  # raised when decoding the same file would give other pixels
BRIGHT = 45  # of 255: what is darker is air
RESIZE_VERSION = 1  # raised when resizing or cropping the same pixels would give others

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
    """A data set whose every slice is decoded. ``fingerprint`` covers labels, patients, official split and every pixel."""

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
            with written_whole(path) as partial:
                np.save(partial, resized)
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def brain_box(image: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of the largest bright object in a slice, uint8 ``(height, width)``; all of it where nothing is bright.

    Source: the crop by contour of M. Nickparvar's preprocessing script for his data set (blur, threshold at 45 of 255, two erosions, two dilations, the
    largest contour's extreme points); connected components stand for contours here.
    """
    from scipy import ndimage

    bright = ndimage.gaussian_filter(image.astype(np.float32), 0.8) > BRIGHT  # OpenCV's deviation for a 3x3 kernel
    square = np.ones((3, 3), bool)
    opened = ndimage.binary_dilation(ndimage.binary_erosion(bright, square, 2, border_value=1), square, 2)
    objects, count = ndimage.label(ndimage.binary_fill_holes(opened), square)  # filled, as a contour counts its inside
    if not count:
        return slice(0, image.shape[0]), slice(0, image.shape[1])
    largest = 1 + int(np.argmax(np.bincount(objects.ravel())[1:]))
    rows, columns = ndimage.find_objects(objects)[largest - 1]
    return rows, columns


def data_folder(spec: DatasetSpec, root: Path) -> Path:
    """The folder in which the data set is looked for: one per id below the data root."""
    return root / spec.id


def open_dataset(spec: DatasetSpec, root: Path) -> Dataset:
    """The data set's reader for its folder below ``root``; nothing is read yet."""
    reader = load(spec.factory)(data_folder(spec, root))
    if not isinstance(reader, Dataset):
        raise BadInput(f"{spec.factory} gives a {type(reader).__name__}, not a tumorbench.Dataset; mend the plugin")
    return reader


def decode(spec: DatasetSpec, root: Path, cache_root: Path, progress: Progress | None = None) -> Decoded:
    """The data set, decoded. Files that have not changed since the last time are not opened; what another process decodes is waited for.

    Raises: Unavailable where it is not on disk; BadInput, naming the file, where it is incomplete or corrupt.
    """
    reader = open_dataset(spec, root)
    samples = tuple(reader.samples())
    check_samples(spec, samples)
    folder = cache_root / spec.id
    signature = folder / f"{_signature(spec, reader.root, samples)}.json"
    if (cache := _cached(folder, signature)) is None:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_root / f"{spec.id}.lock"):
            cache = _cached(folder, signature) or _decode_into(folder, signature, spec, reader, samples, progress)
    return _load(spec, samples, cache)


def _cached(folder: Path, signature: Path) -> Path | None:
    """Where the files that the signature stands for are decoded; None where they are not."""
    if not signature.exists():
        return None
    cache: Path = folder / json.loads(signature.read_text())["fingerprint"]
    return cache if (cache / "index.json").exists() else None


def _decode_into(
    folder: Path,
    signature: Path,
    spec: DatasetSpec,
    reader: Dataset,
    samples: Sequence[Sample],
    progress: Progress | None,
) -> Path:
    """The decoded data set's own folder below ``folder``, whole; the signature stands for it. Nothing else is left there."""
    partial = folder / "decoding.tmp"
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    partial.mkdir()
    try:
        slices = _decode_all(reader, samples, partial, progress)
        fingerprint = _fingerprint(spec, samples, slices)
        (partial / "index.json").write_text(json.dumps([asdict(where) for where in slices]))
        if not (folder / fingerprint).exists():
            partial.rename(folder / fingerprint)
        with written_whole(signature, "w") as file:
            json.dump({"fingerprint": fingerprint}, file)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / fingerprint


def check_samples(spec: DatasetSpec, samples: Sequence[Sample]) -> None:
    """True after the call: ids are unique, labels are in range, no class is empty. Raises: BadInput."""
    ids = [sample.id for sample in samples]
    if len(set(ids)) != len(ids):
        raise BadInput(
            f"{spec.id} lists a sample id twice: {next(each for each in ids if ids.count(each) > 1)}; mend the plugin's samples()"
        )
    outside = [sample for sample in samples if not 0 <= sample.label < len(spec.classes)]
    if outside:
        raise BadInput(
            f"{spec.id}: sample {outside[0].id} has label {outside[0].label}, but there are {len(spec.classes)} classes; mend the plugin's samples()"
        )
    for label, name in enumerate(spec.classes):
        if all(sample.label != label for sample in samples):
            raise BadInput(
                f"{spec.id} has no sample of class {name}; complete the folder or fetch the data set again: tumorbench data fetch {spec.id}"
            )


def _decode_all(reader: Dataset, samples: Sequence[Sample], folder: Path, progress: Progress | None) -> list[Slice]:
    slices: list[Slice] = []
    offset = mask_offset = 0
    with (folder / "images.bin").open("wb") as images, (folder / "masks.bin").open("wb") as masks:
        for done, sample in enumerate(samples):
            image, mask = reader.read_image(sample), reader.read_mask(sample)
            _check_pixels(sample, image, mask)
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


def _check_pixels(sample: Sample, image: NDArray[Any], mask: NDArray[Any] | None) -> None:
    if image.ndim != 2 or image.dtype != np.uint8 or not image.size:  # noqa: PLR2004 - height and width
        raise BadInput(
            f"{sample.image or sample.id}: an image is uint8 (height, width), not {image.dtype} {image.shape}; mend the data set's read_image"
        )
    if mask is not None and (mask.shape != image.shape or mask.dtype != np.uint8):
        raise BadInput(
            f"mask {sample.mask} is {mask.dtype} {'x'.join(map(str, mask.shape))}, but its image {sample.image} is {'x'.join(map(str, image.shape))}; "
            "replace the mask or fetch the data set again"
        )


def _hash(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _fingerprint(spec: DatasetSpec, samples: Sequence[Sample], slices: Sequence[Slice]) -> str:
    rows = [
        [sample.id, sample.label, sample.patient, sample.group, sample.split, where.pixels, where.mask_pixels]
        for sample, where in zip(samples, slices, strict=True)
    ]
    return hashlib.sha256(canonical_json([spec.id, list(spec.classes), rows])).hexdigest()


def _signature(spec: DatasetSpec, root: Path, samples: Sequence[Sample]) -> str:
    """Changes whenever a file was touched: what is listed, and each file's size and modification time."""
    paths = sorted({path.split("!/")[0] for sample in samples for path in (sample.image, sample.mask) if path})
    try:
        stats = [(path, (stat := (root / path).stat()).st_size, stat.st_mtime_ns) for path in paths]
    except FileNotFoundError as error:
        raise BadInput(
            f"{error.filename} is missing; fetch the data set again: tumorbench data fetch {spec.id}"
        ) from None
    content = [
        DECODE_VERSION,
        spec.id,
        spec.version,
        str(root.resolve()),
        [asdict(sample) for sample in samples],
        stats,
    ]
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _load(spec: DatasetSpec, samples: tuple[Sample, ...], cache: Path) -> Decoded:
    slices = tuple(Slice(**where) for where in json.loads((cache / "index.json").read_text()))
    return Decoded(spec, samples, slices, cache.name, cache)
