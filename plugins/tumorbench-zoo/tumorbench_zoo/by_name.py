"""A card for any name that timm or segmentation-models-pytorch knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import segmentation_models_pytorch as smp
import timm

from tumorbench import BadInput, ModelSpec
from tumorbench_zoo.cards import Normalisation, classifier_card, segmenter_card

__all__ = ["smp_card", "timm_card", "timm_config", "with_setting"]

SYMMETRIC_ENCODERS = (
    "inceptionresnetv2",
    "inceptionv4",
    "xception",
)  # smp's own that were trained on [-1, 1]; all others on ImageNet's mean and deviation
MEANS_AND_DEVIATIONS: dict[Normalisation, tuple[float, ...]] = {
    "imagenet": (0.485, 0.456, 0.406, 0.229, 0.224, 0.225),
    "symmetric": (0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
    "unit": (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
}


def timm_card(name: str) -> ModelSpec:
    """The card of ``timm/NAME``. Raises: BadInput with the nearest name where timm has no such model."""
    name = name.removeprefix("timm/")
    config = timm_config(name)
    weights = f"timm/{name}" if config.has_weights else None
    return classifier_card(name, _normalisation(config), weights, config.license or "see its page", _fixed_size(config))


def smp_card(name: str) -> ModelSpec:
    """The card of ``smp/ARCHITECTURE-ENCODER``. Raises: BadInput with the nearest name where smp has no such architecture or encoder."""
    architecture, _, encoder = name.removeprefix("smp/").partition("-")
    architectures = sorted(smp.MODEL_ARCHITECTURES_MAPPING)
    if architecture not in architectures:
        raise BadInput(
            f"segmentation-models-pytorch has no architecture {architecture!r}; {_nearest(architecture, architectures, 'smp/')}"
        )
    if encoder.startswith("tu-"):
        config = timm_config(encoder.removeprefix("tu-"), f"smp/{architecture}-tu-")
        weights = f"timm/{encoder.removeprefix('tu-')}" if config.has_weights else None
        size = (
            None if architecture == "dpt" else _fixed_size(config)
        )  # smp's DPT interpolates the positions of its encoder
        return segmenter_card(
            architecture, encoder, _normalisation(config), weights, config.license or "see its page", size
        )
    encoders = [
        known for known in smp.encoders.get_encoder_names() if not known.startswith("timm-")
    ]  # smp calls those deprecated; tu- replaces them
    if encoder not in encoders:
        suggestions = [*encoders, *(f"tu-{known}" for known in timm.list_models())]
        raise BadInput(
            f"segmentation-models-pytorch has no encoder {encoder!r}; {_nearest(encoder, suggestions, f'smp/{architecture}-')}"
        )
    normalisation: Normalisation = "symmetric" if encoder in SYMMETRIC_ENCODERS else "imagenet"
    settings = smp.encoders.encoders[encoder]["pretrained_settings"]
    setting = min(settings, key=lambda known: (not known.startswith("imagenet"), known))
    return segmenter_card(
        architecture, encoder, normalisation, with_setting(encoder, setting), "see huggingface.co/smp-hub"
    )


def with_setting(encoder: str, setting: str) -> str:
    """The id of the weights of one of smp's own encoders."""
    return f"smp/{encoder}.{setting.replace('+', '-')}"


def timm_config(name: str, prefix: str = "timm/") -> Any:
    """What timm says of the pretrained model ``name``. Raises: BadInput with the nearest name, shown after ``prefix``."""
    renamed = timm.models.get_deprecated_models().get(name)
    if renamed or not timm.is_model(name):
        raise BadInput(
            f"timm has no model {name!r}; "
            + (f"it is now {prefix}{renamed}" if renamed else _nearest(name, _timm_names(), prefix))
        )
    architecture, _, tag = name.partition(".")
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError:
        tagged = timm.list_models(f"{architecture}.*", pretrained=True)
        raise BadInput(f"timm has no weights {tag!r} of {architecture}; {_nearest(name, tagged, prefix)}") from None
    return config or timm.models.PretrainedCfg()


def _timm_names() -> list[str]:
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def _nearest(name: str, known: Iterable[str], prefix: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean {prefix}{near[0]}?" if near else "see their documentation for the names"


def _normalisation(config: Any) -> Normalisation:
    """The nearest of ours to the mean and deviation of the weights: CLIP's are within 0.06 of ImageNet's."""
    given = (*config.mean, *config.std)
    return min(
        MEANS_AND_DEVIATIONS,
        key=lambda ours: sum((a - b) ** 2 for a, b in zip(MEANS_AND_DEVIATIONS[ours], given, strict=True)),
    )


def _fixed_size(config: Any) -> int | None:
    """Pixels a side of the one image size that the weights fit; None where any does."""
    return config.input_size[-1] if config.fixed_input_size else None
