"""Segmentation metrics: ``metric(confusions, mask_classes)`` -> values by full name, None where undefined.

confusions: int64 ``(n, k, k)``, one pixel confusion matrix an image, ``[true, predicted]``, class 0 the background, of
masks at the data set's own size: what a network says is resized to it, the true mask never is. mask_classes: the k - 1
foreground names.

The headline values are of the foreground. With one foreground class there is one value; with several, ``NAME`` is the
mean over them and ``NAME/CLASS`` each of them. A class with no pixel in truth or prediction is undefined (0/0): its own
value is None and means leave it out.

Slices without a lesion and small lesions: pooled values count pixels, so a false alarm in a slice without a lesion
counts as many pixels as it has, and a small lesion counts little. In means over images a slice with foreground in
neither truth nor prediction is left out, and one with foreground in one of them alone counts 0. Both kinds of slices
have a value of their own beside: ``lesion_free_specificity`` and ``dice_small_lesions``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "dice",
    "dice_image_mean",
    "dice_of_images",
    "dice_small_lesions",
    "iou",
    "iou_image_mean",
    "keras_meaniou_bug",
    "lesion_free_specificity",
    "lesion_pixels",
    "pixel_accuracy",
    "pixel_confusion",
    "pixel_confusions",
]

Values = dict[str, float | None]
Mask = NDArray[np.uint8]
Confusions = NDArray[np.int64]
Scores = NDArray[np.float64]

SMALL = 256  # a lesion of fewer than one pixel in so many is small


def pixel_confusions(true: Sequence[Mask], predicted: Sequence[Mask], k: int) -> Confusions:
    """One confusion matrix an image, int64 ``(n, k, k)``, ``[true, predicted]``, of masks uint8 ``(height, width)``.

    Images may differ in size; the two masks of one do not. Raises: ValueError where they do, or for a value above k -
    1.

    >>> pixel_confusions(np.array([[[0, 0, 1]]], np.uint8), np.array([[[0, 1, 1]]], np.uint8), 2).tolist()
    [[[1, 1], [0, 1]]]
    """
    found = [pixel_confusion(*pair, k) for pair in zip(true, predicted, strict=True)]
    return np.array(found, np.int64).reshape(-1, k, k)


def pixel_confusion(true: Mask, predicted: Mask, k: int) -> Confusions:
    """The confusion matrix of one image, int64 ``(k, k)``, as ``pixel_confusions``."""
    if true.shape != predicted.shape:
        raise ValueError(f"the true mask is {true.shape}, the predicted mask {predicted.shape}")
    if true.size and max(true.max(), predicted.max()) >= k:
        raise ValueError(f"a mask value is not one of the {k} classes (background and {k - 1} foreground)")
    joint = true.ravel().astype(np.int64) * k + predicted.ravel()
    return np.bincount(joint, minlength=k * k).reshape(k, k)


def lesion_pixels(confusions: Confusions) -> Confusions:
    """Confusions ``(n, k, k)`` with the foreground classes taken together, ``(n, 2, 2)``."""
    rows = np.stack([confusions[:, 0], confusions[:, 1:].sum(1)], 1)
    return np.stack([rows[:, :, 0], rows[:, :, 1:].sum(2)], 2)


def dice_of_images(confusions: Confusions) -> Scores:
    """Each image's Dice of the foreground, its classes taken together; NaN where neither mask has any."""
    return _dice(lesion_pixels(confusions))[:, 0]


def iou(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Foreground intersection over union (Jaccard), pixels of all images pooled.

    Higher is better, 0 to 1; None without a foreground pixel.
    Pooled, a large tumour counts more than a small one; ``iou_image_mean`` counts images alike.

    >>> iou(np.array([[[90, 2], [3, 5]]]), ("tumour",))
    {'iou': 0.5}
    """
    return _named("iou", _iou(confusions.sum(axis=0)), mask_classes)


def dice(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Foreground Dice coefficient (the F1 of pixels), pixels of all images pooled.

    Higher is better, 0 to 1; None without a foreground pixel.

    Source: Dice, Measures of the amount of ecologic association between species, Ecology 1945. Equals 2 IoU / (1 +
    IoU), class by class.

    >>> dice(np.array([[[90, 2], [3, 5]]]), ("tumour",))
    {'dice': 0.6666666666666666}
    """
    return _named("dice", _dice(confusions.sum(axis=0)), mask_classes)


def iou_image_mean(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Mean over images of each image's foreground IoU.

    Higher is better, 0 to 1; None where no image has a foreground pixel. An image with foreground in neither truth nor
    prediction is left out (it is 0/0, and counting it as 1 would reward empty slices); one with foreground only in the
    prediction counts 0. With several foreground classes an image's value is the mean over the classes it has in either.

    >>> iou_image_mean(np.array([[[90, 2], [3, 5]], [[99, 0], [1, 0]], [[100, 0], [0, 0]]]), ("tumour",))
    {'iou_image_mean': 0.25}
    """
    return {"iou_image_mean": _image_mean(_iou, confusions, mask_classes)}


def dice_image_mean(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Mean over images of each image's foreground Dice.

    Higher is better, 0 to 1; undefined and empty images as in ``iou_image_mean``.

    >>> dice_image_mean(np.array([[[90, 2], [3, 5]], [[99, 0], [1, 0]]]), ("tumour",))
    {'dice_image_mean': 0.3333333333333333}
    """
    return {"dice_image_mean": _image_mean(_dice, confusions, mask_classes)}


def dice_small_lesions(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Mean foreground Dice over the images whose true lesion is small: under 1 pixel in 256 of its slice.

    That is 1,024 of 512 x 512 pixels, the smallest tenth of Figshare's lesions. Higher is better, 0 to 1; None where no
    image has so small a lesion. Several foreground classes are taken together.

    Source of the need: small structures, where Dice changes much by few pixels, are to be reported apart (Maier-Hein et
    al., Metrics reloaded, Nature Methods 2024).

    >>> dice_small_lesions(np.array([[[998, 0], [1, 1]], [[900, 0], [0, 100]], [[1000, 0], [0, 0]]]), ("tumour",))
    {'dice_small_lesions': 0.6666666666666666}
    """
    _pooled(confusions, mask_classes)
    true = confusions[:, 1:].sum(axis=(1, 2))
    small = (true > 0) & (true * SMALL < confusions.sum(axis=(1, 2)))
    return {"dice_small_lesions": _mean(dice_of_images(confusions[small]))}


def lesion_free_specificity(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Share of the images without a true lesion in which not one pixel is marked.

    Higher is better, 0 to 1; None where every image has a lesion.

    >>> lesion_free_specificity(np.array([[[1000, 0], [0, 0]], [[999, 1], [0, 0]], [[990, 0], [0, 10]]]), ("tumour",))
    {'lesion_free_specificity': 0.5}
    """
    _pooled(confusions, mask_classes)
    free = confusions[confusions[:, 1:].sum(axis=(1, 2)) == 0]
    return {"lesion_free_specificity": float((free[:, 0, 1:].sum(axis=1) == 0).mean()) if len(free) else None}


def pixel_accuracy(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """Share of all pixels, background included, that are given their true class.

    Higher is better, 0 to 1; None without pixels. An empty mask scores the background's share of the pixels, 0.983
    where tumours cover 1.687 %: it says next to nothing about the tumour.

    >>> pixel_accuracy(np.array([[[90, 2], [3, 5]]]), ("tumour",))
    {'pixel_accuracy': 0.95}
    """
    pooled = _pooled(confusions, mask_classes)
    return {"pixel_accuracy": float(np.trace(pooled) / pooled.sum()) if pooled.sum() else None}


def keras_meaniou_bug(confusions: Confusions, mask_classes: tuple[str, ...]) -> Values:
    """What Keras's ``MeanIoU`` prints when its predictions have collapsed to background.

    Descriptive: neither direction is better, 0 to 1. ``MeanIoU`` casts its inputs to integer labels, so probabilities
    below 1 (and an arg max taken over the wrong axis) all become 0. It then averages the background's IoU, which is the
    background's share of the pixels, with an IoU of 0 for each foreground class in the truth. The value depends on the
    true masks alone, never on the model: 0.4916 where the tumour covers 1.687 % of the pixels. A truth without
    foreground gives 1 (Keras leaves out classes that do not occur); None without pixels. It is of the true masks at the
    data set's own size; the report took it at 128 x 128 pixels, where nearest neighbours keep that share.

    >>> keras_meaniou_bug(np.array([[[98313, 0], [0, 1687]]]), ("tumour",))
    {'keras_meaniou_bug': 0.491565}
    """
    true_pixels = _pooled(confusions, mask_classes).sum(axis=1)
    if not true_pixels.sum():
        return {"keras_meaniou_bug": None}
    background_iou = true_pixels[0] / true_pixels.sum()
    occurring = 1 + np.count_nonzero(
        true_pixels[1:]
    )  # every pixel is predicted background, so the background always occurs
    return {"keras_meaniou_bug": float(background_iou / occurring)}


def _iou(confusions: Confusions) -> Scores:
    """IoU of each foreground class, ``(..., k)`` -> ``(..., k - 1)``; NaN for 0/0."""
    hits, true, predicted = _foreground_counts(confusions)
    return _ratio(hits, true + predicted - hits)


def _dice(confusions: Confusions) -> Scores:
    """Dice of each foreground class, as ``_iou``."""
    hits, true, predicted = _foreground_counts(confusions)
    return _ratio(2 * hits, true + predicted)


def _foreground_counts(confusions: Confusions) -> tuple[Confusions, Confusions, Confusions]:
    """Pixels of each foreground class that are hit, true and predicted."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return hits[..., 1:], confusions.sum(axis=-1)[..., 1:], confusions.sum(axis=-2)[..., 1:]


def _ratio(numerator: Confusions, denominator: Confusions) -> Scores:
    undefined = np.full(numerator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def _named(name: str, scores: Scores, mask_classes: tuple[str, ...]) -> Values:
    """The foreground mean as ``name`` and, with several foreground classes, each as ``name/CLASS``."""
    if scores.shape != (len(mask_classes),):
        raise ValueError(
            f"confusion matrices of {1 + len(scores)} classes for {len(mask_classes)} mask classes and the background"
        )
    values: Values = {name: _mean(scores)}
    if len(mask_classes) > 1:
        values |= {
            f"{name}/{title}": None if np.isnan(score) else float(score)
            for title, score in zip(mask_classes, scores, strict=True)
        }
    return values


def _image_mean(
    score: Callable[[Confusions], Scores], confusions: Confusions, mask_classes: tuple[str, ...]
) -> float | None:
    _pooled(confusions, mask_classes)
    per_image = [_mean(scores) for scores in score(confusions)]
    return _mean(np.array([value for value in per_image if value is not None]))


def _mean(scores: Scores) -> float | None:
    """Mean of those that are defined; None where none is."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if defined.size else None


def _pooled(confusions: Confusions, mask_classes: tuple[str, ...]) -> Confusions:
    """The sum over images. Raises: ValueError where the matrices are not of the background and ``mask_classes``."""
    k = 1 + len(mask_classes)
    if confusions.shape[1:] != (k, k):
        given = f"the background and {len(mask_classes)} mask classes"
        raise ValueError(f"confusion matrices are {confusions.shape[1:]}, not {(k, k)} for {given}")
    return np.asarray(confusions.sum(axis=0))
