"""``MODEL[NAME=VALUE,...]``: from the text to a card with these parameters."""

from __future__ import annotations

import math
import re
from typing import Any

from tumorbench.contracts.card import Scalar
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.words import settings_of, with_settings
from tumorbench.errors import BadInput

__all__ = ["quoted", "split_name", "with_parameters"]

LONGEST_NAME = 500  # characters of a model with its parameters
SHOWN = 80  # characters of a user's text in an error
DIGITS = 18  # of a whole number
WHOLE = re.compile(rf"[+-]?[0-9]{{1,{DIGITS}}}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def split_name(name: str) -> tuple[str, str | None]:
    """A model's id, and what stands in its brackets; None where there are none. Raises: BadInput."""
    if len(name) > LONGEST_NAME:
        raise BadInput(
            f"{quoted(name)} is no model: it has {len(name)} characters, and at most {LONGEST_NAME} are read"
        )
    base, bracket, rest = name.partition("[")
    if not base:
        raise BadInput(f"{quoted(name)} names no model; write MODEL[NAME=VALUE,...]")
    if not bracket:
        return base, None
    write = f"write {quoted(base, marks=False)}[NAME=VALUE,...]"
    if not rest.endswith("]"):
        after = "text after its closing bracket" if "]" in rest else "an opening bracket and no closing one"
        raise BadInput(f"{quoted(name, marks=False)} has {after}; {write}")
    inside = rest[:-1]
    if "[" in inside or "]" in inside:
        raise BadInput(f"{quoted(name, marks=False)} has more than one pair of brackets; {write}")
    return base, inside


def with_parameters(spec: ModelSpec, text: str) -> ModelSpec:
    """The card with the parameters of ``NAME=VALUE,...``; those that change nothing leave the id as it is.

    Raises: BadInput for what is none of the card's parameters nor a word of its recipe, is given twice, or is outside
    of its range.
    """
    recipe, defaults, changed = spec.recipe, settings_of(spec.recipe), {}
    for item in text.split(","):
        key, value = _pair(spec, defaults, item)
        if key in changed:
            raise BadInput(f"{spec.id}[{key}] is given twice; give it once")
        changed[key] = _as_type_of(defaults[key], value, f"{spec.id}[{key}]")
        if fault := spec.range_fault(key, changed[key]):
            raise BadInput(f"{spec.id}[{key}] is {fault}, not {quoted(value)}")
    shown = {key: value for key, value in sorted(changed.items()) if with_settings(recipe, {key: value}) != recipe}
    if not shown:
        return spec
    update: dict[str, Any] = {"recipe": with_settings(recipe, shown), "id": f"{spec.id}[{_joined(shown)}]"}
    if not shown.keys().isdisjoint(recipe.params):
        update["parameters"] = None  # what the source counted is another network
    return spec.model_copy(update=update)


def _joined(values: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def _pair(spec: ModelSpec, defaults: dict[str, Scalar], item: str) -> tuple[str, str]:
    """The name of one of the card's parameters, and the text of its value. Raises: BadInput."""
    known = ", ".join(defaults)
    key, equals, value = (part.strip(" ") for part in item.partition("="))
    if not key:
        raise BadInput(
            f"{spec.id}: a parameter without a name in its brackets, or a comma too many; write "
            f"{spec.id}[NAME=VALUE,...], the parameters are {known}"
        )
    if key not in defaults:
        raise BadInput(f"{spec.id} has no parameter {quoted(key)}; it has {known}")
    if not (equals and value):
        raise BadInput(f"{spec.id}[{key}] has no value; write {key}=VALUE, such as {key}={defaults[key]}")
    return key, value


def _as_type_of(default: Any, value: str, name: str) -> Any:
    """The value as the type of the parameter's default. Raises: BadInput, saying what the type is."""
    if isinstance(default, bool):
        if value.lower() not in TRUTHS:
            raise BadInput(f"{name} is true or false, not {quoted(value)}")
        return TRUTHS[value.lower()]
    if isinstance(default, int):
        if not WHOLE.fullmatch(value):
            write = f"write a whole number of at most {DIGITS} digits, such as {default}"
            raise BadInput(f"{name} is of type int, not {quoted(value)}; {write}")
        return int(value)
    if isinstance(default, float):
        if value.lower().lstrip("+-") not in ("nan", "inf", "infinity") and not NUMBER.fullmatch(value):
            raise BadInput(f"{name} is of type float, not {quoted(value)}; write a number such as {default}")
        if not math.isfinite(float(value)):
            raise BadInput(f"{name} is a finite number, not {quoted(value)}")
        return float(value) + 0.0  # no -0.0, which would be another key for the same network
    if not WORD.fullmatch(value):
        raise BadInput(f"{name} is a word of letters, digits and ._/+-, not {quoted(value)}")
    return value


def quoted(text: str, *, marks: bool = True) -> str:
    """A user's text as it can be shown in one line: escaped where it has to be, and not too long."""
    whole = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return repr(whole) if marks or not whole.isprintable() else whole
