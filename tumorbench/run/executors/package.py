"""A package that only one executor needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tumorbench.errors import BadInput

__all__ = ["package"]


def package(name: str, executor: str, extra: str) -> Any:
    """The package. Raises: BadInput, naming the extra that installs it, where it is not here."""
    try:
        return import_module(name)
    except ImportError as error:
        raise BadInput(
            f"the executor {executor} needs the package {name} ({error}); pip install 'tumorbench[{extra}]'"
        ) from None
