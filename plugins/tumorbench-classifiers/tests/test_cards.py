"""What the cards say is what the reports say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tumorbench.contracts.dataset import Sample
from tumorbench.data.kinship import Kinship
from tumorbench.data.split import make_split
from tumorbench.metrics.builtin import tumorbench_metrics
from tumorbench_classifiers import cards
from tumorbench_classifiers.cards.tables import FOUR_CLASSES

METRICS = {card.id for card in tumorbench_metrics() if card.task == "classification"} | {
    "predict_all_s",
    "predict_one_s",
}
FOLDERS = {  # (training, test) of each class
    "kaggle3264": {"glioma": (826, 100), "meningioma": (822, 115), "notumor": (395, 105), "pituitary": (827, 74)},
    "kaggle7023": {"glioma": (1321, 300), "meningioma": (1339, 306), "notumor": (1595, 405), "pituitary": (1457, 300)},
}
POSE_TEST = {"meningioma": 142, "glioma": 286, "pituitary": 186}
TABLES = [cards.POSE_CNN, cards.VILLEGAS_CNN1, cards.VILLEGAS_CNN1_AUGMENTED, cards.VILLEGAS_VGG16]


def samples_of(dataset):
    counted = [
        (label, part, n)
        for label, name in enumerate(FOUR_CLASSES)
        for part, n in zip(("train", "test"), FOLDERS[dataset][name], strict=True)
    ]
    return [
        Sample(id=f"{part}/{label}/{i}", label=label, image=f"{part}/{label}/{i}", split=part)
        for label, part, n in counted
        for i in range(n)
    ]


def figures(spec, part="test"):
    return {figure.metric: figure.value for figure in spec.paper.reported if figure.part == part}


@pytest.mark.parametrize(
    ("spec", "dataset", "sizes"),
    [
        *((spec, "kaggle3264", (2870, 0, 394)) for spec in cards.ALL if spec.id.startswith("villegas")),
        (cards.UNAM_CNN, "kaggle7023", (4569, 1143, 1311)),
        (cards.ROBLES_BASELINE, "kaggle3264", (2937, 0, 327)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_the_paper_protocol_gives_the_report_s_parts(spec, dataset, sizes):
    samples = samples_of(dataset)
    split = make_split(
        samples,
        FOUR_CLASSES,
        Kinship.of(samples, [sample.id for sample in samples]),
        "paper",
        rule=spec.paper.splits[dataset],
    )
    assert (len(split.train), len(split.val), len(split.test)) == sizes


def test_pose_s_test_part_has_614_slices():
    assert cards.POSE_CNN.paper.splits["figshare3064"].test == POSE_TEST
    assert sum(POSE_TEST.values()) == 614


@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_every_reported_figure_is_of_a_known_metric_class_and_data_set_and_given_once(spec):
    for figure in spec.paper.reported:
        name, _, label = figure.metric.partition("/")
        assert name in METRICS
        assert not label or label in spec.parameters.problem.classes
        assert figure.dataset in spec.paper.splits
        assert figure.difference, f"{figure.metric}: a page that finds ours apart would know no reason"
    assert len({(figure.metric, figure.part) for figure in spec.paper.reported}) == len(spec.paper.reported)


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.id)
def test_the_reported_recalls_add_up_to_the_reported_accuracy_only_in_this_order_of_classes(spec):
    sizes = POSE_TEST if spec is cards.POSE_CNN else {name: test for name, (_, test) in FOLDERS["kaggle3264"].items()}
    stated = figures(spec)
    accuracy = sum(stated[f"recall/{name}"] * n for name, n in sizes.items()) / sum(sizes.values())
    assert accuracy == pytest.approx(stated["accuracy"], abs=0.0055)
    assert accuracy == pytest.approx(stated["recall_weighted"], abs=0.0055)
    for metric in ("precision", "recall", "f1"):
        assert sum(stated[f"{metric}/{name}"] for name in sizes) / len(sizes) == pytest.approx(
            stated[f"{metric}_macro"], abs=0.0101
        )
        assert sum(stated[f"{metric}/{name}"] * n for name, n in sizes.items()) / sum(sizes.values()) == pytest.approx(
            stated[f"{metric}_weighted"], abs=0.0101
        )


def test_the_figures_of_the_inventory_stand_on_the_cards():
    assert figures(cards.POSE_CNN)["predict_one_s"] == 0.295
    assert figures(cards.POSE_CNN, "val") == {"cross_entropy": 0.1717}
    assert figures(cards.UNAM_CNN) == {"accuracy": 0.811, "cross_entropy": 0.51}
    assert figures(cards.UNAM_CNN, "val") == {"accuracy": 0.894, "cross_entropy": 0.34}
    assert figures(cards.UNAM_CNN, "train") == {"accuracy": 0.841, "cross_entropy": 0.43}
    assert (figures(cards.ROBLES_BASELINE)["accuracy"], figures(cards.ROBLES_BASELINE)["f1_macro"]) == (
        0.963303,
        0.966452,
    )
    assert (
        figures(cards.ROBLES_BASELINE, "train")["accuracy"],
        figures(cards.ROBLES_BASELINE, "train")["precision_macro"],
    ) == (0.993531, 0.994046)
    assert (figures(cards.VILLEGAS_CNN1)["f1_macro"], figures(cards.VILLEGAS_CNN1_AUGMENTED)["f1_macro"]) == (
        0.65,
        0.51,
    )
    assert figures(cards.VILLEGAS_VGG16)["recall/meningioma"] == 1
    assert cards.VILLEGAS_CNN2.paper.reported == ()


def test_the_two_vgg16_cards_differ_in_the_preprocessing_alone():
    plain, imagenet = cards.VILLEGAS_VGG16.model_dump(), cards.VILLEGAS_VGG16_IMAGENET.model_dump()
    assert (
        plain["recipe"]["preprocessing"].pop("normalisation"),
        imagenet["recipe"]["preprocessing"].pop("normalisation"),
    ) == ("unit", "imagenet")
    for card in (plain, imagenet):
        del card["id"], card["title"], card["in_all"], card["paper"]["reported"]
    *notes, experiment = plain["paper"].pop("notes")
    assert (tuple(notes), "input_range.py" in experiment) == (imagenet["paper"].pop("notes"), True)
    assert plain == imagenet


def test_the_two_cnn1_cards_differ_in_the_augmentation_and_its_longer_epoch_alone():
    plain, augmented = cards.VILLEGAS_CNN1.model_dump(), cards.VILLEGAS_CNN1_AUGMENTED.model_dump()
    assert augmented["recipe"]["augmentation"]["rotation_degrees"] == 350
    for card in (plain, augmented):
        del card["id"], card["title"], card["in_all"], card["paper"]["reported"], card["paper"]["notes"]
    assert {key for key in plain if plain[key] != augmented[key]} == {"recipe"}
    changed = {
        key: augmented["recipe"][key] for key in plain["recipe"] if plain["recipe"][key] != augmented["recipe"][key]
    }
    del changed["augmentation"]
    assert (
        changed.pop("quick")["steps_per_epoch"] > plain["recipe"]["quick"]["steps_per_epoch"]
    )  # what is rotated takes longer to learn
    assert changed == {"augmented_test_copies": 1, "steps_per_epoch": 180}


@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_no_epoch_is_chosen_where_the_paper_s_split_holds_nothing_out(spec):
    without_validation = [rule.val == 0 for rule in spec.paper.splits.values()]
    assert without_validation == [(spec.recipe.monitor, spec.recipe.keep) == (None, "last")]


def test_the_cards_load_without_torch():
    script = "import sys, tumorbench_classifiers as plugin; list(plugin.tumorbench_models()); print('torch' in sys.modules, 'timm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
