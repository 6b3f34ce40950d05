"""The head on which lesions are drawn: the MNI152 T1 brain that nilearn carries, in a skull and a scalp made from its outline.

Points are ``(3, ...)`` in millimetres of MNI space: right, anterior, superior. Nothing here is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from tumorbench import Unavailable

__all__ = ["Head", "load_head", "ramp", "waves"]

TEMPLATE = Path(
    "datasets", "data", "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
)  # inside the nilearn package; 1 mm, skull-stripped
ORIGIN_MM = np.array([-98.0, -134.0, -72.0])  # of the template's voxel (0, 0, 0)
COARSE_MM = 2  # the outlines' voxels
CLOSING_MM = 16  # sulci narrower than this belong to the brain's outline
EYES_MM = np.array([[-31.0, 60.0, -36.0], [31.0, 60.0, -36.0]])

Points = np.ndarray


@dataclass(frozen=True)
class Head:
    """brain: template intensities 0-255, 1 mm. brain_mm, skull_mm: signed distance to the brain's outline and to the head's inner table, negative inside."""

    brain: np.ndarray
    brain_mm: np.ndarray
    skull_mm: np.ndarray

    def depth(self, points: Points) -> np.ndarray:
        """Millimetres below the brain's outline; negative outside it."""
        return -_sample(self.brain_mm, points, COARSE_MM, outside=99.0)

    def tissue(self, points: Points, scalp_mm: float) -> np.ndarray:
        """T1 intensities, 0 air to 1 fat, of a head without a lesion."""
        brain = _sample(self.brain, points, 1, outside=0.0) / 255
        brain_depth, outside = self.depth(points), _sample(self.skull_mm, points, COARSE_MM, outside=99.0)
        filled = np.where(brain > 0.05, 0.12 + 0.34 * brain, 0.11)  # noqa: PLR2004 - liquid in the sulci
        below = (brain_depth < 0.5) & (outside < 1.5)  # noqa: PLR2004 - the ramps' ends
        base = np.zeros_like(filled)
        base[below] = self._base(points[:, below])
        inside = _mix(base, filled, ramp(brain_depth, -1.5, 0.5))
        bone = 0.06 + 0.2 * ramp(2.0 - np.abs(outside - 5.5), 0.0, 1.5)  # marrow between two dark tables
        head = _mix(inside, np.full_like(inside, 0.1), ramp(outside, 0.0, 1.5))
        head = _mix(head, bone, ramp(outside, 1.5, 2.5))
        head = _mix(head, np.full_like(inside, 0.8), ramp(outside, 8.0, 9.0))
        return _mix(head, np.zeros_like(inside), ramp(outside, 8.5 + scalp_mm, 9.5 + scalp_mm))

    def _base(self, points: Points) -> np.ndarray:
        """The base of the skull: bone, muscle, sinuses and the eyes."""
        texture = waves(points, np.random.default_rng(152), wavelengths_mm=(8.0, 45.0), n=40)
        base = np.clip(0.25 + 0.09 * texture, 0.05, 0.45)
        for eye in EYES_MM:
            distance = np.sqrt(((points - eye.reshape(3, *[1] * (points.ndim - 1))) ** 2).sum(0))
            base = _mix(base, np.full_like(base, 0.62), ramp(18.0 - distance, 0.0, 2.0))
            base = _mix(base, np.full_like(base, 0.14), ramp(12.0 - distance, 0.0, 1.0))
        return base


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, linear between."""
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def waves(points: Points, rng: np.random.Generator, wavelengths_mm: tuple[float, float], n: int) -> np.ndarray:
    """A smooth random field of unit variance: the sum of ``n`` plane waves in random directions."""
    directions = rng.normal(size=(n, 3))
    directions *= (2 * np.pi / rng.uniform(*wavelengths_mm, n) / np.sqrt((directions**2).sum(1)))[:, None]
    phases = rng.uniform(0, 2 * np.pi, n)
    field = np.zeros(points.shape[1:])
    for direction, phase in zip(directions, phases, strict=True):
        field += np.cos(np.tensordot(direction, points, 1) + phase)
    return field * np.sqrt(2 / n)


@cache
def load_head() -> Head:
    """The head, made once a process. Raises: Unavailable where nilearn is not installed or has lost its template."""
    import nibabel

    nilearn = find_spec("nilearn")
    if nilearn is None or nilearn.origin is None:
        raise Unavailable("phantom takes its anatomy from nilearn, which is not installed; run: pip install nilearn")
    path = Path(nilearn.origin).parent / TEMPLATE
    if not path.exists():
        raise Unavailable(
            f"phantom: this nilearn has no {TEMPLATE.name}; run: pip install --force-reinstall 'nilearn>=0.11'"
        )
    brain = np.asarray(nibabel.load(path).dataobj).astype(np.uint8)
    coarse = brain[::COARSE_MM, ::COARSE_MM, ::COARSE_MM] > 0
    ball_voxels = CLOSING_MM / 2 / COARSE_MM
    grown = ndimage.distance_transform_edt(~coarse) <= ball_voxels
    outline = ndimage.distance_transform_edt(grown) > ball_voxels
    head = np.logical_or.accumulate(outline[:, :, ::-1], axis=2)[:, :, ::-1]  # the head goes on below the brain
    return Head(brain, _signed_mm(outline), _signed_mm(head))


def _signed_mm(inside: np.ndarray) -> np.ndarray:
    return COARSE_MM * (ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside))


def _sample(volume: np.ndarray, points: Points, voxel_mm: int, outside: float) -> np.ndarray:
    voxels = (points - ORIGIN_MM.reshape(3, *[1] * (points.ndim - 1))) / voxel_mm
    return ndimage.map_coordinates(volume, voxels, np.float64, order=1, cval=outside)


def _mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    return first + (second - first) * share
