"""The cards: what each classifier is, where it comes from and how it is trained."""

from __future__ import annotations

from tumorbench import EarlyStopping, ModelSpec, Optimizer, Paper, ParameterCount, Preprocessing, Problem, Quick, Recipe, ReduceOnPlateau, Reported, SplitRule

__all__ = ["ALL", "POSE_CNN"]

POSE_CNN = ModelSpec(
    id="pose-cnn",
    title="pose CNN",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title="F. E. Pose, Trabajo practico integrador: redes neuronales artificiales (IA aplicada a ingenieria con Python), 2023",
        report="pose",
        splits={"figshare3064": SplitRule(kind="counts", test={"meningioma": 142, "glioma": 286, "pituitary": 186}, val=0.1)},
        reported=(
            Reported(dataset="figshare3064", metric="accuracy", value=0.94, note="table 4; the text says 0.93; 575 of 614 (39 wrong) is 0.936"),
            Reported(dataset="figshare3064", metric="cross_entropy", value=0.17),
            Reported(dataset="figshare3064", metric="f1_macro", value=0.93),
            Reported(dataset="figshare3064", metric="f1/glioma", value=0.95),
            Reported(dataset="figshare3064", metric="f1/meningioma", value=0.86, note="confused with glioma"),
            Reported(dataset="figshare3064", metric="f1/pituitary", value=0.97),
        ),
        notes=(
            "The report's split is by slice: slices of most patients are on both sides.",
            "The report names two parts only, so its epoch was chosen on the part it reports. Here a tenth of the training part is held out for that choice.",
            "Not in the report, chosen here: images in [-1, 1], Adam at Keras' default rate of 0.001, ReLU, dropout rates, Glorot-uniform weights.",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=512, channels=3, normalisation="symmetric"),
        epochs=20,
        batch_size=300,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        early_stopping=EarlyStopping(patience=5),
        reduce_on_plateau=ReduceOnPlateau(patience=2),
        quick=Quick(epochs=6, steps_per_epoch=40, batch_size=32, size=128),
        params={"dropout": 0.25, "dense_dropout": 0.5},
    ),
    parameters=ParameterCount(total=475_779, trainable=475_779, problem=Problem("classification", ("meningioma", "glioma", "pituitary"), channels=3, size=512)),
    factory="tumorbench_classifiers.pose_cnn:PoseCNN",
)

ALL = (POSE_CNN,)
