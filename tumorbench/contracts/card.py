"""What every card is, and the values that a parameter or a named argument has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Argument", "Card", "Scalar"]

Scalar = bool | int | float | str
Argument = Scalar | tuple[int | float, ...]


class Card(BaseModel):
    """A frozen, validated description; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
