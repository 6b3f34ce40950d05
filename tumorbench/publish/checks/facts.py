"""What is known of a record's split without the record: from the data set's card. ``anew`` has it from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.known import KnownSplit, split_name
from tumorbench.registry import Registry

__all__ = ["LEVELS", "Facts", "Level", "Listed", "Unknown"]

Level = Literal["verified", "with data", "replayed"]
"""How a record was checked, each more than the one before: without data, with them, by running its cell again."""
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known of the split. refused: a record of it is not accepted for that."""

    reason: str
    refused: bool = False


class Facts(Protocol):
    """Whoever knows splits."""

    def of(self, identity: CellIdentity) -> KnownSplit | Unknown:
        """What the cell's split is, whatever the record says."""
        ...

    def level(self, identity: CellIdentity) -> Level:
        """How a record is checked of whose split ``of`` knows."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """The splits that the cards of the installed data sets list.

    strange_copies: whether a record on a copy of a data set that its card does not list is accepted. It may be an
    honest one, of other files or decoded otherwise; or it may be made up, and only the copy itself can tell.
    """

    registry: Registry
    strange_copies: bool = False

    def level(self, identity: CellIdentity) -> Level:  # noqa: ARG002 - the same for all
        """Without data."""
        return "verified"

    def of(self, identity: CellIdentity) -> KnownSplit | Unknown:
        """The listed split of that name."""
        card = self.registry.datasets.get(identity.dataset)
        if card is None:
            return Unknown(f"its split: the data set {identity.dataset} is not installed here")
        if not card.known:
            return Unknown(f"its split: the card of {identity.dataset} lists none")
        copy = next((each for each in card.known if each.fingerprint == identity.dataset_fingerprint), None)
        if copy is None:
            listed = ", ".join(each.fingerprint[:12] for each in card.known)
            return Unknown(
                f"its copy of {identity.dataset} is {identity.dataset_fingerprint[:12]}, and its card lists {listed}; where "
                "that copy is, verify --data checks it, and data splits lists it",
                refused=not self.strange_copies,
            )
        if identity.trained_on or identity.leaves_out:
            return Unknown("its split: it is made of two data sets, and no card lists such a one")
        name = split_name(identity.protocol, identity.fold, identity.model)
        if name not in copy.splits:
            return Unknown(f"its split: the card of {identity.dataset} lists no {name}")
        return copy.splits[name]
