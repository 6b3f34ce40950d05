"""Pretrained weights: what a recipe names, from a file or from the plugin that provides them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.contracts.factory import load
from tumorbench.errors import BadInput, Unavailable
from tumorbench.registry import Registry
from tumorbench.results import file_sha256

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["name_of_file", "weights"]

_absent: dict[str, str] = {}  # name -> why it is not to be had: finding that out without network takes seconds, once a process


def weights(name: str, file: Path | None, registry: Registry) -> Mapping[str, Tensor]:
    """The weights that a recipe calls ``name``, as a state dict on the CPU. Raises: Unavailable, saying what to do; BadInput for a file that is none."""
    if file is not None:
        return _read(file)
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


def name_of_file(file: Path) -> str:
    """What a recipe calls the weights in ``file``: their SHA-256, wherever the file lies. Raises: BadInput where it cannot be read."""
    try:
        return f"sha256:{file_sha256(file)}"
    except OSError as error:
        raise BadInput(f"--weights {file} cannot be read ({error.strerror}); give a file that torch.save or safetensors wrote") from None


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
    if not isinstance(content, dict) or not content or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise BadInput(f"--weights {file} holds no state dict (name -> tensor); save one with torch.save(network.state_dict(), FILE)")
    return content
