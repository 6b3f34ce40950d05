"""Slices and masks to draw, and what is written in a figure."""

import numpy as np
import pytest

from tumorbench.figures import canvas


@pytest.fixture
def slices():
    return np.random.default_rng(7).integers(0, 256, (30, 24, 24), dtype=np.uint8)


@pytest.fixture
def blobs():
    masks = np.zeros((30, 24, 24), int)
    masks[:, 6:14, 6:14] = 1
    return masks


@pytest.fixture
def titles(monkeypatch):
    """Every text of the figures that are saved in the test, in drawing order."""
    from matplotlib.text import Text

    seen, save = [], canvas.save

    def spy(figure, path):
        seen.extend(text.get_text() for text in figure.findobj(Text) if text.get_text())
        save(figure, path)

    for module in (
        "attention",
        "calibration",
        "curves",
        "classification",
        "segmentation",
        "generation",
        "sheets",
        "canvas",
    ):
        monkeypatch.setattr(f"tumorbench.figures.{module}.save", spy)
    return seen
