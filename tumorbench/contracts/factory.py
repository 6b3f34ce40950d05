"""A card's lazy factory, imported at the moment that it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tumorbench.errors import BadInput

__all__ = ["load"]


def load(path: str) -> Any:
    """What ``package.module:attribute`` names. Raises: BadInput, naming the path and the cause."""
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"the factory {path} cannot be imported ({error}); mend or reinstall its plugin") from error
