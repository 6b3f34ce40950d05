"""robles baseline: a frozen ImageNet network under a new classifier: the "transfer learning" baseline of M. Robles, J. Rodríguez and D. Aguirre.

    layer                                       224x224x3 input, output    parameters (BatchNorm's statistics included)
    EfficientNet-Lite0, without its classifier  1,280                        3,413,024   (frozen)
    dropout
    dense                                       4                                5,124
                                                                total        3,418,148   (5,124 trainable)

Train it: ``tumorbench run -d kaggle3264 -m robles-baseline --protocol paper``. Figure to expect: accuracy .9633 (macro F1 .9665) on a random
tenth of the slices, most of which have a twin in training; less under ``grouped``.

The report says "transfer learning" and names neither the network, nor which layers train, nor anything of the training. EfficientNet-Lite0 is
our choice because its ImageNet weights install as a Python package, without a model hub. It was trained on (pixel - 127) / 128, which is the
"symmetric" normalisation to within half a grey level. Dropout 0.2 is the network's own.
"""

from __future__ import annotations

import timm
from torch import nn

from tumorbench import Problem, TransferClassifier
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["RoblesBaseline"]


class RoblesBaseline(TransferClassifier):
    """The layers above, for any number of classes and any image of at least 32 pixels a side."""

    def __init__(self, problem: Problem, dropout: float = 0.2) -> None:
        backbone = timm.create_model(
            "tf_efficientnet_lite0", pretrained=False, num_classes=0, in_chans=problem.channels
        )
        super().__init__(
            problem,
            backbone,
            head=nn.Sequential(nn.Dropout(dropout), nn.Linear(backbone.num_features, problem.outputs)),
        )
        self.head.apply(initialise_as_keras)
