"""What is installed, as lists of cards. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tumorbench import registry
from tumorbench.contracts.cards import DatasetSpec, MetricSpec, ModelSpec

__all__ = ["Cards", "datasets", "metrics", "models"]

AnyCard = TypeVar("AnyCard", DatasetSpec, ModelSpec, MetricSpec)


class Cards(list[AnyCard]):
    """A list of cards. It prints as one line a card: its id and its title."""

    def __repr__(self) -> str:
        width = max((len(card.id) for card in self), default=0)
        return "\n".join(f"{card.id:<{width}}  {card.title}" for card in self) or "[]"


def datasets() -> Cards[DatasetSpec]:
    """The card of every installed data set, in the order of their ids, whether or not its files are on this machine.

    >>> import tumorbench as tb
    >>> card = next(card for card in tb.datasets() if card.id == "phantom")
    >>> card.classes, card.synthetic
    (('glioma', 'meningioma', 'notumor', 'pituitary'), True)
    """
    return _sorted(registry.find().datasets.values())


def models() -> Cards[ModelSpec]:
    """The card of every installed model, in the order of their ids.

    Families that are named and not listed, such as ``timm/NAME``, are left out: ``tumorbench list patterns``.

    >>> import tumorbench as tb
    >>> [card.recipe.epochs for card in tb.models() if card.id == "robles-baseline"]
    [20]
    """
    return _sorted(registry.find().models.values())


def metrics() -> Cards[MetricSpec]:
    """The card of every installed metric, in the order of their ids.

    >>> import tumorbench as tb
    >>> [card.higher_is_better for card in tb.metrics() if card.id in ("accuracy", "cross_entropy")]
    [True, False]
    """
    return _sorted(registry.find().metrics.values())


def _sorted(cards: Iterable[AnyCard]) -> Cards[AnyCard]:
    return Cards(sorted(cards, key=lambda card: card.id))
