"""The networks of ``tiny_plugin``."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import torch
from torch import nn
from torch.nn import functional as F

import tumorbench as tb


class TinyClassifier(tb.Classifier):
    def __init__(self, problem, width=8):
        super().__init__(problem)
        self.layers = nn.Sequential(
            nn.Conv2d(problem.channels, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 16, 3, 2, 1), nn.ReLU(), nn.Dropout(0.1),
            nn.Flatten(), nn.Linear(16 * (problem.size // 4) ** 2, problem.outputs),
        )  # fmt: skip

    def forward(self, images):
        return self.layers(images)


class TinyHeir(TinyClassifier):
    def load_pretrained(self, weights):
        self.load_state_dict(weights)


class TinySegmenter(tb.Segmenter):
    def __init__(self, problem):
        super().__init__(problem)
        self.layers = nn.Sequential(
            nn.Conv2d(problem.channels, 8, 5, 1, 2), nn.ReLU(), nn.Conv2d(8, problem.outputs, 5, 1, 2)
        )

    def forward(self, images):
        return self.layers(images)


class TinyTransfer(tb.TransferClassifier):
    def __init__(self, problem):
        backbone = nn.Sequential(
            nn.Conv2d(problem.channels, 12, 5, 2),
            nn.ReLU(),
            nn.Conv2d(12, 16, 3, 2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
        )
        super().__init__(problem, backbone, nn.Linear(16 * 9, problem.outputs))


def edges(name):
    """The weights "tiny/edges": drawn once and for all."""
    rng = torch.Generator().manual_seed(1)
    shapes = {
        "0.weight": (12, 1, 5, 5),
        "0.bias": (12,),
        "2.weight": (16, 12, 3, 3),
        "2.bias": (16,),
        "classifier.weight": (1000, 144),
    }
    return {key: torch.randn(*shape, generator=rng) * 0.1 for key, shape in shapes.items()}


def far(name):
    raise tb.Unavailable(f"the weights {name} are far away; give a file with --weights FILE")


def tiny_pixels():
    """An extractor that is to be had only where TINY_PIXELS says so."""
    import os

    from torch_fidelity import FeatureExtractorBase

    class TinyPixels(FeatureExtractorBase):
        def forward(self, images):
            pixels = F.adaptive_avg_pool2d(images.float().mean(1, keepdim=True) / 255, 4).flatten(1)
            return pixels, pixels

        @staticmethod
        def get_provided_features_list():
            return "16", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "logits" if metric == "isc" else "16"

        @staticmethod
        def can_be_compiled():
            return False

    if os.environ.get("TINY_PIXELS") == "broken":
        raise ZeroDivisionError("a fault of the extractor")
    if not os.environ.get("TINY_PIXELS"):
        raise tb.Unavailable("TINY_PIXELS is not set")
    return TinyPixels("tiny-pixels", ["16", "logits"])


class TinyGenerator(tb.Generator):
    def __init__(self, problem):
        super().__init__(problem)
        self.generator = nn.Linear(8, problem.size**2)
        self.discriminator = nn.Linear(problem.size**2, 1)

    def optimizers(self, recipe):
        return {
            name: tb.build_optimizer(recipe.optimizer, getattr(self, name).parameters())
            for name in ("discriminator", "generator")
        }

    def _images(self, latent):
        return self.generator(latent).tanh().view(-1, 1, self.problem.size, self.problem.size)

    def losses(self, batch):
        images = self._images(torch.randn(len(batch), 8))
        yield (
            "discriminator",
            F.softplus(-self.discriminator(batch.images.flatten(1))).mean()
            + F.softplus(self.discriminator(images.detach().flatten(1))).mean(),
        )
        yield "generator", F.softplus(-self.discriminator(images.flatten(1))).mean()

    def sample(self, n, labels, rng):
        return self._images(torch.randn(n, 8, generator=rng))


class TinyNoise(tb.Generator):
    """Grey noise whatever it is asked for; its one weight learns nothing of use."""

    def __init__(self, problem):
        super().__init__(problem)
        self.weight = nn.Parameter(torch.ones(1))

    def losses(self, batch):
        yield "loss", ((self.weight * batch.images.mean()) ** 2).sum()

    def sample(self, n, labels, rng):
        return torch.rand(n, 1, self.problem.size, self.problem.size, generator=rng) * 2 - 1

    def validation(self, batch):
        return {"brightness": batch.images.mean()}


class TinyArtist(TinyNoise):
    """Draws what the data set ``tiny-shapes`` holds, by rule."""

    def sample(self, n, labels, rng):
        rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
        images = []
        for label in labels.tolist():
            row, column, radius = (
                torch.rand(3, generator=rng) * torch.tensor([12.0, 12.0, 4.0]) + torch.tensor([10.0, 10.0, 5.0])
            ).tolist()
            down, across = (rows - row).abs(), (columns - column).abs()
            distance = (down**2 + across**2).sqrt() if label == 0 else torch.maximum(down, across)
            shape = (distance < radius) & (label < 2)
            images.append((torch.rand(32, 32, generator=rng) * 60 + 150 * shape) / 127.5 - 1)
        return torch.stack(images)[:, None]


class TinyAverage(tb.Generator):
    """One image, which becomes the mean of those it is trained on, under noise and moved about."""

    def __init__(self, problem):
        super().__init__(problem)
        self.image = nn.Parameter(torch.zeros(problem.size, problem.size))

    def losses(self, batch):
        yield "loss", F.mse_loss(self.image.expand_as(batch.images), batch.images)

    def sample(self, n, labels, rng):
        moved = [self.image.roll(torch.randint(-4, 5, (2,), generator=rng).tolist(), (0, 1)) for _ in range(n)]
        return (
            torch.stack(moved)[:, None] + 0.2 * torch.randn(n, 1, self.problem.size, self.problem.size, generator=rng)
        ).clamp(-1, 1)

    def validation(self, batch):
        return {"brightness": batch.images.mean()}


class Slow(TinyClassifier):
    def losses(self, batch):
        time.sleep(0.15)
        yield from super().losses(batch)


class Diverging(TinyClassifier):
    def losses(self, batch):
        for name, loss in super().losses(batch):
            yield name, loss * float("nan")


class Crashing(TinyClassifier):
    def forward(self, images):
        raise ZeroDivisionError("a fault of the model")


class OutOfMemory(TinyClassifier):
    def forward(self, images):
        raise torch.OutOfMemoryError("tried to allocate more than there is")


class Weightless(TinyClassifier):
    def __init__(self, problem):
        raise tb.Unavailable("the weights of tiny-weightless are not here; give --weights FILE")


class Exiting(TinySegmenter):
    def forward(self, images):
        os._exit(0)


class Segfaulting(TinySegmenter):
    def forward(self, images):
        return ctypes.string_at(0)


class Quitting(TinySegmenter):
    def forward(self, images):
        raise SystemExit(0)


class Hanging(TinySegmenter):
    def forward(self, images):
        while True:
            time.sleep(60)


class Deaf(TinySegmenter):
    """Does not even end when it is asked to."""

    def forward(self, images):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
