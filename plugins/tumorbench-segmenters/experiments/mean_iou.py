"""Where the report's IoU of .49 comes from: of a collapsed and a trained network, of resized masks and of other draws.

Run it: ``python plugins/tumorbench-segmenters/experiments/mean_iou.py``, with ``figshare3064`` in ``TUMORBENCH_DATA``.

Keras' ``MeanIoU`` casts what it is given to integer labels, so that a probability below 1 is background. The first
lines are of the published quick cell of ``pose-unet`` on the report's split: the mean IoU of its labels, and what is
left of it where all labels are background. The others are that value, half of the background's share of the pixels, of
every slice and in draws as large as the report's parts, for masks of 128 x 128 that were resized in three ways.
"""

# ruff: noqa: INP001, T201 - a script, which prints what it finds
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch calls it

import tumorbench as tb

PUBLISHED = Path(__file__).parents[3] / "leaderboards/results/cells/figshare3064/pose-unet"
PARTS, DRAWS = ("train", "val", "test"), 4000
SLICES = (2453, 488)  # of the report's training and validation part
REPORTED = (0.4921, 0.4923)
RESIZED = {
    "nearest neighbours": lambda masks: F.interpolate(masks, size=128, mode="nearest"),
    "bilinear, cast to integers": lambda masks: F.interpolate(masks, size=128, mode="bilinear").floor(),
    "area, cast to integers": lambda masks: F.avg_pool2d(masks, 4).floor(),
}


def mean_iou(confusion: np.ndarray) -> float:
    """The mean IoU over both classes of pixels. confusion: ``[true][predicted]`` counts."""
    hits = np.diag(confusion)
    return float((hits / (confusion.sum(0) + confusion.sum(1) - hits)).mean())


def of_a_network() -> None:
    """Prints the mean IoU of the published cell's labels, and of its slices with every label background."""
    (table,) = PUBLISHED.glob("paper-fold0-seed0-quick-*/predictions.parquet")
    confusion = np.array(pd.read_parquet(table)["confusion"].tolist(), np.int64).sum(0).reshape(2, 2)
    collapsed = np.stack([confusion.sum(1), np.zeros(2, np.int64)], 1)
    for name, found in (("trained", confusion), ("collapsed", collapsed)):
        print(f"{name}: mean IoU {mean_iou(found):.4f}, pixel accuracy {np.trace(found) / found.sum():.4f}")


def shares() -> dict[str, np.ndarray]:
    """Of each slice the tumour's share of the pixels, by how its mask was resized; slices in the order of the parts."""
    found: dict[str, list[float]] = {name: [] for name in RESIZED}
    for part in PARTS:
        slices = tb.load("figshare3064", protocol="paper", model="pose-unet", part=part, size=512)
        for number in range(len(slices)):
            mask: Tensor = (slices[number]["mask"] > 0).to(torch.float32)[None, None]
            for name, resized in RESIZED.items():
                found[name].append(resized(mask).mean().item())
    return {name: np.array(each) for name, each in found.items()}


def main() -> None:
    """Prints all of it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    of_a_network()
    rng = np.random.default_rng(0)
    for name, share in shares().items():
        print(f"{name}: {(1 - share.mean()) / 2:.5f} of all {len(share)} slices")
        for slices, reported in zip(SLICES, REPORTED, strict=True):
            drawn = np.array([(1 - rng.permutation(share)[:slices].mean()) / 2 for _ in range(DRAWS)])
            print(f"  {DRAWS} draws of {slices}: {drawn.min():.5f} to {drawn.max():.5f}; reported {reported}")


if __name__ == "__main__":
    main()
