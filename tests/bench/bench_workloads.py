"""Small fixed workloads, one for each stage whose speed we answer for: decode, batch, step, inference, metric."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from tumorbench.contracts.dataset import read_grey
from tumorbench.contracts.families import Classifier, Generator, Segmenter, build_optimizer
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.contracts.transforms import Augmentation
from tumorbench.data.batches import Slices, training_batches
from tumorbench.metrics import classification, intensity, segmentation
from tumorbench.speed.subject import Subject

SIZE, BATCH = 32, 16
RECIPE = Recipe(
    preprocessing=Preprocessing(size=SIZE),
    epochs=1,
    batch_size=BATCH,
    quick=Quick(epochs=1, steps_per_epoch=1, batch_size=2),
    augmentation=Augmentation(rotation_degrees=10, zoom=0.1, horizontal_flip=True),
)
CLASSIFICATION = Problem("classification", ("glioma", "meningioma", "pituitary"), 1, SIZE)
SEGMENTATION = Problem("segmentation", ("tumour",), 1, SIZE, ("tumour",))
GENERATION = Problem("generation", ("tumour",), 1, SIZE)


def convolution(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class SmallClassifier(Classifier):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.features = nn.Sequential(convolution(1, 16), convolution(16, 32, 2), convolution(32, 64, 2))
        self.head = nn.Linear(64, problem.outputs)

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))


class SmallUnet(Segmenter):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.down, self.deep = convolution(1, 16), convolution(16, 32, 2)
        self.up, self.head = nn.ConvTranspose2d(32, 16, 2, 2), nn.Conv2d(32, problem.outputs, 1)

    def forward(self, images):
        skip = self.down(images)
        return self.head(torch.cat([skip, self.up(self.deep(skip))], 1))


class SmallGan(Generator):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.generator = nn.Sequential(
            nn.Linear(32, 64 * 64),
            nn.Unflatten(1, (64, 8, 8)),
            nn.ConvTranspose2d(64, 16, 4, 4),
            nn.Conv2d(16, 1, 3, padding=1),
        )
        self.critic = nn.Sequential(
            nn.Conv2d(1, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 64, 3, padding=1), nn.Flatten(), nn.Linear(64 * 64, 1)
        )
        self.latents = torch.randn(BATCH, 32)

    def optimizers(self, recipe):
        return {
            name: build_optimizer(recipe.optimizer, getattr(self, name).parameters())
            for name in ("critic", "generator")
        }

    def sample(self, n, labels, rng):
        return self.generator(torch.randn(n, 32, generator=rng)).tanh()

    def losses(self, batch):
        fake = self.generator(self.latents).tanh()
        yield "critic", F.softplus(self.critic(fake.detach())).mean() + F.softplus(-self.critic(batch.images)).mean()
        yield "generator", F.softplus(-self.critic(fake)).mean()


@pytest.fixture(
    params=[(SmallClassifier, CLASSIFICATION), (SmallUnet, SEGMENTATION), (SmallGan, GENERATION)],
    ids=lambda pair: pair[1].task,
)
def subject(request, reference):
    network, problem = request.param
    torch.manual_seed(0)
    return Subject(functools.partial(network, problem), problem, RECIPE, "cpu", "fp32")


def test_training_step(gate, subject):
    batch = subject.batch(BATCH)
    gate(
        f"train-{subject.problem.task}",
        lambda: subject.train(batch),
        parameters=sum(weight.numel() for weight in subject.network.parameters()),
    )


def test_inference(gate, subject):
    batch = subject.batch(4 * BATCH)
    subject.network.eval()
    gate(f"infer-{subject.problem.task}", lambda: subject.infer(batch))


def test_augmented_batches(gate, reference):
    rng = np.random.default_rng(0)
    images, masks = (rng.integers(0, high, (4 * BATCH, SIZE, SIZE), np.uint8) for high in (256, 2))
    slices = Slices.of(images, np.zeros(4 * BATCH, np.int64), masks, "cpu")
    gate("augmented-batches", lambda: list(training_batches(slices, RECIPE, seed=0, epoch=0)))


def test_jpeg_decoding(gate, tmp_path):
    smooth = np.add.outer(np.arange(256), np.arange(256)) // 2
    noise = np.random.default_rng(0).integers(0, 20, smooth.shape)
    Image.fromarray((smooth * 0.9 + noise).astype(np.uint8)).save(tmp_path / "slice.jpg", quality=90)
    gate("decode-jpeg", lambda: [read_grey(tmp_path / "slice.jpg") for _ in range(10)])


def test_classification_metrics(gate):
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 4, 5000), rng.dirichlet(np.ones(4), 5000).astype(np.float32)
    names = ("accuracy", "balanced_accuracy", "f1_macro", "cross_entropy")
    gate(
        "metrics-classification",
        lambda: [getattr(classification, name)(labels, probabilities, ("a", "b", "c", "d")) for name in names],
    )


def test_segmentation_metrics(gate):
    true, predicted = np.random.default_rng(0).integers(0, 2, (2, 32, 128, 128), np.uint8)
    gate(
        "metrics-segmentation",
        lambda: segmentation.dice_image_mean(segmentation.pixel_confusions(true, predicted, 2), ("tumour",)),
    )


def test_intensity_metrics(gate):
    real, generated = np.random.default_rng(0).integers(0, 256, (2, 32, 128, 128), np.uint8)
    gate("metrics-intensity", lambda: (intensity.ks_d(real, generated), intensity.wasserstein_1(real, generated)))
