"""What a folder holds beside what its card publishes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.dataset import Sample
from tumorbench.data.reading import list_samples, open_folder
from tumorbench.errors import BadInput, Unavailable

__all__ = ["Counts", "count", "count_problems", "shortfall"]

Counts = dict[str, dict[str, int]]
"""split ("all", or "train" and "test") -> class -> samples."""


def shortfall(spec: DatasetSpec, folder: Path) -> str | None:
    """Why the folder is not the complete data set, in one line; None where it is."""
    try:
        problems = count_problems(spec, list_samples(spec, open_folder(spec, folder)))
    except (BadInput, Unavailable) as error:
        return str(error)
    return "; ".join(problems) or None


def count(spec: DatasetSpec, samples: Sequence[Sample]) -> Counts:
    """Samples per split and class, as the card divides them."""
    found = Counter((split, spec.classes[sample.label]) for sample in samples for split in ("all", sample.split))
    return {split: {name: found[split, name] for name in spec.classes} for split in spec.counts}


def count_problems(spec: DatasetSpec, samples: Sequence[Sample]) -> list[str]:
    """One line for each split and class whose count is not the published one."""
    problems = []
    for split, counts in count(spec, samples).items():
        for name, found in counts.items():
            published = spec.counts[split][name]
            if found != published:
                own = [
                    sample
                    for sample in samples
                    if spec.classes[sample.label] == name and split in ("all", sample.split)
                ]
                problems.append(f"{spec.id} {split} {name}: {found} of {published} published{_gaps(own, published)}")
    return problems


def _gaps(samples: Sequence[Sample], published: int) -> str:
    """The numbers that lack in the files' numbering, where it is one series without repeats that would have ``published`` members."""
    stems = [PurePosixPath(sample.image).stem for sample in samples]
    numbers = {int(match[1]) for stem in stems if (match := re.search(r"(\d+)\D*$", stem))}
    if not numbers or len(numbers) != len(samples) or max(numbers) - min(numbers) + 1 != published:
        return ""
    lacking = sorted(set(range(min(numbers), max(numbers))) - numbers)
    return f"; the series {min(numbers)}..{max(numbers)} lacks {', '.join(map(str, lacking))}"
