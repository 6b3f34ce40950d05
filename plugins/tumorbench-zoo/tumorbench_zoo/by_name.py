"""A card for any name that timm or segmentation-models-pytorch knows and that works."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

import segmentation_models_pytorch as smp

from tumorbench import BadInput, ModelSpec, Problem
from tumorbench_zoo import names
from tumorbench_zoo.cards import (
    CLASSIFIER_SIZES,
    SEGMENTER_SIZES,
    Normalisation,
    Sizes,
    classifier_card,
    segmenter_card,
)
from tumorbench_zoo.classifier import timm_classifier
from tumorbench_zoo.names import timm_config
from tumorbench_zoo.segmenter import STRIDE, SmpSegmenter
from tumorbench_zoo.trial import Misfit, fitting_sizes

__all__ = ["smp_card", "timm_card"]

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
RELIABLE = {"dpt": "tu-vit_tiny_patch16_224.augreg_in21k_ft_in1k"}  # an encoder that works; resnet34 for the others
VERSATILE = ("unet", "fpn", "upernet", "dpt", "pspnet")  # architectures, those that take most encoders first
CLASSES = ("a", "b")


def timm_card(name: str) -> ModelSpec:
    """The card of ``timm/NAME``, under its full name (``names.tagged``).

    Raises: BadInput with the nearest name where timm has no such model, and where that model takes no images.
    """
    name = name.removeprefix("timm/")
    config = timm_config(name, works=timm_card)
    name = names.tagged(name)
    weights = f"timm/{name}" if config.has_weights else None
    return classifier_card(name, _normalisation(config), weights, config.license or "see its page", _timm_sizes(name))


def smp_card(name: str) -> ModelSpec:
    """The card of ``smp/ARCHITECTURE-ENCODER``; an encoder of timm is under its full name (``names.tagged``).

    Raises: BadInput with the nearest name where smp has no such architecture or encoder, and where the two do not work
    together with one that does.
    """
    architecture, _, encoder = name.removeprefix("smp/").partition("-")
    if architecture not in names.architectures():
        near = difflib.get_close_matches(architecture, names.architectures(), n=2, cutoff=0.4)
        pairs = [f"smp/{each}-{other}" for each in near for other in (encoder, reliable(each))]
        raise BadInput(
            f"segmentation-models-pytorch has no architecture {architecture!r}; {names.meant(pairs, smp_card)}"
        )
    if not encoder:
        raise BadInput(f"smp/{architecture} names no encoder; write smp/{architecture}-{reliable(architecture)}")
    if encoder.startswith("tu-"):
        prefix = f"smp/{architecture}-tu-"
        config = timm_config(encoder.removeprefix("tu-"), prefix, smp_card)
        encoder = names.tagged(encoder.removeprefix("tu-"))
        weights, licence = f"timm/{encoder}" if config.has_weights else None, config.license or "see its page"
        encoder, normalisation = f"tu-{encoder}", _normalisation(config)
    elif encoder in names.encoders():
        settings = smp.encoders.encoders[encoder]["pretrained_settings"]
        setting = min(settings, key=lambda known: (not known.startswith("imagenet"), known))
        weights, licence = names.with_setting(encoder, setting), "see huggingface.co/smp-hub"
        normalisation = "symmetric" if encoder in SYMMETRIC_ENCODERS else "imagenet"
    else:
        known = [*names.encoders(), *(f"tu-{each}" for each in names.timm_names())]
        meant = names.nearest(encoder, known, f"smp/{architecture}-", smp_card)
        raise BadInput(f"segmentation-models-pytorch has no encoder {encoder!r}; {meant}")
    try:
        sizes = _smp_sizes(architecture, encoder)
    except Misfit as misfit:
        raise BadInput(f"{misfit}; {_instead(architecture, encoder)}") from misfit
    return segmenter_card(architecture, encoder, normalisation, weights, licence, sizes)


def reliable(architecture: str) -> str:
    """An encoder on which that architecture works."""
    return RELIABLE.get(architecture, "resnet34")


@cache
def _timm_sizes(name: str) -> Sizes:
    """Raises: BadInput where timm's model takes no images, or gives no logits of a class each."""

    def make(size: int) -> timm_classifier:
        return timm_classifier(Problem("classification", CLASSES, 3, size), name, frozen=False)

    try:
        return fitting_sizes(f"timm's {name}", make, lambda _: (len(CLASSES),), CLASSIFIER_SIZES, timm_config(name))
    except Misfit as misfit:
        raise BadInput(f"{misfit}; take another, such as timm/{names.tagged('resnet18')}") from misfit


@cache
def _smp_sizes(architecture: str, encoder: str) -> Sizes:
    """Raises: Misfit where smp's architecture does not work on that encoder."""

    def make(size: int) -> SmpSegmenter:
        return SmpSegmenter(Problem("segmentation", CLASSES, 3, size, CLASSES[:1]), architecture, encoder)

    config = timm_config(encoder.removeprefix("tu-")) if encoder.startswith("tu-") else None
    return fitting_sizes(
        f"{architecture} on {encoder}", make, lambda size: (2, size, size), SEGMENTER_SIZES, config, step=STRIDE
    )


def _instead(architecture: str, encoder: str) -> str:
    """What to take instead of two that do not work together: each named pair was tried."""
    pairs = [f"smp/{architecture}-{reliable(architecture)}"]
    for other in VERSATILE:
        try:
            _smp_sizes(other, encoder)
        except Misfit:
            continue
        pairs.append(f"smp/{other}-{encoder}")
        break
    return f"take {' or '.join(pairs)}"


def _normalisation(config: Any) -> Normalisation:
    """The nearest of ours to the mean and deviation of the weights: CLIP's are within 0.06 of ImageNet's."""
    given = (*config.mean, *config.std)
    return min(
        MEANS_AND_DEVIATIONS,
        key=lambda ours: sum((a - b) ** 2 for a, b in zip(MEANS_AND_DEVIATIONS[ours], given, strict=True)),
    )
