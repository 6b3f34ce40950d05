"""The cards of A. Villegas' classifiers (report ``villegas``)."""

from __future__ import annotations

from tumorbench import (
    Augmentation,
    ModelSpec,
    Optimizer,
    Paper,
    ParameterCount,
    Preprocessing,
    Problem,
    Quick,
    Range,
    Recipe,
    Reported,
    SplitRule,
)
from tumorbench_classifiers.cards.tables import FOUR_CLASSES, classification_report

__all__ = ["VILLEGAS_CNN1", "VILLEGAS_CNN1_AUGMENTED", "VILLEGAS_CNN2", "VILLEGAS_VGG16", "VILLEGAS_VGG16_IMAGENET"]

KAGGLE = "kaggle3264"
TITLE = "A. de J. Villegas Carvajal, Clasificación de tumores cerebrales (Introducción a Deep Learning, Universidad de Antioquia)"
OFFICIAL = {KAGGLE: SplitRule(kind="official", val=0.0)}  # 2,870 / 394
PROBLEM = Problem("classification", FOUR_CLASSES, channels=3, size=224)
UNIT = Preprocessing(size=224, channels=3, normalisation="unit")

LEAK = (
    "251 of the 394 test images are pixel-identical to a training image, in the report's split and in ours, and the test gliomas come from another source "
    "than the training gliomas."
)
NO_SELECTION = "The report's validation part is its test part, so its epoch may have been chosen there. Here the last epoch counts, and nothing is chosen on the test part."
OPEN = "optimizer (Adam at Keras' default rate of 0.001), batch size 32 (Keras' default)"
SIZES = "The text stores slices at 180 x 180, and augmented ones at 150 x 150; the tables of layers are of 224 x 224 networks, which is what is built here."
CLASS_ORDER = (
    "the table numbers its classes; their supports name them: 100 glioma, 105 no tumour, 115 meningioma, 74 pituitary"
)
LAST_EPOCH = "The report gives no optimizer, batch size or number of epochs, and may have kept its best epoch on this part; ours keeps the tenth."
ROTATED = (
    "The report rotated each training slice once and stored it, ours rotates anew in every epoch; the test part's rotated copies are other draws; and it gives "
    "no optimizer, batch size or number of epochs."
)
CONSTANT = (
    "A constant class is no property of this architecture: the report's network saw images in [0, 1] through weights that want [0, 255] minus the mean, and "
    "its author suspects a mistake. Ours are torchvision's weights, made for a range nearer to [0, 1]."
)

VILLEGAS_CNN1 = ModelSpec(
    id="villegas-cnn1",
    title="villegas CNN 1",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title=TITLE,
        report="villegas",
        splits=OFFICIAL,
        reported=(
            Reported(
                dataset=KAGGLE,
                metric="accuracy",
                value=0.67,
                note="the report's best model",
                difference=LAST_EPOCH,
            ),
            *classification_report(
                KAGGLE,
                {
                    "glioma": (0.88, 0.21, 0.34),
                    "notumor": (0.55, 0.95, 0.69),
                    "meningioma": (0.72, 0.77, 0.74),
                    "pituitary": (0.86, 0.76, 0.81),
                },
                macro=(0.75, 0.67, 0.65),
                weighted=(0.74, 0.67, 0.64),
                note=CLASS_ORDER,
                difference=LAST_EPOCH,
            ),
        ),
        notes=(
            LEAK,
            NO_SELECTION,
            SIZES,
            f"Not in the report, chosen here: {OPEN}, 10 epochs (the number it gives for VGG16), images in [0, 1], dropout 0.5, ReLU, Glorot-uniform weights.",
        ),
    ),
    recipe=Recipe(
        preprocessing=UNIT,
        epochs=10,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        monitor=None,
        keep="last",
        quick=Quick(epochs=8, steps_per_epoch=45, batch_size=32, size=64),
        params={"dropout": 0.5},
    ),
    parameters=ParameterCount(total=11_374_980, trainable=11_374_980, problem=PROBLEM),
    ranges={"dropout": Range(ge=0, lt=1)},
    factory="tumorbench_classifiers.villegas_cnn1:VillegasCNN1",
)

VILLEGAS_CNN1_AUGMENTED = VILLEGAS_CNN1.model_copy(
    update={
        "id": "villegas-cnn1-augmented",
        "in_all": "real",
        "title": "villegas CNN 1, augmented",
        "paper": Paper(
            title=TITLE,
            report="villegas",
            splits=OFFICIAL,
            reported=(
                Reported(
                    dataset=KAGGLE,
                    metric="accuracy",
                    value=0.54,
                    note="788 images: each of the 394 test slices, and each once more, rotated",
                    difference=ROTATED,
                ),
                *classification_report(
                    KAGGLE,
                    {
                        "glioma": (0.65, 0.21, 0.32),
                        "notumor": (0.47, 0.87, 0.61),
                        "meningioma": (0.61, 0.55, 0.58),
                        "pituitary": (0.59, 0.51, 0.55),
                    },
                    macro=(0.58, 0.54, 0.51),
                    weighted=(0.58, 0.54, 0.52),
                    note=f"{CLASS_ORDER} (twice as many here)",
                    difference=ROTATED,
                ),
            ),
            notes=(
                "The report augmented its test part too: 788 images, half of them rotated by a random angle. The paper protocol repeats that.",
                "Rotation by 0 to 350 degrees, as Keras reads it: uniform in [-350, 350].",
                "The report's stored training part holds 5,740 images (derived: its test part doubled): 180 batches of 32 an epoch.",
                LEAK,
                NO_SELECTION,
                SIZES,
                f"Not in the report, chosen here: {OPEN}, 10 epochs (the number it gives for VGG16), images in [0, 1], dropout 0.5, ReLU, Glorot-uniform weights.",
            ),
        ),
        "recipe": VILLEGAS_CNN1.recipe.model_copy(
            update={
                "quick": Quick(epochs=8, steps_per_epoch=100, batch_size=32, size=64),
                "augmentation": Augmentation(rotation_degrees=350),
                "augmented_test_copies": 1,
                "steps_per_epoch": 180,
            }
        ),
    }
)

VILLEGAS_CNN2 = ModelSpec(
    id="villegas-cnn2",
    title="villegas CNN 2",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title=TITLE,
        report="villegas",
        splits=OFFICIAL,
        notes=(
            "The report gives no figure for this network; it calls CNN 1 its best (0.67), and gives VGG16 the worst result (0.29).",
            LEAK,
            NO_SELECTION,
            SIZES,
            (
                f"Not in the report, chosen here: {OPEN}, 10 epochs (the number it gives for VGG16), images in [0, 1], dropout 0.25, ReLU, Glorot-uniform weights, "
                "no augmentation."
            ),
        ),
    ),
    recipe=Recipe(
        preprocessing=UNIT,
        epochs=10,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        monitor=None,
        keep="last",
        quick=Quick(epochs=6, steps_per_epoch=40, batch_size=32, size=128),
        params={"dropout": 0.25},
    ),
    parameters=ParameterCount(total=12_855_844, trainable=12_855_844, problem=PROBLEM),
    ranges={"dropout": Range(ge=0, lt=1)},
    factory="tumorbench_classifiers.villegas_cnn2:VillegasCNN2",
)

VGG16_NOTES = (
    (
        "Only the last layer trains (16,388 weights). The backbone is frozen, so its 4,096 features of each slice are computed once a view: under augmentation "
        "4 views of each training slice, of which every epoch draws one at random."
    ),
    (
        "villegas-vgg16 and villegas-vgg16-imagenet differ in the preprocessing alone: images in [0, 1], as in the report, or the mean and deviation of "
        "ImageNet that the weights were trained with."
    ),
    LEAK,
    NO_SELECTION,
    (
        f"Not in the report, chosen here: {OPEN}, Glorot-uniform weights of the new layer. The weights are torchvision's, through timm; Keras ships the original "
        "Caffe ones, whose own preprocessing is BGR minus the mean, in [0, 255]."
    ),
)

SMALL_RANGE = (
    "What a small range of inputs does, tried with EfficientNet-Lite0 frozen in VGG16's place, whose weights install "
    "as a package: a new last layer, ten epochs, seed 0, the official folders. In [-1, 1], which it was trained with, "
    "the accuracy on the 394 test slices is .6954 (.9414 in training). In [0, 1] it is .7157 (.9297): half of the "
    "range costs nothing. In [0, 2/255], the share of the range that images in [0, 1] are of Keras' [0, 255], it is "
    ".3198 (.4473), and the loss falls from 1.379 to 1.333 in ten epochs, where a guess among four classes has 1.386: "
    "the last layer hardly learns. Its answers there are 87 glioma, 112 meningioma, 4 no tumour and 191 pituitary, not "
    "one class: that step of the report was not reproduced. Experiment: "
    "plugins/tumorbench-classifiers/experiments/input_range.py."
)

VILLEGAS_VGG16 = ModelSpec(
    id="villegas-vgg16",
    title="villegas VGG16 transfer, images in [0, 1]",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title=TITLE,
        report="villegas",
        splits=OFFICIAL,
        reported=(
            Reported(
                dataset=KAGGLE,
                metric="accuracy",
                value=0.29,
                note="115 of 394: every slice is called a meningioma; training took more than 5 hours",
                difference=CONSTANT,
            ),
            *classification_report(
                KAGGLE,
                {"glioma": (0, 0, 0), "meningioma": (0.29, 1, 0.45), "notumor": (0, 0, 0), "pituitary": (0, 0, 0)},
                macro=(0.07, 0.25, 0.11),
                weighted=(0.09, 0.29, 0.13),
                note="the table numbers its classes; their supports name them: 100 glioma, 115 meningioma, 105 no tumour, 74 pituitary",
                difference=CONSTANT,
            ),
        ),
        notes=(*VGG16_NOTES, SMALL_RANGE),
    ),
    recipe=Recipe(
        preprocessing=UNIT,
        epochs=10,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        augmentation=Augmentation(rotation_degrees=40, horizontal_flip=True),
        feature_views=4,
        pretrained="timm/vgg16.tv_in1k",
        monitor=None,
        keep="last",
        quick=Quick(epochs=10, steps_per_epoch=90, batch_size=32, size=64),
    ),
    parameters=ParameterCount(total=134_276_932, trainable=16_388, problem=PROBLEM),
    factory="tumorbench_classifiers.villegas_vgg16:VillegasVGG16",
)

VILLEGAS_VGG16_IMAGENET = VILLEGAS_VGG16.model_copy(
    update={
        "id": "villegas-vgg16-imagenet",
        "in_all": "real",
        "title": "villegas VGG16 transfer, ImageNet preprocessing",
        "paper": VILLEGAS_VGG16.paper.model_copy(update={"reported": (), "notes": VGG16_NOTES}),
        "recipe": VILLEGAS_VGG16.recipe.model_copy(
            update={"preprocessing": UNIT.model_copy(update={"normalisation": "imagenet"})}
        ),
    }
)
