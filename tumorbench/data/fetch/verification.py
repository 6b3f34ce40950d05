"""The copy on disk, checked file by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorbench.contracts.cards import DatasetSpec, SourceFile
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.data.fetch.counts import Counts, count, count_problems
from tumorbench.errors import BadInput, TumorbenchError

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. problems: one line each. counts: found; expected: published. hashed: source files checked. decoded: samples read without a fault."""

    problems: tuple[str, ...]
    counts: Counts
    expected: Counts
    hashed: int
    decoded: int

    @property
    def ok(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


def verify(spec: DatasetSpec, dataset: Dataset, root: Path) -> Verification:
    """The copy below the data root ``root``, checked: counts, hashes of the source files that are there, and every image and mask decoded.

    Raises: Unavailable where the data set is not there at all.
    """
    problems = [problem for file in spec.source.files for problem in _file_problems(root / spec.id, file)]
    hashed = sum(1 for file in spec.source.files if file.hash and (root / spec.id / file.name).exists())
    samples: Sequence[Sample] = ()
    try:
        samples = dataset.samples()
        problems += count_problems(spec, samples)
    except BadInput as error:
        problems.append(str(error))
    unread = list(_decoding_problems(dataset, samples))
    return Verification((*problems, *unread), count(spec, samples), spec.counts, hashed, len(samples) - len(unread))


def _file_problems(folder: Path, file: SourceFile) -> Iterator[str]:
    import pooch

    path = folder / file.name
    if path.with_name(f"{file.name}.part").exists():
        yield f"{path}.part is an unfinished download; run the fetch again"
    if not path.exists():
        return
    if file.bytes not in (None, path.stat().st_size):
        yield f"{path} has {path.stat().st_size} bytes, {file.bytes} published; delete it and fetch it again"
    elif file.hash and not pooch.hashes.hash_matches(str(path), file.hash):
        yield f"{path} does not have the published hash {file.hash}; delete it and fetch it again"


def _decoding_problems(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[str]:
    """One line for each sample that cannot be read."""
    from tqdm import tqdm

    for sample in tqdm(samples, desc="decoding", disable=None, leave=False):
        try:
            image, mask = dataset.read_image(sample), dataset.read_mask(sample)
        except TumorbenchError as error:
            yield str(error)
            continue
        if mask is not None and mask.shape != image.shape:
            sizes = ["x".join(map(str, pixels.shape[::-1])) for pixels in (mask, image)]
            yield f"{dataset.root / str(sample.mask)} is {sizes[0]}, but its image {dataset.root / sample.image} is {sizes[1]}; replace the mask"
