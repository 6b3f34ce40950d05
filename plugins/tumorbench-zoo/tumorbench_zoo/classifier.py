"""Any timm network as a classifier: the whole of it fine-tuned, or a linear head on its features.

Train one: ``tumorbench run -m timm/resnet18.a1_in1k``, or ``-m 'timm/resnet18.a1_in1k[frozen=true]'``.
"""

from __future__ import annotations

from collections.abc import Mapping

import timm
from torch import Tensor, nn

from tumorbench import Classifier, Problem, TransferClassifier, load_backbone
from tumorbench_zoo.names import timm_config
from tumorbench_zoo.trial import shapes_only

__all__ = ["TimmClassifier", "timm_classifier"]


def timm_classifier(problem: Problem, architecture: str, frozen: bool) -> Classifier:
    """A classifier on timm's ``architecture``: all of it trains, or with ``frozen`` a linear head on its features."""
    if not frozen:
        return TimmClassifier(problem, architecture)
    return TimmFeatures(problem, architecture)


class TimmFeatures(TransferClassifier):
    """A linear head on the features of the network that timm calls ``architecture``, which do not train."""

    def __init__(self, problem: Problem, architecture: str) -> None:
        backbone = _timm_network(problem, architecture, outputs=0)
        super().__init__(problem, backbone, nn.Linear(backbone.head_hidden_size, problem.outputs))
        self.architecture = architecture

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The backbone holds ``weights``: timm's of the whole network. Raises: BadInput where they do not fit."""
        with shapes_only():
            whole = timm.create_model(self.architecture).state_dict()
        load_backbone(self.backbone, weights, unused=whole)


class TimmClassifier(Classifier):
    """The network that timm calls ``architecture``, with an output for each class."""

    def __init__(self, problem: Problem, architecture: str) -> None:
        super().__init__(problem)
        self.network = _timm_network(problem, architecture, problem.outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.network(images)

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Everything but the last layer, which is for other classes, holds ``weights``. Raises: BadInput where they do not fit.

        The last layer starts near zero: timm draws some networks' for a thousand outputs, and a few outputs of that size would undo the weights below.
        """
        named = self.network.pretrained_cfg.get("classifier") or ()
        last = tuple(f"{name}." for name in ((named,) if isinstance(named, str) else named))
        load_backbone(self.network, weights, head=last)
        for name, parameter in self.network.named_parameters():
            if name.startswith(last):
                nn.init.normal_(parameter, std=0.01) if parameter.ndim > 1 else nn.init.zeros_(parameter)


def _timm_network(problem: Problem, architecture: str, outputs: int) -> nn.Module:
    """The network by timm, without weights; one that takes a single image size is built for the problem's."""
    config = timm_config(architecture)
    other = config.fixed_input_size and problem.size not in config.input_size[1:]
    size = {"img_size": problem.size} if other else {}
    return timm.create_model(architecture, num_classes=outputs, in_chans=problem.channels, **size)
