"""Pictures that cannot be slices are named; what the public sets hold is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tumorbench import registry
from tumorbench.data.audit import audit
from tumorbench.data.decode import decode
from tumorbench.data.quality import flaw

RAMP = np.arange(100, dtype=np.uint8).reshape(10, 10) * 2


def with_share(value: int, share: float) -> np.ndarray:
    """A picture of which a share has that value."""
    image = RAMP.copy() + 1
    image.flat[: round(share * image.size)] = value
    return image


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((4, 4), np.uint8), ("empty", "every pixel is 0")),
        (np.full((1, 1), 7, np.uint8), ("constant", "every pixel is 7")),
        (np.full((4, 4), 255, np.uint8), ("constant", "every pixel is 255")),
        (RAMP // 14, ("constant", "every pixel lies between 0 and 14")),  # 12 bits that were cut down to 4
        (with_share(255, 0.51), ("saturated", "51% of its pixels are 255")),
        (with_share(0, 0.96), ("saturated", "96% of its pixels are 0 or 255")),
        (255 * (RAMP > 150).astype(np.uint8), ("saturated", "100% of its pixels are 0 or 255")),
        (RAMP, None),
        (with_share(255, 0.49), None),
        (with_share(0, 0.9), None),
    ],
)
def test_a_picture_is_empty_constant_saturated_or_may_be_a_slice(image, told):
    assert flaw(image) == told


@pytest.fixture
def yesno(tmp_path):
    """A copy of ten slices, of which three are none."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "yesno253"
    for number in range(10):
        path = folder / ("no" if number % 2 else "yes") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(path)
    for name, value in (("yes/black", 0), ("no/grey", 90), ("no/white", 255)):
        pixels = np.full((8, 8), value, np.uint8)
        pixels[0] = 100 if value == 255 else value
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_verify_names_the_file_of_each(tumorbench, yesno):
    result = tumorbench("data", "verify", "yesno253", "--data-root", yesno.parent)
    assert result.code == 1
    named = [line.removeprefix("tumorbench: ") for line in result.err.splitlines() if "replace or remove it" in line]
    assert named == [
        f"{yesno / 'no/grey.png'} is constant: every pixel is 90; replace or remove it",
        f"{yesno / 'no/white.png'} is saturated: 88% of its pixels are 255; replace or remove it",
        f"{yesno / 'yes/black.png'} is empty: every pixel is 0; replace or remove it",
    ]


def test_audit_lists_them_by_sample(yesno, tmp_path):
    found = registry.find()
    (report,) = audit([decode(found.dataset("yesno253"), tmp_path, tmp_path / "cache")], found).datasets
    names = {key: report[key] for key in ("empty_images", "constant_images", "saturated_images")}
    assert names == {
        "empty_images": ["yes/black.png"],
        "constant_images": ["no/grey.png"],
        "saturated_images": ["no/white.png"],
    }
