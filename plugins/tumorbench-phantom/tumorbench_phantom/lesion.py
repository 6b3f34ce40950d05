"""Synthetic lesions as fields in MNI millimetres: where they are, how bright they are, what they push aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorbench_phantom.anatomy import Head, Points, ramp, waves

__all__ = ["Lesion", "draw_lesion"]

SELLA_MM = np.array([0.0, 4.0, -29.0])
SKULL_BASE_MM = np.array([18.0, 10.0, -24.0])  # beside the sella, where meningiomas also grow


@dataclass(frozen=True)
class Lesion:
    """One lesion. stretch: its half-axes relative to radius_mm. seed: of its outline and texture. The other fields are T1 intensities and thicknesses."""

    kind: str
    centre_mm: np.ndarray
    radius_mm: float
    stretch: np.ndarray
    roughness_mm: float
    rim: float  # intensity of the solid part
    core: float  # intensity of the necrotic or cystic part
    core_share: float  # of the radius; 0: solid throughout
    oedema_mm: float
    push: float  # displacement at the edge, as a share of the radius
    seed: int

    def distance(self, points: Points) -> np.ndarray:
        """Millimetres from the centre, in the lesion's own stretched and roughened measure: its edge is at radius_mm."""
        column = (3, *[1] * (points.ndim - 1))
        offsets = (points - self.centre_mm.reshape(column)) / self.stretch.reshape(column)
        rough = waves(points, np.random.default_rng([self.seed, 1]), (1.2 * self.radius_mm, 3.5 * self.radius_mm), 14)
        return np.sqrt((offsets**2).sum(0)) + self.roughness_mm * rough

    def displaced(self, points: Points) -> Points:
        """Where the healthy tissue at ``points`` was before the lesion grew."""
        offsets = points - self.centre_mm.reshape(3, *[1] * (points.ndim - 1))
        squared = (offsets**2).sum(0) / self.radius_mm**2
        return points - offsets * self.push / (1 + squared**1.5)

    def paint(self, healthy: np.ndarray, points: Points, head: Head) -> tuple[np.ndarray, np.ndarray]:
        """The slice with the lesion, and the lesion's exact mask (core and solid part, without oedema), bool."""
        distance, depth = self.distance(points), head.depth(points)
        texture = waves(points, np.random.default_rng([self.seed, 2]), (4.0, 14.0), 16)
        image = healthy * (
            1
            - 0.3
            * ramp(self.radius_mm + self.oedema_mm * (1 + 0.3 * texture) - distance, 0.0, 4.0)
            * (self.oedema_mm > 0)
            * (depth > 0)
        )
        if self.kind == "meningioma":  # the dural tail
            tail = ramp(1.5 * self.radius_mm - distance, 0.0, 3.0) * ramp(1.8 - np.abs(depth - 0.5), 0.0, 1.0)
            image = image + (self.rim - image) * tail * 0.8
        reach = self.radius_mm - distance
        confined = (
            np.full_like(reach, 9.0) if self.kind == "pituitary" else depth + 0.5
        )  # the others stay inside the dura
        solid = np.clip(self.rim * (1 + (0.14 if self.kind == "glioma" else 0.05) * texture), 0.0, 1.0)
        necrotic = ramp(self.core_share * self.radius_mm - distance + 0.9 * texture, -0.8, 0.8) * (self.core_share > 0)
        body = solid + (self.core * (1 + 0.08 * texture) - solid) * necrotic
        edge = 1.6 if self.kind == "glioma" else 0.8
        share = ramp(np.minimum(reach, confined), -edge, edge)
        return image + (body - image) * share, np.minimum(reach, confined) > 0


def draw_lesion(kind: str, rng: np.random.Generator, head: Head) -> Lesion:
    """A random lesion of one kind: glioma inside the brain, meningioma on the dura, pituitary in the sella."""
    seed = int(rng.integers(2**31))
    stretch = rng.uniform(0.85, 1.2, 3)
    if kind == "glioma":
        radius, ring = rng.uniform(11, 23), rng.random() < 0.7  # noqa: PLR2004 - the others are low-grade: dark, without a ring
        centre = _point_at_depth(rng, head, depth_mm=(0.8 * radius + 2, radius + 20))
        rim, core, share = (
            (rng.uniform(0.58, 0.85), rng.uniform(0.16, 0.26), rng.uniform(0.55, 0.78))
            if ring
            else (rng.uniform(0.2, 0.28), 0.2, 0.0)
        )
        return Lesion(
            kind,
            centre,
            radius,
            stretch,
            0.13 * radius,
            rim,
            core,
            share,
            rng.uniform(3, 14),
            rng.uniform(0.2, 0.4),
            seed,
        )
    if kind == "meningioma":
        radius = rng.uniform(11, 22)
        side = np.array([rng.choice([-1.0, 1.0]), 1.0, 1.0])
        at_base = rng.random() < 0.2  # noqa: PLR2004 - the rest on the convexity
        centre = (
            side * SKULL_BASE_MM + rng.normal(0, 3, 3)
            if at_base
            else _point_at_depth(rng, head, depth_mm=(0.45 * radius, 0.8 * radius))
        )
        return Lesion(
            kind,
            centre,
            radius,
            stretch,
            0.04 * radius,
            rng.uniform(0.6, 0.85),
            0.0,
            0.0,
            rng.choice([0.0, 5.0]),
            rng.uniform(0.3, 0.5),
            seed,
        )
    radius, cystic = rng.uniform(7, 14), rng.random() < 0.35  # noqa: PLR2004 - the rest solid
    centre = SELLA_MM + rng.normal(0, 1.2, 3) + np.array([0.0, 0.0, 0.3 * radius])
    share = rng.uniform(0.4, 0.6) if cystic else 0.0
    return Lesion(
        "pituitary",
        centre,
        radius,
        stretch,
        0.06 * radius,
        rng.uniform(0.5, 0.75),
        rng.uniform(0.2, 0.3),
        share,
        0.0,
        rng.uniform(0.2, 0.4),
        seed,
    )


def _point_at_depth(rng: np.random.Generator, head: Head, depth_mm: tuple[float, float]) -> np.ndarray:
    """A point of the cerebrum at a depth within the range, off the midline."""
    while True:
        candidates = rng.uniform([-68.0, -100.0, -24.0], [68.0, 68.0, 62.0], (256, 3))
        depth = head.depth(candidates.T)
        fits = (depth > depth_mm[0]) & (depth < depth_mm[1]) & (np.abs(candidates[:, 0]) > 12.0)  # noqa: PLR2004 - beside the ventricles
        if fits.any():
            return candidates[np.argmax(fits)]
