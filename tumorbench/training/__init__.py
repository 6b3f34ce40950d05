"""Training: one loop for every family (``loop``), where it stands (``progress``), and the average of the weights (``averaging``)."""

from tumorbench.training.checkpoint import save_atomically
from tumorbench.training.loop import Fit, autocast, check_deadline, fit, seed_everything

__all__ = ["Fit", "autocast", "check_deadline", "fit", "save_atomically", "seed_everything"]
