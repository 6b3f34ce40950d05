"""A plugin package of the tests: a small data set drawn from its sample ids, small models of every family, and models that misbehave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tumorbench as tb

CLASSES = ("disc", "square", "none")
PATIENTS = 30  # per class
SLICES = 2  # of each patient
NEVER = (
    "tiny-tuned",
    "tiny-slow",
    "tiny-exit",
    "tiny-segfault",
    "tiny-quit",
    "tiny-hang",
    "tiny-deaf",
)  # part of --all


def _model(name: str, task: str, factory: str, **recipe: Any) -> tb.ModelSpec:
    quick = tb.Quick(epochs=3, steps_per_epoch=6, batch_size=16, feature_views=3)
    defaults = {"preprocessing": tb.Preprocessing(size=32), "epochs": 4, "batch_size": 16, "quick": quick}
    return tb.ModelSpec(
        id=name,
        title=name,
        version="1",
        task=task,
        licence="MIT",
        paper=tb.Paper(title="none", splits={"tiny-shapes": tb.SplitRule(kind="sizes", test=30, val=20)}),
        recipe=tb.Recipe(**(defaults | recipe)),
        in_all="never" if name in NEVER else "real" if name == "tiny-copies" else "always",
        conditional=factory in ("TinyArtist", "TinyNoise"),
        search={"width": tb.Search(low=2, high=16)} if name in ("tiny-classifier", "tiny-tuned") else {},
        factory=f"tiny_plugin_networks:{factory}",
    )


@tb.hookimpl
def tumorbench_models():
    yield _model("tiny-classifier", "classification", "TinyClassifier", params={"width": 8})
    yield _model("tiny-segmenter", "segmentation", "TinySegmenter")
    yield _model("tiny-generator", "generation", "TinyGenerator", monitor=None, keep="last")
    yield _model("tiny-joint", "segmentation", "TinySegmenter", masks="classes", monitor="val_dice")
    yield _model(
        "tiny-transfer",
        "classification",
        "TinyTransfer",
        pretrained="tiny/edges",
        precision="fp32",
        augmentation=tb.Augmentation(horizontal_flip=True),
        feature_views=3,
    )
    yield _model("tiny-far", "classification", "TinyTransfer", pretrained="tiny/far")
    yield _model("tiny-homeless", "classification", "TinyTransfer", pretrained="nowhere/edges")
    yield _model("tiny-orphan", "classification", "TinyHeir", pretrained="cell:tiny-nan", params={"width": 8})
    yield _model("tiny-heir", "classification", "TinyHeir", pretrained="cell:tiny-classifier", params={"width": 8})
    yield _model(
        "tiny-copies",
        "classification",
        "TinyClassifier",
        augmentation=tb.Augmentation(rotation_degrees=90),
        augmented_test_copies=2,
    )
    yield _model("tiny-artist", "generation", "TinyArtist", monitor=None, keep="last")
    yield _model("tiny-average", "generation", "TinyAverage", optimizer=tb.Optimizer(learning_rate=0.3))
    yield _model("tiny-noise", "generation", "TinyNoise", monitor="val_block_distance")
    yield _model("tiny-slow", "classification", "Slow")
    yield _model("tiny-tuned", "classification", "Slow", params={"width": 8})
    yield _model("tiny-nan", "classification", "Diverging")
    yield _model("tiny-crash", "classification", "Crashing")
    yield _model("tiny-oom", "classification", "OutOfMemory")
    yield _model("tiny-weightless", "classification", "Weightless")
    yield _model("tiny-exit", "segmentation", "Exiting")
    yield _model("tiny-segfault", "segmentation", "Segfaulting")
    yield _model("tiny-quit", "segmentation", "Quitting")
    yield _model("tiny-hang", "segmentation", "Hanging")
    yield _model("tiny-deaf", "segmentation", "Deaf")


@tb.hookimpl
def tumorbench_weights():
    for name in ("tiny/edges", "tiny/far"):
        yield tb.WeightsSpec(
            id=name,
            title=name,
            licence="MIT",
            citation="none",
            factory=f"tiny_plugin_networks:{name.partition('/')[2]}",
        )


@tb.hookimpl
def tumorbench_extractors():
    yield tb.ExtractorSpec(
        id="tiny-pixels",
        title="t",
        version="1",
        comparable=False,
        licence="MIT",
        citation="none",
        factory="tiny_plugin_networks:tiny_pixels",
    )


def _known():
    """The splits of the file that TINY_SPLITS names, as a plugin ships them."""
    import json
    import os

    path = os.environ.get("TINY_SPLITS")
    return json.loads(Path(path).read_text()) if path else ()


@tb.hookimpl
def tumorbench_datasets():
    yield tb.DatasetSpec(
        id="tiny-shapes",
        title="Tiny shapes",
        version="1",
        tasks=("classification", "segmentation", "generation"),
        classes=CLASSES,
        mask_classes=("tumour",),
        licence="MIT",
        citation="none",
        source=tb.Source(homepage="none"),
        patients_known=True,
        synthetic=True,
        counts={"all": dict.fromkeys(CLASSES, PATIENTS * SLICES)},
        known=_known(),
        factory="tiny_plugin:TinyShapes",
    )


class TinyShapes(tb.Dataset):
    """A bright disc, a bright square or nothing, on noise."""

    def samples(self):
        return [
            tb.Sample(f"{CLASSES[label]}-{patient}-{number}", label, "", "", patient=f"{CLASSES[label]}-{patient}")
            for label in range(len(CLASSES))
            for patient in range(PATIENTS)
            for number in range(SLICES)
        ]

    def _draw(self, sample):
        import zlib

        import numpy as np

        rng = np.random.default_rng(zlib.crc32(sample.id.encode()))
        rows, columns = np.mgrid[:32, :32]
        row, column, radius = *rng.integers(10, 22, 2), rng.integers(5, 9)
        distance = (
            np.hypot(rows - row, columns - column)
            if sample.label == 0
            else np.maximum(abs(rows - row), abs(columns - column))
        )
        mask = (distance < radius) & (sample.label < 2)
        return (rng.integers(0, 60, (32, 32)) + 150 * mask).astype(np.uint8), mask.astype(np.uint8)

    def read_image(self, sample):
        return self._draw(sample)[0]

    def read_mask(self, sample):
        return self._draw(sample)[1]


@tb.hookimpl
def tumorbench_executors():
    yield tb.ExecutorSpec(
        id="in-process", title="this very process, for tests", factory="tiny_plugin_executor:InProcess"
    )
