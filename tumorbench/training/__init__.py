"""Training: one loop for every family, its checkpoints, averages of the weights, frozen backbones, pretrained weights."""

from tumorbench.training.checkpoint import save_atomically
from tumorbench.training.loop import CHECKPOINT_EVERY_S, Fit, autocast, check_deadline, fit, seed_everything, timed

__all__ = [
    "CHECKPOINT_EVERY_S",
    "Fit",
    "autocast",
    "check_deadline",
    "fit",
    "save_atomically",
    "seed_everything",
    "timed",
]
