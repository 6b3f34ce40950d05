"""The generators of B. Esteve Molner's course work (TumorSynth)."""

from __future__ import annotations

from tumorbench import ModelSpec, Optimizer, Paper, ParameterCount, Preprocessing, Problem, Quick, Recipe, SplitRule

__all__ = ["ALL", "TUMORSYNTH1"]

TUMORSYNTH1 = ModelSpec(
    id="tumorsynth1",
    title="TumorSynth1",
    version="1",
    task="generation",
    licence="MIT",
    paper=Paper(
        title="B. Esteve Molner, TumorSynth: sintesis de imagenes de tumores cerebrales con GAN (Aprendizaje profundo 1 y 2)",
        report="tumorsynth",
        splits={"yesno253": SplitRule(kind="everything")},
        notes=(
            "The report states no figure. It finds the samples better looking than TumorSynth2's and suspects mode collapse.",
            "The report picked epoch 8 of 18 by eye; here the last epoch counts.",
            "Unconditional: trained on the images of all classes at once.",
            "Not in the report, chosen here: images in [-1, 1] (the range of its tanh), LeakyReLU slope 0.2, Glorot-uniform weights.",
            "The discriminator ends in logits: its sigmoid and the binary cross-entropy are computed as one function.",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=128, channels=1, normalisation="symmetric"),
        epochs=18,
        steps_per_epoch=3750,
        batch_size=4,
        optimizer=Optimizer(name="adam", learning_rate=2e-4, betas=(0.5, 0.999)),
        monitor=None,
        keep="last",
        quick=Quick(epochs=5, steps_per_epoch=200, batch_size=4, size=64),
        params={"latent": 100},
    ),
    parameters=ParameterCount(total=27_848_066, trainable=27_848_066, problem=Problem("generation", ("no_tumor", "tumor"), channels=1, size=128)),
    factory="tumorbench_generators.tumorsynth1:TumorSynth1",
)

ALL = (TUMORSYNTH1,)
