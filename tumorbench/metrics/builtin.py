"""The built-in metrics as a plugin: cards only, so that listing them imports neither torch nor numpy."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from tumorbench.contracts.cards import MetricSpec
from tumorbench.contracts.hookspecs import hookimpl

__all__ = ["tumorbench_metrics"]

UNIT = (0.0, 1.0)
SIGNED = (-1.0, 1.0)
ANY_DISTANCE = (0.0, inf)


def _classification(metric: str, title: str, **card: Any) -> MetricSpec:
    return _card("classification", "classification", metric, title, **card)


def _calibration(metric: str, title: str, **card: Any) -> MetricSpec:
    return _card("classification", "calibration", metric, title, higher_is_better=False, **card)


def _segmentation(metric: str, title: str, **card: Any) -> MetricSpec:
    return _card("segmentation", "segmentation", metric, title, version="2", **card)  # 2: at the data set's own size


def _surfaces(metric: str, title: str, **card: Any) -> MetricSpec:
    card |= {"value_range": ANY_DISTANCE, "needs": "surfaces"}
    return _card("segmentation", "surfaces", metric, title, higher_is_better=False, **card)


def _lesions(metric: str, title: str) -> MetricSpec:
    return _card("segmentation", "lesions", metric, title, needs="lesions")


def _on_pixels(metric: str, title: str, module: str = "intensity", **card: Any) -> MetricSpec:
    version = "3" if metric == "memorisation" else "2"  # 2: generators are compared at one size; 3: another threshold
    return _card("generation", module, metric, title, version=version, **card)


def _on_features(metric: str, title: str, module: str = "generation", **card: Any) -> MetricSpec:
    return _card("generation", module, metric, title, version="2", needs_extractor=True, **card)


def _card(
    task: Any, module: str, metric: str, title: str, *, higher_is_better: bool | None = True, **card: Any
) -> MetricSpec:
    """The card of the function ``metric`` of ``tumorbench.metrics.MODULE``.

    It is a share of which more is better, unless ``card`` says otherwise.
    """
    card = {"version": "1", "value_range": UNIT} | card
    return MetricSpec(
        id=metric,
        title=title,
        task=task,
        higher_is_better=higher_is_better,
        factory=f"tumorbench.metrics.{module}:{metric}",
        **card,
    )


@hookimpl
def tumorbench_metrics() -> Iterable[MetricSpec]:
    """Cards of the built-in metrics, in the order in which boards show them."""
    return [
        _classification("balanced_accuracy", "Balanced accuracy", ranks=True),
        _classification("accuracy", "Accuracy", headline=True),
        _card("classification", "leakage", "accuracy_clean", "Accuracy on clean test slices", needs="clean"),
        _card("classification", "leakage", "accuracy_leaked", "Accuracy on leaked test slices", needs="leaked"),
        _card("classification", "patients", "patient_accuracy", "Accuracy of one answer a patient", needs="patients"),
        _classification("f1_macro", "F1, mean over classes"),
        _classification("f1_micro", "F1, pooled"),
        _classification("f1_weighted", "F1, weighted by class size"),
        _classification("f1", "F1 of each class"),
        _classification("precision_macro", "Precision, mean over classes"),
        _classification("precision_micro", "Precision, pooled"),
        _classification("precision_weighted", "Precision, weighted by class size"),
        _classification("precision", "Precision of each class"),
        _classification("recall_macro", "Recall, mean over classes"),
        _classification("recall_micro", "Recall, pooled"),
        _classification("recall_weighted", "Recall, weighted by class size"),
        _classification("recall", "Recall of each class"),
        _card("classification", "discrimination", "auroc", "AUROC, one-vs-rest, mean over classes", headline=True),
        _card("classification", "discrimination", "average_precision", "Average precision, mean over classes"),
        _card("classification", "agreement", "mcc", "Matthews' correlation", value_range=SIGNED),
        _card("classification", "agreement", "cohen_kappa", "Cohen's kappa", value_range=SIGNED),
        _classification("cross_entropy", "Cross-entropy (nats)", higher_is_better=False, value_range=ANY_DISTANCE),
        _calibration(
            "cross_entropy_scaled",
            "Cross-entropy (nats), temperature-scaled",
            needs="calibration",
            value_range=ANY_DISTANCE,
        ),
        _calibration("ece", "Calibration error (ECE)"),
        _calibration("ece_scaled", "Calibration error (ECE), temperature-scaled", needs="calibration"),
        _card("classification", "attention", "cam_in_mask", "Grad-CAM inside the tumour mask", needs="attention"),
        _segmentation("dice", "Dice, foreground", ranks=True),
        _segmentation("iou", "IoU, foreground", headline=True),
        _segmentation("dice_image_mean", "Dice, mean over images"),
        _segmentation("iou_image_mean", "IoU, mean over images"),
        _segmentation("dice_small_lesions", "Dice of small lesions, mean over images"),
        _segmentation("lesion_free_specificity", "Slices without a lesion in which none is found"),
        _surfaces("hd95", "Hausdorff distance, 95th percentile (pixels)", headline=True),
        _surfaces("hd95_mm", "Hausdorff distance, 95th percentile (mm)"),
        _surfaces("surface_distance", "Average symmetric surface distance (pixels)"),
        _surfaces("surface_distance_mm", "Average symmetric surface distance (mm)"),
        _lesions("lesion_precision", "Precision, lesion by lesion"),
        _lesions("lesion_recall", "Recall, lesion by lesion"),
        _segmentation("pixel_accuracy", "Pixel accuracy"),
        _segmentation("keras_meaniou_bug", "Keras MeanIoU of collapsed predictions (artefact)", higher_is_better=None),
        _on_features("kid", "Kernel distance (KID)", higher_is_better=False, value_range=(-inf, inf), ranks=True),
        _on_features("fid", "Fréchet distance (FID)", higher_is_better=False, value_range=ANY_DISTANCE, headline=True),
        _on_features(
            "fid_infinity",
            "Fréchet distance extrapolated to endless images",
            "frechet",
            higher_is_better=False,
            value_range=(-inf, inf),
        ),
        _on_features("inception_score", "Inception Score", value_range=(1.0, inf)),
        _on_features("manifold_precision", "Precision of the feature manifold"),
        _on_features("manifold_recall", "Recall of the feature manifold"),
        _on_features(
            "density", "Density of generated images among the real ones", "manifold", value_range=ANY_DISTANCE
        ),
        _on_features("coverage", "Coverage of the real images", "manifold", ranks=True),
        _on_pixels("ks_d", "Kolmogorov-Smirnov D of pixel intensities", higher_is_better=False, headline=True),
        _on_pixels(
            "wasserstein_1",
            "Wasserstein-1 of pixel intensities (black 0, white 1)",
            higher_is_better=False,
            headline=True,
        ),
        _on_pixels("ks_d_foreground", "Kolmogorov-Smirnov D of foreground intensities", higher_is_better=False),
        _on_pixels("wasserstein_1_foreground", "Wasserstein-1 of foreground intensities", higher_is_better=False),
        _on_pixels("ks_d_image_mean", "Kolmogorov-Smirnov D of the images' mean intensities", higher_is_better=False),
        _on_pixels(
            "diversity",
            "Diversity: distance between generated images, relative to real ones",
            "diversity",
            higher_is_better=None,
            value_range=ANY_DISTANCE,
            headline=True,
        ),
        _on_pixels(
            "memorisation",
            "Share of images that repeat a training image",
            "memorisation",
            needs="memory",
            higher_is_better=False,
        ),
        _on_pixels(
            "nearest_ratio",
            "Distance to the nearest training image, relative to held-out images",
            "memorisation",
            needs="memory",
            higher_is_better=None,
            value_range=ANY_DISTANCE,
        ),
    ]
