"""Where pose's accuracy of .94 comes from: ``pose-cnn`` with and without dropout, by slices and with patients apart.

Run it: ``python plugins/tumorbench-classifiers/experiments/slice_split.py``; ``figshare3064`` is in ``TUMORBENCH_DATA``.

The report draws its test slices from all slices, so that nearly all come from patients of the training part, and does
not give its dropout rates. Images are of 128 x 128 pixels and batches of 32 here, for a CPU: 15 epochs, as the report's,
take a few minutes each.
"""

# ruff: noqa: INP001, T201 - a script, which prints what it finds
from __future__ import annotations

import argparse

import tumorbench as tb
from tumorbench_classifiers.cards.pose import POSE_CNN

RATES = {"as-carded": {}, "none": {"dropout": 0.0, "dense_dropout": 0.0}}
EPOCHS = 15


def card(name: str, rates: dict[str, float]) -> tb.ModelSpec:
    """``pose-cnn`` at a quarter of its size, with those dropout rates."""
    own = POSE_CNN.recipe
    changes = {
        "preprocessing": own.preprocessing.model_copy(update={"size": 128}),
        "batch_size": 32,
        "gradient_accumulation": 1,
        "epochs": EPOCHS,
        "early_stopping": None,
        "params": {**own.params, **rates},
    }
    return POSE_CNN.model_copy(
        update={"id": f"pose-cnn-128-dropout-{name}", "recipe": own.model_copy(update=changes), "parameters": None}
    )


def main() -> None:
    """Prints a line for each dropout and split: accuracy on test and training slices, with the interval of the first."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", default="runs")
    found = tb.run(
        [card(name, rates) for name, rates in RATES.items()],
        "figshare3064",
        protocol=["paper", "grouped"],
        folds=[0],
        seeds=[0],
        budget="full",
        store=options.parse_args().store,
    )
    for record in found:
        if record.status != "ok":
            print(f"{record.identity.model}: {record.status}, {record.reason}")
            continue
        accuracy = record.metric("accuracy")
        low, high = accuracy.interval or (float("nan"), float("nan"))
        print(
            f"{record.identity.model}, {record.identity.protocol}: {accuracy.value:.4f} ({low:.4f} to {high:.4f}) on "
            f"test slices, {record.parts['train']['accuracy']:.4f} in training"
        )


if __name__ == "__main__":
    main()
