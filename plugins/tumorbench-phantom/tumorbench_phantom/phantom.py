"""The data set: 60 synthetic patients, each a pose, a scanner and a lesion or none, drawn from the patient's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tumorbench import Dataset, Sample
from tumorbench_phantom import PHANTOM
from tumorbench_phantom.anatomy import Points, load_head, waves
from tumorbench_phantom.lesion import Lesion, draw_lesion

__all__ = ["Patient", "Phantom", "draw_patient", "render"]

PATIENTS = 60
SLICES = 4  # of each patient
SIZE = 128
PIXEL_MM = 1.75
CENTRE_MM = np.array([0.0, -17.0, 0.0])  # of the field of view
LEVELS = (-0.5, -0.2, 0.2, 0.5)  # of the slices, in radii from the lesion's centre
KINDS = ("glioma", "meningioma", "pituitary")


class Phantom(Dataset):
    """Computed, not stored: the folder is never read. Sample id: ``p07-s2`` is slice 2 of patient 7."""

    def samples(self) -> Sequence[Sample]:
        """240 slices, 60 a class, patient by patient."""
        return [
            Sample(
                f"p{patient:02d}-s{level}",
                label=patient % len(PHANTOM.classes),
                image="",
                mask="",
                patient=f"p{patient:02d}",
            )
            for patient in range(PATIENTS)
            for level in range(SLICES)
        ]

    def read_image(self, sample: Sample) -> np.ndarray:
        """The slice, uint8 ``(128, 128)``: anterior up."""
        return render(*_patient_and_level(sample))[0].copy()

    def read_mask(self, sample: Sample) -> np.ndarray:
        """The lesion, 0 or 1; all 0 where there is none."""
        return render(*_patient_and_level(sample))[1].copy()


@dataclass(frozen=True)
class Patient:
    """rotation: patient axes to MNI. lesion: also in a patient without one, for the levels of the slices. The rest is the scanner's."""

    kind: str
    lesion: Lesion
    rotation: np.ndarray
    scale: float
    shift_mm: np.ndarray
    scalp_mm: float
    gamma: float
    gain: float
    bias: float
    noise: float


def draw_patient(number: int) -> Patient:
    """The patient of that number: the same on every machine. Pose and scanner are drawn before, and apart from, the lesion."""
    rng = np.random.default_rng([number, 0])
    turn, tilt, nod = np.deg2rad(rng.uniform(-1, 1, 3) * [12, 5, 8])
    pose = {
        "rotation": _rotation(turn, tilt, nod), "scale": rng.uniform(0.92, 1.06), "shift_mm": rng.uniform(-6, 6, 2), "scalp_mm": rng.uniform(2.5, 6.5),
        "gamma": rng.uniform(0.85, 1.3), "gain": rng.uniform(0.85, 1.1), "bias": rng.uniform(0.05, 0.22), "noise": rng.uniform(0.008, 0.03),
    }  # fmt: skip
    kind, rng = PHANTOM.classes[number % len(PHANTOM.classes)], np.random.default_rng([number, 1])
    drawn = kind if kind in KINDS else KINDS[number // len(PHANTOM.classes) % len(KINDS)]
    return Patient(kind, draw_lesion(drawn, rng, load_head()), **pose)


@lru_cache(maxsize=4)
def render(number: int, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of one slice, uint8 ``(128, 128)``."""
    patient, head, rng = draw_patient(number), load_head(), np.random.default_rng([number, 2, level])
    points = _slice_points(patient, LEVELS[level] + rng.uniform(-0.08, 0.08))
    warped = points + 1.5 * np.stack(
        [waves(points, np.random.default_rng([number, 3, axis]), (45.0, 110.0), 6) for axis in range(3)]
    )
    if patient.kind == "notumor":
        signal, mask = head.tissue(warped, patient.scalp_mm), np.zeros((SIZE, SIZE), bool)
    else:
        signal, mask = patient.lesion.paint(
            head.tissue(patient.lesion.displaced(warped), patient.scalp_mm), warped, head
        )
    bias = 1 + patient.bias * np.clip(waves(points, np.random.default_rng([number, 4]), (150.0, 400.0), 4), -2, 2)
    signal = patient.gain * bias * np.maximum(signal, 0.0) ** patient.gamma
    real, imaginary = rng.normal(0, patient.noise, (2, SIZE, SIZE))
    magnitude = np.sqrt((signal + real) ** 2 + imaginary**2)  # Rician noise
    return np.clip(np.round(255 * magnitude), 0, 255).astype(np.uint8), mask.astype(np.uint8)


def _slice_points(patient: Patient, level: float) -> Points:
    """MNI millimetres of every pixel of an axial slice, ``(3, 128, 128)``; level: radii above the lesion's centre."""
    lesion = patient.lesion
    centre = patient.rotation.T @ (lesion.centre_mm - CENTRE_MM)
    height = centre[2] + level * lesion.radius_mm * lesion.stretch[2]
    across = (np.arange(SIZE) - (SIZE - 1) / 2) * PIXEL_MM / patient.scale
    rows, columns = np.meshgrid(-across + patient.shift_mm[0], across + patient.shift_mm[1], indexing="ij")
    flat = np.stack([columns, rows, np.full_like(rows, height)])
    return np.tensordot(patient.rotation, flat, 1) + CENTRE_MM.reshape(3, 1, 1)


def _rotation(turn: float, tilt: float, nod: float) -> np.ndarray:
    """About the vertical axis, then the sagittal, then the transverse one; radians."""
    (ct, cl, cn), (st, sl, sn) = np.cos([turn, tilt, nod]), np.sin([turn, tilt, nod])
    vertical = np.array([[ct, -st, 0], [st, ct, 0], [0, 0, 1]])
    sagittal = np.array([[cl, 0, sl], [0, 1, 0], [-sl, 0, cl]])
    transverse = np.array([[1, 0, 0], [0, cn, -sn], [0, sn, cn]])
    return transverse @ sagittal @ vertical


def _patient_and_level(sample: Sample) -> tuple[int, int]:
    patient, level = sample.id[1:].split("-s")
    return int(patient), int(level)
