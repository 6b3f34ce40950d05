"""villegas CNN 2: two 'same' convolutions of 32 filters and two dense layers, as in A. Villegas' course work, table "CNN 2".

    layer      224x224x3 input, output       parameters
    conv 3x3    224 x 224 x  32                     896
    pool 2x2    112 x 112 x  32
    conv 3x3    112 x 112 x  32                   9,248
    pool 2x2     56 x  56 x  32
    dropout
    flatten     100,352
    dense        128                         12,845,184
    dense        4                                  516
                                    total    12,855,844   (all trainable)

Train it: ``tumorbench run -d kaggle3264 -m villegas-cnn2 --protocol paper``. Figure to expect: none is given; the report only calls
CNN 1 its best (.67).

The report gives neither the activations (ReLU here: the table shows no separate layer for them, as Keras prints an activation that is
an argument), nor the dropout rate (0.25 here), nor the initialisation (Keras' default).
"""

from __future__ import annotations

from torch import Tensor, nn

from tumorbench import BadInput, Classifier, Problem
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["VillegasCNN2"]


class VillegasCNN2(Classifier):
    """The report's table of layers, for any number of classes and any image of at least 4 pixels a side."""

    def __init__(self, problem: Problem, dropout: float = 0.25) -> None:
        super().__init__(problem)
        side = problem.size // 2 // 2
        if side < 1:
            raise BadInput(f"villegas-cnn2 needs images of at least 4 x 4 pixels, not {problem.size} x {problem.size}")
        self.features = nn.Sequential(
            # a pool before its ReLU: the same values and gradients, a quarter of the work
            nn.Conv2d(problem.channels, 32, 3, padding="same"), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding="same"), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(32 * side * side, 128), nn.ReLU(), nn.Linear(128, problem.outputs)
        )
        self.apply(initialise_as_keras)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.classifier(self.features(images))
