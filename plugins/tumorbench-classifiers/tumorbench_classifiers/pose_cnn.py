"""pose CNN: four 'valid' convolutions and one dense layer, as in F. E. Pose's course work (2023), section 7, table 2.

    layer      512x512x3 input, output       parameters
    conv 3x3    510 x 510 x  32                     896
    pool 2x2    255 x 255 x  32
    conv 3x3    253 x 253 x  64                  18,496
    pool 2x2    126 x 126 x  64
    dropout
    conv 3x3    124 x 124 x  64                  36,928
    pool 2x2     62 x  62 x  64
    dropout
    conv 3x3     60 x  60 x 128                  73,856
    pool 2x2     30 x  30 x 128
    dropout
    flatten     115,200
    dropout
    dense       3                               345,603
                                        total   475,779   (all trainable)

Train it: ``tumorbench run -d figshare3064 -m pose-cnn --protocol paper``. Figure to expect: accuracy .93 to .94 on the
report's slice split, which puts most patients on both sides; less under ``grouped``.

The report gives neither the activation (ReLU here), nor the dropout rates (0.25 after the pools, 0.5 before the dense layer),
nor the initialisation (Keras' default: Glorot uniform, zero bias).
"""

from __future__ import annotations

from torch import Tensor, nn

from tumorbench import BadInput, Classifier, Problem
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["PoseCNN"]


class PoseCNN(Classifier):
    """The report's table of layers, for any number of classes and any image of at least 46 pixels a side."""

    def __init__(self, problem: Problem, dropout: float = 0.25, dense_dropout: float = 0.5) -> None:
        super().__init__(problem)
        side = problem.size
        for _ in range(4):
            side = (side - 2) // 2  # a 'valid' 3x3 convolution, then a pool
        if side < 1:
            raise BadInput(f"pose-cnn needs images of at least 46 x 46 pixels, not {problem.size} x {problem.size}")
        self.features = nn.Sequential(
            # a pool before its ReLU: the same values and gradients, a quarter of the work
            nn.Conv2d(problem.channels, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(dropout),
            nn.Conv2d(64, 64, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(dropout),
            nn.Conv2d(64, 128, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Dropout(dense_dropout), nn.Linear(128 * side * side, problem.outputs)
        )
        self.apply(initialise_as_keras)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.classifier(self.features(images))
