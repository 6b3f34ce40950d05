"""What breaks a contract, and what every kind of card promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from tumorbench.contracts.card import Card
from tumorbench.contracts.factory import load
from tumorbench.errors import BadInput

__all__ = ["ContractBroken", "check_card", "promised", "require"]


class ContractBroken(AssertionError):
    """A card or what it stands for does not do what every harness relies on; the message names the fault."""


def check_card(spec: Card) -> None:
    """The card is complete, survives JSON, and its factory can be imported. Raises: ContractBroken."""
    for name, value in spec:
        require(not (isinstance(value, str) and not value.strip()), spec, f"its card leaves {name} empty")
    try:
        same = type(spec).model_validate_json(spec.model_dump_json()) == spec
    except ValidationError as error:
        raise ContractBroken(
            f"{getattr(spec, 'id', type(spec).__name__)}: its card is not valid: {error.errors()[0]['msg']}"
        ) from error
    require(same, spec, "its card changes on the way through JSON")
    with promised(spec):
        load(getattr(spec, "factory"))  # noqa: B009 - every kind of card has one, their base has none


@contextmanager
def promised(spec: Card) -> Iterator[None]:
    """What is refused inside is a broken contract of the card."""
    try:
        yield
    except BadInput as error:
        own = getattr(spec, "id", type(spec).__name__)
        fault = re.sub(rf"^(the model \w+|{re.escape(own)}): ", "", str(error))
        raise ContractBroken(f"{own}: {fault}") from error


def require(holds: bool, spec: Card, fault: str) -> None:
    """``holds`` is true. Raises: ContractBroken, with the card's id and the fault."""
    if not holds:
        raise ContractBroken(f"{getattr(spec, 'id', type(spec).__name__)}: {fault}")
