"""What somebody's own model returns, checked: class probabilities, masks or images.

What is wrong is one line with the shape that is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.strangers import described
from tumorbench.errors import BadInput

__all__ = ["Predict", "as_images", "as_masks", "as_probabilities", "in_batches"]

Predict = Callable[[Any], Any]
"""Images, float32 ``(batch, 1, size, size)`` from 0 to 1, or for a generator labels, int64 ``(batch,)`` -> an array."""
SUM = 1e-3  # by which the sum of probabilities may differ from 1
MAPS = 4  # axes of a batch of images with channels


def in_batches(predict: Predict, batches: Iterator[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """(how many were asked for, what ``predict`` returned) of each batch, on the CPU. Raises: BadInput for no array."""
    for batch in batches:
        yield len(batch), _array(predict(batch))


def _array(returned: Any) -> NDArray[Any]:
    """What was returned as numpy has it: from torch, TensorFlow, lists. Raises: BadInput."""
    if hasattr(returned, "detach"):
        returned = returned.detach().cpu().numpy()
    try:
        found = np.asarray(returned)
    except Exception as error:  # noqa: BLE001 - of a stranger's object
        raise BadInput(f"predict returned {described(returned)}, not an array: {error}") from None
    if found.dtype.kind not in "biuf":
        raise BadInput(f"predict returned {described(returned)}, not an array of numbers")
    return found


def as_probabilities(rows: Sequence[tuple[int, NDArray[Any]]], classes: Sequence[str]) -> NDArray[np.float32]:
    """Logits or probabilities of each batch -> probabilities, float32 ``(n, classes)``.

    They are taken as probabilities where every row is at least 0 and sums to 1, as logits elsewhere.
    Raises: BadInput for another shape, or what is not finite.
    """
    due = f"({{n}}, {len(classes)}): a logit or a probability for each of {', '.join(classes)}"
    for n, found in rows:
        if found.shape != (n, len(classes)):
            hint = "; of class numbers make rows by numpy.eye(classes)[labels]" if found.shape == (n,) else ""
            raise BadInput(f"predict returned {_shown(found)}, expected {due.format(n=n)}{hint}")
        _require_finite(found, due.format(n=n))
    values = np.concatenate([found for _, found in rows]).astype(np.float64)
    if (values >= 0).all() and (np.abs(values.sum(1) - 1) <= SUM).all():
        return values.astype(np.float32)
    odds = np.exp(values - values.max(1, keepdims=True))
    shares: NDArray[np.float32] = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
    return shares


def as_masks(
    rows: Iterator[tuple[int, NDArray[Any]]], size: int, mask_classes: Sequence[str]
) -> Iterator[NDArray[np.float32]]:
    """Masks or logits of each batch -> how much each pixel is of each class, float32 ``(batch, k, size, size)``.

    Whole numbers ``(batch, size, size)`` are masks, 0 the background; ``(batch, k, size, size)`` are logits or
    probabilities of the background and of each mask class. Raises: BadInput for another shape, or values out of range.
    """
    k = 1 + len(mask_classes)
    due = (
        f"({{n}}, {size}, {size}) of whole numbers 0 to {k - 1}, or ({{n}}, {k}, {size}, {size}) of logits for "
        f"background, {', '.join(mask_classes)}"
    )
    for n, found in rows:
        expected = due.format(n=n)
        if found.shape == (n, k, size, size):
            _require_finite(found, expected)
            yield _shares(found.astype(np.float32))
        elif found.shape == (n, size, size):
            _require_finite(found, expected)
            if not np.isin(found, range(k)).all():
                raise BadInput(f"predict returned a mask of values {found.min()} to {found.max()}, expected {expected}")
            yield (found[:, None] == np.arange(k)[:, None, None]).astype(np.float32)
        else:
            raise BadInput(f"predict returned {_shown(found)}, expected {expected}")


def _shares(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits ``(batch, k, size, size)`` -> probabilities; probabilities stay as they are."""
    if (values >= 0).all() and (np.abs(values.sum(1) - 1) <= SUM).all():
        return values
    odds = np.exp(values - values.max(1, keepdims=True))
    found: NDArray[np.float32] = odds / odds.sum(1, keepdims=True)
    return found


def as_images(rows: Sequence[tuple[int, NDArray[Any]]]) -> NDArray[np.uint8]:
    """Samples of each batch -> images, uint8 ``(n, side, side)``.

    uint8 from 0 to 255, or floats from 0 to 1; ``(batch, side, side)`` or ``(batch, 1, side, side)``.
    Raises: BadInput for another shape, or values out of range.
    """
    parts = []
    for n, found in rows:
        due = f"({n}, side, side) or ({n}, 1, side, side): one image a label, floats from 0 to 1 or uint8"
        images = found[:, 0] if found.shape[1:2] == (1,) and found.ndim == MAPS else found
        square = images.ndim == MAPS - 1 and images.shape[1] == images.shape[2]
        if not square or len(images) != n or not images.size:
            raise BadInput(f"predict returned {_shown(found)}, expected {due}")
        _require_finite(images, due)
        if images.dtype != np.uint8:
            if images.min() < 0 or images.max() > 1:
                raise BadInput(f"predict returned values from {images.min():g} to {images.max():g}, expected {due}")
            images = np.rint(images * 255).astype(np.uint8)
        parts.append(images)
    if len({images.shape[1:] for images in parts}) > 1:
        raise BadInput("predict returned images of several sizes, expected one size for all")
    return np.concatenate(parts)


def _require_finite(found: NDArray[Any], due: str) -> None:
    if wrong := int((~np.isfinite(found)).reshape(len(found), -1).any(1).sum()):
        raise BadInput(f"predict returned NaN or infinity in {wrong} of {len(found)} rows, expected {due}")


def _shown(found: NDArray[Any]) -> str:
    return f"{found.dtype} {found.shape}"
