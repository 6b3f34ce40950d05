"""villegas CNN 1: three 'valid' convolutions of 128 filters and two dense layers, as in A. Villegas' course work, table "CNN 1".

    layer      224x224x3 input, output       parameters
    conv 3x3    222 x 222 x 128                   3,584
    pool 2x2    111 x 111 x 128
    conv 3x3    109 x 109 x 128                 147,584
    pool 2x2     54 x  54 x 128
    conv 3x3     52 x  52 x 128                 147,584
    pool 2x2     26 x  26 x 128
    flatten      86,528
    dense        128                         11,075,712
    dropout
    dense        4                                  516
                                    total    11,374,980   (all trainable)

Train it: ``tumorbench run -d kaggle3264 -m villegas-cnn1 --protocol paper``. Figure to expect: accuracy .67 (macro F1 .65) on the
official test folder. ``villegas-cnn1-augmented`` is the same network trained and tested on rotated slices: .54 (.51).

The report gives neither the dropout rate (0.5 here), nor the initialisation (Keras' default). That its activation layers are ReLU
is the report's silence too: Keras prints "Activation" and not which.
"""

from __future__ import annotations

from torch import Tensor, nn

from tumorbench import BadInput, Classifier, Problem
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["VillegasCNN1"]


class VillegasCNN1(Classifier):
    """The report's table of layers, for any number of classes and any image of at least 22 pixels a side."""

    def __init__(self, problem: Problem, dropout: float = 0.5) -> None:
        super().__init__(problem)
        side = problem.size
        for _ in range(3):
            side = (side - 2) // 2  # a 'valid' 3x3 convolution, then a pool
        if side < 1:
            raise BadInput(
                f"villegas-cnn1 needs images of at least 22 x 22 pixels, not {problem.size} x {problem.size}"
            )
        self.features = nn.Sequential(
            # a pool before its ReLU: the same values and gradients, a quarter of the work
            nn.Conv2d(problem.channels, 128, 3), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(128, 128, 3), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(128, 128, 3), nn.MaxPool2d(2), nn.ReLU(),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(128 * side * side, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, problem.outputs),
        )  # fmt: skip
        self.apply(initialise_as_keras)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.classifier(self.features(images))
