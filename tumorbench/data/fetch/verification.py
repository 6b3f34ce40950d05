"""The copy on disk, checked file by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorbench.contracts.cards import DatasetSpec, SourceFile
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.files.regular import shown
from tumorbench.data.fetch.counts import Counts, count, count_problems
from tumorbench.data.quality import flaw
from tumorbench.data.reading import list_samples, open_dataset, read_slice
from tumorbench.errors import BadInput, TumorbenchError

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. problems: one line each. counts: found; expected: published. hashed: source files checked.

    decoded: samples that could be read.
    """

    problems: tuple[str, ...]
    counts: Counts
    expected: Counts
    hashed: int
    decoded: int

    @property
    def ok(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


def verify(spec: DatasetSpec, root: Path) -> Verification:
    """The copy below the data root ``root``, checked: counts, hashes of the source files, every image and mask.

    They are decoded, and no image is empty, constant or saturated (``quality.flaw``).
    Raises: Unavailable where the data set is not there at all.
    """
    dataset = open_dataset(spec, root)
    problems = [problem for file in spec.source.files for problem in _file_problems(dataset.root, file)]
    hashed = sum(1 for file in spec.source.files if file.hash and (dataset.root / file.name).is_file())
    samples: Sequence[Sample] = ()
    try:
        samples = list_samples(spec, dataset)
        problems += count_problems(spec, samples)
    except BadInput as error:
        problems.append(str(error))
    decoded = 0
    for fault, read in _slice_problems(spec, dataset, samples):
        problems += [fault] if fault else []
        decoded += read
    return Verification(tuple(problems), count(spec, samples), spec.counts, hashed, decoded)


def _file_problems(folder: Path, file: SourceFile) -> Iterator[str]:
    import pooch

    path = folder / file.name
    if path.with_name(f"{file.name}.part").exists():
        yield f"{path}.part is an unfinished download; run the fetch again"
    if not path.is_file():
        return
    if file.bytes not in (None, path.stat().st_size):
        yield f"{path} has {path.stat().st_size} bytes, {file.bytes} published; delete it and fetch it again"
    elif file.hash and not pooch.hashes.hash_matches(str(path), file.hash):
        yield f"{path} does not have the published hash {file.hash}; delete it and fetch it again"


def _slice_problems(spec: DatasetSpec, dataset: Dataset, samples: Sequence[Sample]) -> Iterator[tuple[str, bool]]:
    """For each sample what is wrong with it, in one line ("" for nothing), and whether it could be read."""
    from tqdm import tqdm

    for sample in tqdm(samples, desc="decoding", disable=None, leave=False):
        try:
            image, _ = read_slice(spec, dataset, sample)
        except TumorbenchError as error:
            yield str(error), False
            continue
        has = flaw(image)
        name = shown(dataset.root / sample.image) if sample.image else f"sample {shown(sample.id)}"
        yield f"{name} is {has[0]}: {has[1]}; replace or remove it" if has else "", True
