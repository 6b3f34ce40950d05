"""Random changes of the training images, as data: one card of the usual ones, or named transforms in order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import Field, model_validator

from tumorbench.contracts.card import Card

__all__ = ["FLIPS", "TRANSFORMS", "Augmentation", "Changes", "Transform"]

TRANSFORMS: dict[
    str, dict[str, tuple[float, float]]
] = {  # name -> argument -> (its value where none is given, the most)
    "affine": {"rotation_degrees": (0, 360), "zoom": (0, 0.9), "shift": (0, 1), "shear_degrees": (0, 80)},
    "horizontal_flip": {},
    "vertical_flip": {},
    "elastic": {"displacement": (0.02, 1), "points": (6, 64)},
    "brightness": {"reach": (0.1, 1)},
    "contrast": {"reach": (0.2, 1)},
    "gamma": {"reach": (0.3, 3)},
    "noise": {"deviation": (0.03, 1)},
    "bias_field": {"reach": (0.2, 3), "points": (4, 64)},
}
FLIPS = ("horizontal_flip", "vertical_flip")


class Augmentation(Card):
    """Random changes of the training images, drawn anew each epoch on the device; masks follow their image."""

    rotation_degrees: float = 0.0  # uniform in [-r, r]
    zoom: float = 0.0  # scale uniform in [1 - z, 1 + z]
    shift: float = 0.0  # translation uniform in [-s, s] as a share of the side
    horizontal_flip: bool = False
    vertical_flip: bool = False


class Transform(Card):
    """One random change of the training images, by name; docs/recipe.md says what each does to an image in [0, 1]."""

    name: str  # affine, horizontal_flip, vertical_flip, elastic, brightness, contrast, gamma, noise or bias_field
    chance: float | None = Field(default=None, gt=0, le=1)  # of each image; None: 1, and 0.5 for a flip
    arguments: dict[str, float] = Field(default_factory=dict)  # the most that is drawn of each

    @model_validator(mode="after")
    def _is_one_of_the_known(self) -> Transform:
        if self.name not in TRANSFORMS:
            raise ValueError(f"there is no transform {self.name!r}; {_nearest(self.name, TRANSFORMS)}")
        for name, value in self.arguments.items():
            if name not in TRANSFORMS[self.name]:
                raise ValueError(
                    f"{self.name} takes no {name!r}; it takes {', '.join(TRANSFORMS[self.name]) or 'no argument'}"
                )
            least, most = (2 if name == "points" else 0), TRANSFORMS[self.name][name][1]
            if name == "points" and not value.is_integer():
                raise ValueError(f"{self.name}: points is a whole number, not {value:g}")
            if not least <= value <= most:
                raise ValueError(f"{self.name}: {name} is from {least} to {most:g}, not {value:g}")
        if self.name == "affine" and not any(self.arguments.values()):
            raise ValueError(f"affine changes nothing without one of {', '.join(TRANSFORMS['affine'])}")
        return self

    def argument(self, name: str) -> float:
        """What is given for ``name``, or its default."""
        return self.arguments.get(name, TRANSFORMS[self.name][name][0])

    @property
    def share(self) -> float:
        """The share of the images that it changes."""
        return self.chance or (0.5 if self.name in FLIPS else 1.0)


Changes = Augmentation | tuple[Transform, ...]
"""What a recipe's ``augmentation`` may be."""


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
