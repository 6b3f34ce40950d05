"""A plugin package of the tests: two data sets that share patients and classes, and models that one of them pre-trains."""

from __future__ import annotations

import numpy as np
import tiny_plugin

import tumorbench as tb

NAMES = ("square", "disc", "cross")  # of ``others``, in its order
SHARED, NEW = range(10, 20), range(40, 60)  # patients of each class: those of ``scans`` too, and its own


def _dataset(name, classes, tasks, factory, **more):
    return tb.DatasetSpec(
        id=name,
        title=name,
        version="1",
        tasks=tasks,
        classes=classes,
        licence="MIT",
        citation="none",
        source=tb.Source(homepage="none"),
        counts={"all": dict.fromkeys(classes, 60)},
        factory=f"pair_plugin:{factory}",
        **more,
    )


@tb.hookimpl
def tumorbench_datasets():
    both = ("classification", "segmentation", "generation")
    masks = {"mask_classes": ("tumour",)}
    yield _dataset("scans", tiny_plugin.CLASSES, both, "Scans", patients_known=True, **masks)
    yield _dataset("others", NAMES, both, "Others", patients_known=False, **masks)
    answers = {"yes": ("disc", "square"), "no": ("none",)}
    yield _dataset("answers", ("no", "yes"), ("classification",), "Answers", patients_known=True, equivalents=answers)


@tb.hookimpl
def tumorbench_models():
    whole = {"others": tb.SplitRule(kind="everything")}
    for name, splits, pretrained in (("origin", whole, None), ("descendant", {}, "cell:origin")):
        card = tiny_plugin._model(
            name,
            "classification",
            "TinyHeir",
            params={"width": 8},
            pretrained=pretrained,
            monitor=None,
            keep="last",
        )
        yield card.model_copy(update={"paper": tb.Paper(title="none", splits=splits)})
    yield tiny_plugin._model("schooled", "classification", "TinyTransfer", pretrained="pair/edges", precision="fp32")


@tb.hookimpl
def tumorbench_weights():
    yield tb.WeightsSpec(
        id="pair/edges",
        title="edges",
        licence="MIT",
        citation="none",
        trained_on=("others",),
        factory="tiny_plugin_networks:edges",
    )


class Scans(tiny_plugin.TinyShapes):
    """The tiny shapes, taken of patients."""


class Others(tiny_plugin.TinyShapes):
    """Brighter copies of some slices of ``scans``, whose patients are not known here, and slices of others."""

    def samples(self):
        return [
            tb.Sample(f"{name}-{patient}-{number}", label, "", "")
            for label, name in enumerate(NAMES)
            for patient in (*SHARED, *NEW)
            for number in range(2)
        ]

    def _draw(self, sample):
        name = sample.id.partition("-")[0]
        label = tiny_plugin.CLASSES.index(name) if name in tiny_plugin.CLASSES else 2
        image, mask = super()._draw(tb.Sample(sample.id, label, "", ""))
        return np.minimum(image * 1.15, 255).astype(np.uint8), mask


class Answers(tiny_plugin.TinyShapes):
    """Whether there is anything at all."""

    def samples(self):
        return [
            tb.Sample(f"{('none', 'disc')[label]}-{patient}-0", label, "", patient=f"{label}-{patient}")
            for label in range(2)
            for patient in range(100, 120)
        ]

    def _draw(self, sample):
        return super()._draw(tb.Sample(sample.id, 0 if sample.label else 2, "", ""))
