"""Grad-CAM: where in a slice the evidence for a class lies, and how much of it lies inside the tumour.

Source: Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, ICCV 2017,
eq. 1 and 2; computed by captum.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["cam_shares", "feature_layer", "grad_cam"]


@dataclass(frozen=True, slots=True)
class _Call:
    """One module's output in a forward pass. shape: without the batch."""

    module: nn.Module
    shape: tuple[int, ...]

    @property
    def has_places(self) -> bool:
        """More than one vector a slice: a feature map, or tokens."""
        return sum(side > 1 for side in self.shape) > 1


def feature_layer(network: nn.Module, images: Tensor) -> nn.Module | None:
    """The module that yields the network's last feature map; None where that is not what it decides by.

    That is the last module whose output has the extent (height, width) of the last convolution with more than one
    place: the convolution itself, or what completes it (activation, residual sum, concatenated branches), before any
    pooling. Without such a convolution there is none, and neither where layers that learn work on its places in another
    form later on (the tokens of a vision transformer, whose only convolution cuts the patches).

    images: as the network takes them; one is enough.
    """
    calls = _calls(network, images)
    maps = [
        index
        for index, call in enumerate(calls)
        if isinstance(call.module, nn.Conv2d) and _extent(call) not in (None, (1, 1))
    ]
    if not maps:
        return None
    times = Counter(id(call.module) for call in calls)
    once = {module for module, count in times.items() if count == 1}  # one that is called again has no single output
    complete = [
        index
        for index in range(maps[-1], len(calls))
        if _extent(calls[index]) == _extent(calls[maps[-1]]) and id(calls[index].module) in once
    ]
    if not complete:
        return None
    last = complete[-1]
    before = {id(call.module) for call in calls[: last + 1]}
    elsewhere = any(call.has_places and _learns_beyond(call.module, before) for call in calls[last + 1 :])
    return None if elsewhere else calls[last].module


def _learns_beyond(module: nn.Module, before: set[int]) -> bool:
    """Whether the module has weights of its own, or within, that no module called ``before`` holds.

    Within, because a fused block does not call what it holds.
    """
    return any(
        id(part) not in before and any(True for _ in part.parameters(recurse=False)) for part in module.modules()
    )


def _extent(call: _Call) -> tuple[int, ...] | None:
    """(height, width) of an output ``(batch, channels, height, width)``; None for another."""
    return call.shape[1:] if len(call.shape) == 3 else None  # noqa: PLR2004 - channels, height, width


def _calls(network: nn.Module, images: Tensor) -> list[_Call]:
    """The outputs of a forward pass in evaluation mode, in the order in which the modules finish.

    An output of several tensors is left out.
    """
    calls: list[_Call] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            calls.append(_Call(module, tuple(output.shape[1:])))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def grad_cam(network: nn.Module, images: Tensor, targets: ArrayLike | Tensor, layer: nn.Module) -> NDArray[np.float32]:
    """Grad-CAM of each image for its target class, float32 ``(batch, size, size)``, 0 or more.

    That is the ReLU of the feature maps' sum, each weighted by its mean gradient. Computed in float32 in evaluation
    mode; no hook and no gradient is left behind, and weights that do not train need none. A map that is 0 throughout
    says that nothing speaks for the class. The small map of ``layer`` is enlarged to the images' size bilinearly.

    images: float32 ``(batch, channels, size, size)``. targets: int64 ``(batch,)``. layer: of ``feature_layer``.
    """
    from captum.attr import LayerGradCam

    network.eval()
    with torch.inference_mode(mode=False), torch.autocast(images.device.type, enabled=False):
        shown = images.detach().float().clone()  # what was made in inference mode takes no part in gradients
        classes = torch.as_tensor(targets, device=shown.device).clone()
        maps = LayerGradCam(network, layer).attribute(shown, classes, relu_attributions=True)
        enlarged = F.interpolate(maps.detach().float(), shown.shape[-2:], mode="bilinear", align_corners=False)
    return np.asarray(enlarged[:, 0].cpu().numpy(), np.float32)


def cam_shares(
    maps: NDArray[np.float32], masks: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(the share of each map's mass that lies inside its mask, the share of the pixels that does), float64 ``(n,)``.

    The first is NaN where the map is 0 throughout or the mask is empty; the second is what a map without preference
    would have.

    maps: ``(n, size, size)``, 0 or more. masks: integers of the same shape, 0 = outside. Raises: ValueError where the
    shapes differ.

    >>> cam_shares(np.array([[[3.0, 1.0], [0.0, 0.0]]], np.float32), np.array([[[1, 0], [0, 0]]]))
    (array([0.75]), array([0.25]))
    """
    if maps.shape != masks.shape:
        raise ValueError(f"maps are {maps.shape} and masks {masks.shape}")
    inside_mask = masks > 0
    mass = maps.sum(axis=(1, 2), dtype=np.float64)
    held = np.where(inside_mask, maps, 0).sum(axis=(1, 2), dtype=np.float64)
    defined = (mass > 0) & inside_mask.any(axis=(1, 2))
    inside = np.divide(held, mass, out=np.full(len(maps), np.nan), where=defined)
    return inside, np.asarray(inside_mask.mean(axis=(1, 2)), np.float64)
