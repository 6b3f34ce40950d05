"""The modern baseline that no report had: a diffusion model."""

from __future__ import annotations

from tumorbench import ModelSpec, Optimizer, Paper, ParameterCount, Preprocessing, Problem, Quick, Range, Recipe

__all__ = ["ALL", "EDM"]

EDM = ModelSpec(
    id="edm",
    in_all="real",
    title="EDM (small conditional diffusion model)",
    version="1",
    task="generation",
    licence="MIT",
    paper=Paper(
        title="T. Karras, M. Aittala, T. Aila, S. Laine, Elucidating the Design Space of Diffusion-Based Generative Models, NeurIPS 2022",
        url="https://arxiv.org/abs/2206.00364",
        notes=(
            "A baseline of today, in none of the source reports; written from the paper, which has other data: there is no figure to reproduce.",
            "From the paper: preconditioning, noise distribution and loss weights (table 1), noise levels of sampling (equation 5), Heun's method (algorithm 1).",
            "Left out: the stochastic churn of algorithm 2, augmentation with conditioning, classifier-free guidance, the learning rate's ramp.",
            "Chosen here: a U-Net of 5 million parameters on patches of 2x2 pixels, batches of 64, learning rate and weight average; sigma_data is the paper's 0.5.",
            "The last epoch's averaged weights count, without selection. val_loss is the denoising loss on held-out slices: where it rises, the model memorises.",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=128, channels=1, normalisation="symmetric"),
        epochs=60,
        steps_per_epoch=1000,
        batch_size=64,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        monitor=None,
        keep="last",
        ema_decay=0.999,
        quick=Quick(epochs=3, steps_per_epoch=300, batch_size=8, size=64),
        params={"width": 32, "dropout": 0.1, "steps": 18, "sigma_data": 0.5},
    ),
    conditional=True,
    ranges={
        "width": Range(ge=8, le=1024, multiple_of=8),
        "dropout": Range(ge=0, lt=1),
        "steps": Range(ge=2, le=10_000),
        "sigma_data": Range(gt=0),
    },
    parameters=ParameterCount(
        total=5_014_596,
        trainable=5_014_596,
        problem=Problem("generation", ("glioma", "meningioma", "no_tumor", "pituitary"), channels=1, size=128),
    ),
    factory="tumorbench_generators.edm:EDM",
)

ALL: tuple[ModelSpec, ...] = (EDM,)
