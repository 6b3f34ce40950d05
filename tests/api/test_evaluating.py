"""A model that was trained elsewhere, scored as every other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tumorbench as tb
from tumorbench.api.evaluating import ids_tested
from tumorbench.contracts.cell import cell_key
from tumorbench.store import Store, find_record
from tumorbench.tasks.predictions import png_of


def values(results):
    return {metric.name: metric.value for metric in results[0].metrics}


def predictions_of(results):
    return Path(find_record(Store(results.store), results[0].cell_key)[0]).parent / "predictions.parquet"


def test_the_record_is_marked_and_says_nothing_of_a_training(evaluate):
    (record,) = evaluate(version="2", seed=4, batch_size=7)
    assert (record.identity.origin, record.identity.model, record.identity.model_version) == (
        "evaluated", "brightness", "2",
    )  # fmt: skip
    assert (record.history, record.parameters, record.parts, record.timing.train_s) == ((), {}, {}, 0)
    assert record.environment["evaluated"] == {"by": "a call", "size": 32, "batch_size": 7, "times": 1}
    assert "tumorbench.evaluate" in record.command


def test_its_key_is_that_of_what_was_asked_for_and_of_no_trained_cell(evaluate):
    one, same, other = (evaluate(batch_size=size, seed=seed)[0] for size, seed in ((8, 0), (16, 0), (16, 1)))
    assert one.cell_key == same.cell_key == cell_key(one.identity)
    assert other.cell_key != one.cell_key
    assert cell_key(one.identity.model_copy(update={"origin": "trained"})) != one.cell_key
    assert same.environment["evaluated"]["times"] == 2


def test_metrics_and_intervals_are_those_of_the_same_predictions_of_a_trained_model(evaluate, trained):
    own = tb.results(trained)
    assert (own[0].identity.model, own[0].identity.fold) == ("tiny-classifier", 0)
    given = evaluate(predictions_of(own), name="the-same")
    kept = {metric.name: metric for metric in given[0].metrics}
    for metric in own[0].metrics:
        if metric.name in kept and kept[metric.name].value is not None:  # without a temperature some are undefined
            assert kept[metric.name] == metric
    assert {"accuracy", "f1_macro", "ece", "cross_entropy"} <= {name for name in kept if kept[name].value is not None}


def test_predictions_do_not_depend_on_how_many_slices_are_predicted_at_once(evaluate):
    assert values(evaluate(batch_size=1, name="one")) == pytest.approx(values(evaluate(batch_size=100, name="many")))


def test_masks_are_scored_at_the_slices_own_size(evaluate, tiny):
    test = tb.load("tiny-shapes", part="test").numpy()
    true = {image.tobytes(): mask for image, mask in zip(test.images, test.masks, strict=True)}
    found = evaluate(
        lambda images: np.stack([true[image.tobytes()] for image in images]), task="segmentation", name="right"
    )
    assert (values(found)["dice"], values(found)["pixel_accuracy"]) == (1, 1)
    half = evaluate(lambda images: images[:, 0] > 0.5, task="segmentation", name="half", size=16)[0].metric("dice")
    assert 0.3 < half.value < half.ceiling < 1


@pytest.mark.usefixtures("no_extractors")
def test_a_generator_is_called_with_the_classes_that_are_held_out(evaluate):
    called = []

    def sample(labels):
        called.extend(labels.tolist())
        return np.random.default_rng(0).random((len(labels), 32, 32))

    (record,) = evaluate(sample, task="generation", name="noise")
    due = ids_tested("tiny-shapes", task="generation", protocol="grouped", fold=0)
    assert [record.classes[label] for label in called] == [name for _, name in due]
    assert record.metric("ks_d").value > 0.1


def test_a_torch_module_is_called_with_tensors_and_left_in_its_mode(evaluate):
    class Bright(torch.nn.Module):
        def forward(self, images):
            assert not self.training
            return images.mean((1, 2, 3))[:, None] * torch.tensor([20.0, 22.0, 0.0]) + torch.tensor([0.0, 0.0, 5.0])

    module = Bright().train()
    assert values(evaluate(module, name="module"))["accuracy"] == values(evaluate())["accuracy"]
    assert module.training


def test_a_table_and_its_file_give_what_the_call_gave(evaluate, tmp_path):
    called = evaluate()
    table = pd.read_parquet(predictions_of(called))
    assert values(evaluate(table.sample(frac=1, random_state=0), name="table")) == values(called)
    table.to_csv(tmp_path / "p.csv", index=False)
    assert values(evaluate(tmp_path / "p.csv", name="csv")) == pytest.approx(values(called), abs=1e-6)


def test_a_table_of_masks_gives_what_the_call_gave(evaluate):
    called = evaluate(lambda images: images[:, 0] > 0.5, task="segmentation", name="called")
    table = pd.read_parquet(predictions_of(called))[["sample_id", "mask_png"]]
    assert values(evaluate(table, task="segmentation", name="table")) == values(called)


@pytest.mark.usefixtures("no_extractors")
def test_a_table_of_images_is_scored_as_samples_are(evaluate):
    due = ids_tested("tiny-shapes", task="generation", protocol="grouped", fold=0)
    image = png_of(np.random.default_rng(0).integers(0, 255, (32, 32)).astype(np.uint8))
    table = pd.DataFrame({"label": [name for _, name in due], "image_png": image})
    assert values(evaluate(table, task="generation", name="one-image"))["diversity"] == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "tiny-classifier"}, "is an installed model's id"),
        ({"name": "My Model"}, "is no id"),
        ({"protocol": "paper"}, "tested under grouped or official, not paper"),
        ({"protocol": "official"}, "no official train/test split"),
        ({"fold": 7}, "it has 0 to 4"),
        ({"task": "detection"}, "give one of classification, segmentation, generation"),
        ({"predict": lambda _images: None}, "predict returned None"),
        ({"predict": 3}, "neither a callable, nor a table"),
        ({"batch_size": 0}, "no number of slices"),
        ({"store": __file__}, "is not a folder"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_leaves_no_record(evaluate, tiny, asked, said):
    with pytest.raises(tb.BadInput, match=said):
        evaluate(**asked)
    assert not list(tiny.glob("**/record.json"))


def test_what_predict_raises_is_passed_on(evaluate):
    def broken(_images):
        raise ZeroDivisionError("its own fault")

    with pytest.raises(ZeroDivisionError, match="its own fault"):
        evaluate(broken)
