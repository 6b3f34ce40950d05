"""Images in less than the range that a frozen network was trained with: what the layer on top of it learns then.

Run it: ``python plugins/tumorbench-classifiers/experiments/input_range.py``; ``kaggle3264`` is in ``TUMORBENCH_DATA``.

The report of ``villegas-vgg16`` gave images in [0, 1] to Keras' VGG16, whose weights were trained on [0, 255] less the
mean, and trained the last layer alone: one class for every slice. Those weights do not install as a package. Those of
EfficientNet-Lite0 do, and were trained on [-1, 1]. Here its layers are frozen under a new last one, which learns for
the report's ten epochs from three inputs: in [-1, 1], in [0, 1], and in [0, 2/255], the report's share of the range.
"""

# ruff: noqa: INP001, T201 - a script, which prints what it finds
from __future__ import annotations

import argparse

import timm
import torch
from torch import Tensor, nn

import tumorbench as tb

SLICES, SIZE, EPOCHS = "kaggle3264", 224, 10


class Range(nn.Module):
    """Images in [-1, 1] are in [low, high]; both are part of the state, by which features are kept."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.register_buffer("ends", torch.tensor([low, high]))

    def forward(self, images: Tensor) -> Tensor:
        """The images in the other range."""
        low, high = self.ends
        return low + (images + 1) / 2 * (high - low)


class OwnRange(tb.TransferClassifier):
    """EfficientNet-Lite0, frozen, under a new last layer."""

    ends = (-1.0, 1.0)

    def __init__(self, problem: tb.Problem) -> None:
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0, in_chans=problem.channels)
        head = nn.Linear(network.num_features, problem.outputs)
        super().__init__(problem, nn.Sequential(Range(*self.ends), network), head)

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """The network behind the range holds ``weights``."""
        tb.TransferClassifier(self.problem, self.backbone[1], self.head).load_pretrained(weights)


class UnitRange(OwnRange):
    """The same with images in [0, 1]."""

    ends = (0.0, 1.0)


class SmallRange(OwnRange):
    """The same with images in [0, 2/255]."""

    ends = (0.0, 2 / 255)


def main() -> None:
    """Prints a line for each input: accuracy on test and training slices, and what the test slices are called."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", default="runs")
    recipe = tb.Recipe(
        preprocessing=tb.Preprocessing(size=SIZE, channels=3, normalisation="symmetric"),
        epochs=EPOCHS,
        batch_size=32,
        pretrained="timm/tf_efficientnet_lite0",
        monitor=None,
        keep="last",
        quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=32),
    )
    found = tb.run(
        [OwnRange, UnitRange, SmallRange],
        SLICES,
        protocol="official",
        budget="full",
        recipe=recipe,
        store=options.parse_args().store,
    )
    for record in found:
        if record.status != "ok" or record.confusion is None:
            print(f"{record.identity.model}: {record.status}, {record.reason}")
            continue
        called = {
            name: sum(column) for name, column in zip(record.classes, zip(*record.confusion, strict=True), strict=True)
        }
        print(
            f"{record.identity.model}: {record.metric('accuracy').value:.4f} right of {sum(called.values())} slices, "
            f"{record.parts['train']['accuracy']:.4f} in training; called {called}"
        )


if __name__ == "__main__":
    main()
