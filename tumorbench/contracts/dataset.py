"""What a data set plugin writes: how its samples are listed and read. Decoding once, resizing, caching and splitting are core's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tumorbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Dataset", "Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One slice.

    id: unique in its data set and the same on every machine.
    label: index into the card's classes.
    image, mask: paths relative to the data set's folder; ``archive.zip!/member`` inside an archive; "" where the slice is computed.
    patient: who it was, where that is known. group: what must not straddle a ``grouped`` split (default: the patient).
    split: the data set's own train/test folder, where it has one.
    """

    id: str
    label: int
    image: str
    mask: str | None = None
    patient: str | None = None
    group: str | None = None
    split: Literal["train", "test"] | None = None


class Dataset:
    """A data set in one folder. A plugin writes ``samples`` and, unless its files are ordinary pictures, ``read_image``/``read_mask``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def samples(self) -> Sequence[Sample]:
        """Every sample, in an order that is the same on every machine.

        Raises: Unavailable where the data set is not in ``root``; BadInput where it is there but incomplete.
        """
        raise NotImplementedError

    def read_image(self, sample: Sample) -> np.ndarray:
        """The slice as uint8 ``(height, width)``, 0 dark to 255 bright. Raises: BadInput for a file that cannot be decoded."""
        return read_grey(self.root / sample.image)

    def read_mask(self, sample: Sample) -> np.ndarray | None:
        """The mask as uint8 ``(height, width)``, 0 = background, the size of its image; None where the set has none."""
        if sample.mask is None:
            return None
        return (read_grey(self.root / sample.mask) > 127).astype("uint8")  # noqa: PLR2004 - the middle of uint8


def read_grey(path: Path) -> np.ndarray:
    """The picture at ``path`` as uint8 ``(height, width)``; transparency is composed on black. Raises: BadInput, naming the file."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as opened:
            picture: Image.Image = opened
            if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
                rgba = opened.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
            return np.array(picture.convert("L"))
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; fetch the data set again") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{path} cannot be decoded ({error}); fetch the data set again or replace the file") from error
