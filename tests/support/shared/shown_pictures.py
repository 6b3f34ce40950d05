"""What the tests of figures share: classes, colours, and the pixels of a picture that was drawn."""

import numpy as np
from PIL import Image

from tumorbench import figures
from tumorbench.metrics.segmentation import dice_of_images, pixel_confusions

CLASSES = ("glioma", "meningioma", "pituitary")


BLUE, RED, MISSED, EXTRA = (31, 95, 191), (198, 40, 40), (0, 158, 215), (230, 110, 0)


HISTORY = [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "val_loss": abs(epoch - 3) + 0.5,
        "val_accuracy": 0.1 * epoch,
        "learning_rate": 1e-3,
        "wall_s": 1.0,
    }
    for epoch in range(1, 6)
]


def segmentations(slices, true, predicted, path):
    """The figure of masks of these slices."""
    dice = dice_of_images(pixel_confusions(true, predicted, 2))
    names = [f"s{i}" for i in range(len(slices))]
    figures.segmentation_examples(dice, lambda place: (slices[place], true[place], predicted[place]), names, path)


def chances(labels):
    return np.eye(3)[labels] * 0.7 + 0.1


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def share_of(path, colour):
    """The share of pixels within a few levels of ``colour``."""
    return (np.abs(pixels(path) - colour).max(axis=2) < 12).mean()
