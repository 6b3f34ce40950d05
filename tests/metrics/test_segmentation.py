"""Segmentation metrics against values worked out by hand and against scikit-learn on the pixels."""

import numpy as np
import pytest
import sklearn.metrics

from tumorbench.metrics import segmentation as metrics

ONE = ("tumour",)
THREE = ("glioma", "meningioma", "pituitary")
ALL = [
    metrics.iou,
    metrics.dice,
    metrics.iou_image_mean,
    metrics.dice_image_mean,
    metrics.dice_small_lesions,
    metrics.lesion_free_specificity,
    metrics.pixel_accuracy,
    metrics.keras_meaniou_bug,
]


def square(top, left, side, size=10):
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + side, left : left + side] = 1
    return mask


@pytest.fixture
def pair():
    """Two images: a 4x4 tumour found with 2 of its columns and 2 more beside them; a 2x2 tumour found whole."""
    true = np.stack([square(0, 0, 4), square(6, 6, 2)])
    predicted = np.stack([square(0, 2, 4), square(6, 6, 2)])
    return true, predicted


def random_masks(seed, k):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, (5, 12, 9), dtype=np.uint8), rng.integers(0, k, (5, 12, 9), dtype=np.uint8)


def of(metric, true, predicted, mask_classes=ONE):
    return metric(metrics.pixel_confusions(true, predicted, 1 + len(mask_classes)), mask_classes)


def test_two_images_worked_out_by_hand(pair):
    # Pooled: 8 + 4 hits, 16 + 4 true, 16 + 4 predicted, 28 in the union. By image: 8 of 24 and 4 of 4.
    assert of(metrics.iou, *pair) == pytest.approx({"iou": 12 / 28})
    assert of(metrics.dice, *pair) == pytest.approx({"dice": 24 / 40})
    assert of(metrics.iou_image_mean, *pair) == pytest.approx({"iou_image_mean": (8 / 24 + 1) / 2})
    assert of(metrics.dice_image_mean, *pair) == pytest.approx({"dice_image_mean": (16 / 32 + 1) / 2})
    assert of(metrics.pixel_accuracy, *pair) == pytest.approx({"pixel_accuracy": 184 / 200})


@pytest.mark.parametrize("seed", range(3))
def test_one_foreground_class_equals_scikit_learn_on_the_pixels(seed):
    true, predicted = random_masks(seed, 2)
    assert of(metrics.iou, true, predicted)["iou"] == pytest.approx(
        sklearn.metrics.jaccard_score(true.ravel(), predicted.ravel())
    )
    assert of(metrics.dice, true, predicted)["dice"] == pytest.approx(
        sklearn.metrics.f1_score(true.ravel(), predicted.ravel())
    )
    assert of(metrics.pixel_accuracy, true, predicted)["pixel_accuracy"] == pytest.approx(
        sklearn.metrics.accuracy_score(true.ravel(), predicted.ravel())
    )
    images = [
        sklearn.metrics.jaccard_score(one.ravel(), other.ravel()) for one, other in zip(true, predicted, strict=True)
    ]
    assert of(metrics.iou_image_mean, true, predicted)["iou_image_mean"] == pytest.approx(np.mean(images))


def test_several_foreground_classes_equal_scikit_learn_class_by_class():
    true, predicted = random_masks(3, 4)
    expected = sklearn.metrics.jaccard_score(true.ravel(), predicted.ravel(), labels=[1, 2, 3], average=None)
    assert of(metrics.iou, true, predicted, THREE) == pytest.approx(
        {"iou": expected.mean(), "iou/glioma": expected[0], "iou/meningioma": expected[1], "iou/pituitary": expected[2]}
    )
    expected = sklearn.metrics.f1_score(true.ravel(), predicted.ravel(), labels=[1, 2, 3], average="macro")
    assert of(metrics.dice, true, predicted, THREE)["dice"] == pytest.approx(expected)
    images = [
        sklearn.metrics.f1_score(one.ravel(), other.ravel(), labels=[1, 2, 3], average="macro")
        for one, other in zip(true, predicted, strict=True)
    ]
    assert of(metrics.dice_image_mean, true, predicted, THREE)["dice_image_mean"] == pytest.approx(np.mean(images))


def test_pixel_confusions_have_the_truth_in_rows_and_equal_scikit_learn():
    true, predicted = random_masks(4, 4)
    confusions = metrics.pixel_confusions(true, predicted, 4)
    expected = [
        sklearn.metrics.confusion_matrix(one.ravel(), other.ravel(), labels=range(4))
        for one, other in zip(true, predicted, strict=True)
    ]
    np.testing.assert_array_equal(confusions, expected)
    assert confusions.dtype == np.int64


def test_swapping_truth_and_prediction_transposes_the_confusions(pair):
    true, predicted = pair
    predicted[0] = square(0, 0, 2)  # asymmetric: 12 missed pixels, none too many
    there, back = metrics.pixel_confusions(true, predicted, 2), metrics.pixel_confusions(predicted, true, 2)
    np.testing.assert_array_equal(there, back.transpose(0, 2, 1))
    assert there.tolist() != back.tolist()
    assert metrics.keras_meaniou_bug(there, ONE) != metrics.keras_meaniou_bug(
        back, ONE
    )  # rows, not columns, are the truth


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_the_order_of_the_images_changes_nothing(metric):
    confusions = metrics.pixel_confusions(*random_masks(5, 2), 2)
    assert metric(confusions[[3, 0, 4, 2, 1]], ONE) == pytest.approx(metric(confusions, ONE))


def test_confusions_of_batches_are_those_of_the_whole():
    true, predicted = random_masks(6, 2)
    parts = [metrics.pixel_confusions(true[start : start + 2], predicted[start : start + 2], 2) for start in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), metrics.pixel_confusions(true, predicted, 2))


def test_a_tumour_that_is_missed_in_every_image_scores_zero(pair):
    true, _ = pair
    nothing = np.zeros_like(true)
    assert of(metrics.dice, true, nothing) == {"dice": 0}
    assert of(metrics.iou_image_mean, true, nothing) == {"iou_image_mean": 0}


@pytest.mark.parametrize(
    "metric",
    [metrics.iou, metrics.dice, metrics.iou_image_mean, metrics.dice_image_mean],
    ids=lambda metric: metric.__name__,
)
def test_without_any_foreground_overlap_is_undefined(metric):
    nothing = np.zeros((2, 4, 4), np.uint8)
    assert set(of(metric, nothing, nothing).values()) == {None}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_without_images_every_value_is_none(metric):
    assert set(metric(np.zeros((0, 2, 2), np.int64), ONE).values()) == {None}


def test_an_image_without_foreground_is_left_out_of_the_image_mean_and_a_false_alarm_is_not(pair):
    true, predicted = pair
    clean, alarm = np.zeros((1, 10, 10), np.uint8), square(0, 0, 1)[None]
    left_out = of(metrics.iou_image_mean, np.concatenate([true, clean]), np.concatenate([predicted, clean]))
    counted = of(metrics.iou_image_mean, np.concatenate([true, clean]), np.concatenate([predicted, alarm]))
    assert left_out == of(metrics.iou_image_mean, true, predicted)
    assert counted == pytest.approx({"iou_image_mean": (8 / 24 + 1 + 0) / 3})


def test_a_foreground_class_that_does_not_occur_is_none_and_left_out_of_the_mean():
    true, predicted = np.array([[[1, 1, 0, 2]]], np.uint8), np.array([[[1, 0, 0, 2]]], np.uint8)
    assert of(metrics.iou, true, predicted, THREE) == {
        "iou": 0.75,
        "iou/glioma": 0.5,
        "iou/meningioma": 1.0,
        "iou/pituitary": None,
    }


def test_keras_meaniou_bug_is_the_published_049_whatever_the_model_predicts():
    # 1.687 % of the pixels are tumour, as in the source; three models: perfect, blind, and wrong everywhere.
    for confusion in ([[98313, 0], [0, 1687]], [[98313, 0], [1687, 0]], [[0, 98313], [1687, 0]]):
        assert metrics.keras_meaniou_bug(np.array([confusion]), ONE)["keras_meaniou_bug"] == pytest.approx(
            0.4916, abs=5e-5
        )


def test_keras_meaniou_bug_is_the_mean_iou_of_an_empty_prediction(pair):
    true, predicted = pair
    expected = sklearn.metrics.jaccard_score(true.ravel(), np.zeros(true.size), average="macro")
    assert of(metrics.keras_meaniou_bug, true, predicted)["keras_meaniou_bug"] == pytest.approx(expected)


def test_keras_meaniou_bug_leaves_out_classes_that_do_not_occur():
    true = np.array([[[0, 0, 0, 2]]], np.uint8)
    assert of(metrics.keras_meaniou_bug, true, true, THREE) == {"keras_meaniou_bug": 0.75 / 2}
    assert of(metrics.keras_meaniou_bug, np.zeros_like(true), true, THREE) == {"keras_meaniou_bug": 1.0}


def test_masks_that_do_not_fit_are_refused(pair):
    true, predicted = pair
    with pytest.raises(ValueError, match="true mask is"):
        metrics.pixel_confusions(true, predicted[:, :5], 2)
    with pytest.raises(ValueError, match="mask value"):
        metrics.pixel_confusions(true, predicted * 2, 2)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_confusions_of_another_number_of_classes_are_refused(metric):
    with pytest.raises(ValueError, match="mask classes"):
        metric(np.zeros((1, 4, 4), np.int64), ONE)


def test_images_of_different_sizes_have_a_confusion_each_and_their_pixels_are_pooled():
    true = [square(0, 0, 4), square(2, 2, 6, size=20)]
    predicted = [square(0, 2, 4), square(2, 2, 6, size=20)]
    confusions = metrics.pixel_confusions(true, predicted, 2)
    assert confusions.sum(axis=(1, 2)).tolist() == [100, 400]
    assert metrics.dice(confusions, ONE) == pytest.approx({"dice": 2 * (8 + 36) / (16 + 16 + 36 + 36)})


def test_small_lesions_are_those_under_one_pixel_in_256_of_their_own_slice():
    def one(pixels, true, found):
        return [[pixels - true, 0], [true - found, found]]

    small, large = one(512 * 512, 1023, 512), one(512 * 512, 1024, 1024)
    of_small = 2 * 512 / (1023 + 512)
    assert metrics.dice_small_lesions(np.array([small, large]), ONE) == pytest.approx({"dice_small_lesions": of_small})
    elsewhere = one(128 * 128, 1023, 1023)  # as many pixels, of a smaller slice
    assert metrics.dice_small_lesions(np.array([small, elsewhere]), ONE)["dice_small_lesions"] == pytest.approx(
        of_small
    )
    assert metrics.dice_small_lesions(np.array([large]), ONE) == {"dice_small_lesions": None}


def test_a_small_lesion_that_is_missed_counts_zero_and_a_slice_without_one_is_no_small_lesion():
    missed, empty, false_alarm = [[990, 0], [3, 0]], [[1000, 0], [0, 0]], [[990, 10], [0, 0]]
    found = metrics.dice_small_lesions(np.array([missed, empty, false_alarm]), ONE)
    assert found == {"dice_small_lesions": 0}


def test_one_marked_pixel_is_a_false_alarm_and_slices_with_a_lesion_do_not_count():
    empty, false_alarm, missed = [[1000, 0], [0, 0]], [[999, 1], [0, 0]], [[990, 0], [10, 0]]
    several = np.array([empty, empty, false_alarm, missed])
    assert metrics.lesion_free_specificity(several, ONE) == pytest.approx({"lesion_free_specificity": 2 / 3})
    assert metrics.lesion_free_specificity(several[3:], ONE) == {"lesion_free_specificity": None}


def test_slices_without_a_lesion_are_left_out_of_image_means_where_nothing_is_marked_and_count_zero_elsewhere():
    whole, empty, false_alarm = [[990, 0], [0, 10]], [[1000, 0], [0, 0]], [[999, 1], [0, 0]]
    assert metrics.dice_image_mean(np.array([whole, empty]), ONE) == {"dice_image_mean": 1}
    assert metrics.dice_image_mean(np.array([whole, empty, false_alarm]), ONE) == {"dice_image_mean": 0.5}


def test_kinds_of_one_lesion_are_taken_together_where_small_and_lesion_free_slices_are_told():
    mixed = np.array([[[996, 0, 0], [0, 1, 1], [0, 1, 1]], [[999, 0, 1], [0, 0, 0], [0, 0, 0]]])
    assert metrics.dice_small_lesions(mixed, ("disc", "square"))["dice_small_lesions"] is None  # 4 of 1,000 pixels
    mixed[0, 0, 0] = 9996
    assert metrics.dice_small_lesions(mixed, ("disc", "square")) == {"dice_small_lesions": 1}
    assert metrics.lesion_free_specificity(mixed, ("disc", "square")) == {"lesion_free_specificity": 0}
    np.testing.assert_allclose(metrics.dice_of_images(mixed), [1, 0])
