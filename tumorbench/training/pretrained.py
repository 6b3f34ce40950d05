"""Pretrained weights: what a recipe names, from a file or from the plugin that provides them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.contracts.factory import load
from tumorbench.contracts.problem import Budget
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput, Unavailable
from tumorbench.registry import Registry
from tumorbench.store import Store, file_sha256

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CELL", "checkpoint_of", "name_of_file", "weights"]

CELL = "cell:"  # before a model's id: the checkpoint of a finished cell of that model

_absent: dict[
    str, str
] = {}  # name -> why it is not to be had: finding that out without network takes seconds, once a process


def weights(name: str, files: Mapping[str, Path], registry: Registry) -> Mapping[str, Tensor]:
    """The weights that a recipe calls ``name``, as a state dict on the CPU. files: those that are at hand, by that name.

    Raises: Unavailable, saying what to do; BadInput for a file that is none.
    """
    if name in files:
        return _read(files[name])
    if name.startswith(CELL):
        model = name.removeprefix(CELL)
        raise Unavailable(
            f"it starts from a finished cell of {model} in the same store, and there is none of this budget; run one first: -m '{model}'"
        )
    spec = registry.pretrained(name)
    if spec is None:
        raise Unavailable(f"no installed plugin provides the weights {name}; give a file with --weights FILE")
    if name in _absent:
        raise Unavailable(_absent[name])
    try:
        return load(spec.factory)(name)  # type: ignore[no-any-return]
    except Unavailable as reason:
        _absent[name] = str(reason)
        raise


def checkpoint_of(name: str, recipe: Recipe, budget: Budget, store: Store) -> Path | None:
    """The checkpoint of the finished cell that ``cell:MODEL`` names: of the same budget, image size and parameters, the latest of several; else None.

    Parameters that both models have must be equal: a deep heir starts from the checkpoint of an equally deep one.
    """
    found = [
        (record.started_at, path.parent / artifact.path)
        for path, record in store.records()
        if record.status == "ok" and (record.identity.model.partition("[")[0], record.identity.budget) == (name.removeprefix(CELL), budget)
        and all(recipe.params.get(key, value) == value for key, value in record.identity.recipe.params.items())
        and record.identity.recipe.preprocessing.size == recipe.preprocessing.size
        for artifact in record.artifacts
        if artifact.kind == "checkpoint" and (path.parent / artifact.path).exists()
    ]  # fmt: skip
    return max(found)[1] if found else None


def name_of_file(file: Path) -> str:
    """What a recipe calls the weights in ``file``: their SHA-256, wherever the file lies. Raises: BadInput where it cannot be read."""
    try:
        return f"sha256:{file_sha256(file)}"
    except OSError as error:
        raise BadInput(
            f"--weights {file} cannot be read ({error.strerror}); give a file that torch.save or safetensors wrote"
        ) from None


def _read(file: Path) -> Mapping[str, Tensor]:
    import torch

    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - a damaged file raises anything from UnpicklingError to RuntimeError
        raise BadInput(
            f"--weights {file} cannot be read ({' '.join(str(error).split())[:120]}); give a state dict that torch.save or safetensors wrote"
        ) from None
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(tensor, torch.Tensor) for tensor in content.values())
    ):
        raise BadInput(
            f"--weights {file} holds no state dict (name -> tensor); save one with torch.save(network.state_dict(), FILE)"
        )
    return content
