"""Names of timm and of segmentation-models-pytorch: what they stand for, and which name was meant by one that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import segmentation_models_pytorch as smp
import timm

from tumorbench import BadInput

__all__ = ["architectures", "encoders", "meant", "nearest", "tagged", "timm_config", "timm_names", "with_setting"]

UNTAGGED = {"tf_efficientnet_lite0.in1k": "tf_efficientnet_lite0"}  # its results were published under the short name


def tagged(name: str) -> str:
    """The one id of timm's network and weights that ``name`` stands for, which timm has.

    A name without a tag gets that of the weights which the installed timm takes for it: ``resnet18`` is
    ``resnet18.a1_in1k``. An architecture without weights keeps its plain name, and so do those of ``UNTAGGED``.
    """
    architecture = name.partition(".")[0]
    config, default = timm_config(name), timm_config(architecture)
    if not config.has_weights:
        return architecture if (config.tag or default.tag) == default.tag else name
    full = f"{architecture}.{config.tag}" if config.tag else architecture
    return UNTAGGED.get(full, full)


def timm_config(
    name: str, prefix: str = "timm/", works: Callable[[str], object] = lambda _: None
) -> timm.models.PretrainedCfg:
    """What timm says of the pretrained model ``name``.

    Raises: BadInput where timm has none of that name, with the nearest that ``works``, shown after ``prefix``.
    """
    renamed = timm.models.get_deprecated_models().get(name)
    if renamed or not timm.is_model(name):
        now = f"it is now {prefix}{renamed}" if renamed else nearest(name, timm_names(), prefix, works)
        raise BadInput(f"timm has no model {name!r}; {now}")
    architecture, _, tag = name.partition(".")
    try:
        config: Any = timm.get_pretrained_cfg(name)
    except RuntimeError:
        known = timm.list_models(f"{architecture}.*", pretrained=True)
        raise BadInput(
            f"timm has no weights {tag!r} of {architecture}; {nearest(name, known, prefix, works)}"
        ) from None
    return config or timm.models.PretrainedCfg()


def timm_names() -> list[str]:
    """Every name that timm has, without a tag and with one."""
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def architectures() -> list[str]:
    """The architectures of segmentation-models-pytorch."""
    return sorted(smp.MODEL_ARCHITECTURES_MAPPING)


def encoders() -> list[str]:
    """Its own encoders, without those that it calls deprecated: ``tu-`` replaces them."""
    return [known for known in smp.encoders.get_encoder_names() if not known.startswith("timm-")]


def with_setting(encoder: str, setting: str) -> str:
    """The id of the weights of one of smp's own encoders."""
    return f"smp/{encoder}.{setting.replace('+', '-')}"


def nearest(name: str, known: Iterable[str], prefix: str, works: Callable[[str], object] = lambda _: None) -> str:
    """A question whether the nearest name was meant: of the three nearest, the first that ``works`` takes."""
    return meant((f"{prefix}{near}" for near in difflib.get_close_matches(name, known, n=3, cutoff=0.4)), works)


def meant(ids: Iterable[str], works: Callable[[str], object]) -> str:
    """A question whether the first of ``ids`` that ``works`` takes was meant."""
    for each in ids:
        try:
            works(each)
        except BadInput:
            continue
        return f"did you mean {each}?"
    return "see their documentation for the names"
