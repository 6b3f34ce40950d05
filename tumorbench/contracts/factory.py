"""A card's lazy factory, imported at the moment that it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tumorbench.contracts.strangers import is_strangers
from tumorbench.errors import BadInput, one_line

__all__ = ["load"]


def load(path: str) -> Any:
    """What ``package.module:attribute`` names.

    Raises: BadInput, naming the path and the cause, whatever the import raises.
    """
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except BaseException as error:
        if not is_strangers(error):
            raise
        cause = str(error) if isinstance(error, ImportError | AttributeError) else one_line(error)
        raise BadInput(f"the factory {path} cannot be imported ({cause}); fix or reinstall its plugin") from error
