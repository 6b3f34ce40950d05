"""Pretrained weights: what a recipe names, from a file or from the plugin that provides them."""

from __future__ import annotations

import argparse
import pathlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench.contracts.factory import load
from tumorbench.contracts.files.weights_file import kind_of, refused, shown
from tumorbench.errors import Unavailable
from tumorbench.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AVERAGED", "PLAIN", "read_weights", "weights"]

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "params_ema", "teacher")
PLAIN = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights")

_absent: dict[str, str] = {}  # name -> why it is not available: finding that out without network takes seconds


def weights(name: str, files: Mapping[str, Path], registry: Registry) -> Mapping[str, Tensor]:
    """The weights that a recipe calls ``name``, as a state dict on the CPU. files: those that are at hand, by that name.

    Raises: Unavailable, saying what to do; BadInput for a file that is none.
    """
    if name in files:
        return read_weights(files[name])
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


def read_weights(file: Path) -> Mapping[str, Tensor]:
    """The state dict in ``file``: name -> tensor, on the CPU. Nothing in the file runs.

    A training program's checkpoint holds it under a name of its own. The moving average is taken where there is one, as
    timm does: the first of ``AVERAGED``, else the first of ``PLAIN`` that holds a dict; again, where that holds no tensors.
    Names of tensors stay as the file has them; ``load_backbone`` knows the prefixes.

    Raises: BadInput, in one line that says what the file is and what is expected.
    """
    content = _safetensors(file) if kind_of(file) == "safetensors" else _torch_content(file)
    found = _unwrapped(content, file)
    if empty := next((name for name, tensor in found.items() if tensor.is_meta), None):
        raise refused(file, f"its {shown(empty)} has a shape and no values")
    return found


def _safetensors(file: Path) -> Any:
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except Exception as error:
        raise refused(file, "it begins as a safetensors file does, and is damaged or incomplete") from error


def _torch_content(file: Path) -> Any:
    """What torch.save wrote: tensors, numbers, texts and the settings that training programs keep beside them."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(_harmless()):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise refused(file, _why_unreadable(file)) from error


def _harmless() -> list[Any]:
    """Types that hold settings and results beside the weights, and do nothing when they are made."""
    import numpy as np

    scalar = np.float64(0).__reduce__()[0]  # numpy's own, under the names of its versions 1 and 2
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    numbers = [type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")]
    return [argparse.Namespace, pathlib.PosixPath, pathlib.WindowsPath, np.dtype, *numbers, *names]


def _why_unreadable(file: Path) -> str:
    """Why torch does not read ``file``, in words of ours: torch's fill a page and colour it."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            foreign = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # noqa: BLE001 - as above
        foreign = []
    if foreign:
        named = ", ".join(shown(name) for name in sorted(foreign)[:3])
        return f"it holds more than tensors ({named}), and reading that would run code"
    return "it holds a program or other objects instead of tensors, or is damaged"


def _unwrapped(content: Any, file: Path) -> dict[str, Tensor]:
    """The state dict in ``content``. Raises: BadInput, naming what is there instead."""
    import torch

    trail = ""
    while True:
        if not isinstance(content, Mapping) or not content:
            what = "an empty dict" if isinstance(content, Mapping) else f"an object of type {type(content).__name__}"
            raise refused(file, f"it holds {what}{trail}")
        others = [name for name, held in content.items() if not (isinstance(name, str) and torch.is_tensor(held))]
        if not others:
            return dict(content)
        key = next((key for key in (*AVERAGED, *PLAIN) if isinstance(content.get(key), Mapping) and content[key]), None)
        if key is None:
            raise refused(file, f"{_no_state_dict(content, others)}{trail}")
        content, trail = content[key], f" (under {key!r})"


def _no_state_dict(content: Mapping[Any, Any], others: list[Any]) -> str:
    """What a dict holds that is no state dict. others: the names that do not stand for a tensor."""
    if len(others) < len(content):
        return f"its {shown(str(others[0]))} is of type {type(content[others[0]]).__name__}, not a tensor"
    names = ", ".join(shown(str(name)) for name in others[:5])
    return f"it holds no state dict under any usual name, only {names}"
