"""Training: one loop for every family (``loop``), where it stands (``progress``), and the average of the weights (``averaging``)."""

from tumorbench.train.loop import Fit, autocast, check_deadline, fit, seed_everything
from tumorbench.train.progress import save_atomically

__all__ = ["Fit", "autocast", "check_deadline", "fit", "save_atomically", "seed_everything"]
