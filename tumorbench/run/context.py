"""Where a run happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.data import decode, split
from tumorbench.data.locations import cache_root
from tumorbench.registry import Registry
from tumorbench.store import Store

__all__ = ["Bench"]


@dataclass(slots=True)
class Bench:
    """Where a run happens: what is installed, the data, the store and the device. Data sets are decoded once and kept."""

    registry: Registry
    store: Store
    data_root: Path
    device: str
    progress: decode.Progress | None = None
    weights: Path | None = None  # the file given with --weights
    judge: str | None = None  # the classifier that ``tstr`` trains, where it is not the first that says it judges
    files: dict[str, Path] = field(default_factory=dict)  # of weights, by the name that a recipe gives them
    decoded: dict[str, decode.Decoded] = field(default_factory=dict)
    splits: dict[str, split.Split] = field(
        default_factory=dict
    )  # models share them: grouping 7,000 slices takes seconds

    def decode(self, spec: DatasetSpec) -> decode.Decoded:
        """The data set, decoded. Raises: Unavailable or BadInput, as ``decode.decode``."""
        if spec.id not in self.decoded:
            self.decoded[spec.id] = decode.decode(spec, self.data_root, cache_root() / "decoded", self.progress)
        return self.decoded[spec.id]
