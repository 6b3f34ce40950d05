"""Where the brain lies in a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brain_box"]

BRIGHT = 45  # of 255: what is darker is air
KERNEL = np.array([1, 2, 1], np.uint16)  # along rows and columns: OpenCV's 3 x 3 kernel of GaussianBlur


def brain_box(image: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of the largest bright object in a slice, uint8 ``(height, width)``; all of it where nothing is bright.

    Source: the crop by contour of M. Nickparvar's preprocessing script for his data set (blur, threshold at 45 of 255, two erosions, two dilations, the
    largest contour's extreme points); connected components stand for contours here.
    """
    bright = _blurred(image) > BRIGHT * int(KERNEL.sum()) ** 2
    opened = _dilated(~_dilated(~bright))  # what is dilated outside an object is eroded inside; no edge erodes
    boxes, areas = _objects(opened)
    if not boxes:
        return slice(0, image.shape[0]), slice(0, image.shape[1])
    largest = int(np.argmax(areas))
    extents = sorted((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes)
    if len(boxes) > 1 and extents[-2] >= areas[largest]:  # else no other one is as large, whatever it encloses
        boxes, areas = _objects(_filled(opened))  # as a contour counts its inside
        largest = int(np.argmax(areas))
    return boxes[largest]


def _objects(bright: NDArray[np.bool_]) -> tuple[list[tuple[slice, slice]], NDArray[np.int64]]:
    """(the bounding box of each connected object, how many pixels it has)."""
    from scipy import ndimage

    objects, _ = ndimage.label(bright, np.ones((3, 3), bool))
    return ndimage.find_objects(objects), np.bincount(objects.ravel())[1:]


def _blurred(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The slice blurred by the kernel, times the kernel's sum (16); what is beyond an edge repeats it."""
    wide = np.pad(image.astype(np.uint16), 1, "edge")
    first, middle, last = KERNEL
    rows = first * wide[:-2] + middle * wide[1:-1] + last * wide[2:]
    found: NDArray[np.uint16] = first * rows[:, :-2] + middle * rows[:, 1:-1] + last * rows[:, 2:]
    return found


def _dilated(bright: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True wherever a bright pixel is at most two rows and two columns away: two dilations by a square of 3 x 3."""
    found = bright
    for axis in (0, 1):
        spread = found.copy()
        for step in range(1, min(3, found.shape[axis])):
            near, far = [slice(None)] * 2, [slice(None)] * 2
            near[axis], far[axis] = slice(step, None), slice(None, -step)
            spread[tuple(near)] |= found[tuple(far)]
            spread[tuple(far)] |= found[tuple(near)]
        found = spread
    return found


def _filled(objects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The objects with their holes: what is dark and not joined to an edge of the picture, by sides of pixels."""
    from scipy import ndimage

    dark, count = ndimage.label(~objects)
    outside = np.zeros(count + 1, bool)
    for edge in (dark[0], dark[-1], dark[:, 0], dark[:, -1]):
        outside[edge] = True
    outside[0] = False
    inside: NDArray[np.bool_] = ~outside[dark]
    return inside
