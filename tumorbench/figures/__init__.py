"""Figures of a cell or a data set: each function leaves one PNG, the same bytes for the same arguments."""

from tumorbench.figures.attention import attention_examples
from tumorbench.figures.calibration import reliability_diagram
from tumorbench.figures.classification import confusion_matrix, predictions_grid, worst_mistakes
from tumorbench.figures.comparison import differences_figure
from tumorbench.figures.curves import learning_curves
from tumorbench.figures.generation import (
    closest_pairs_figure,
    intensity_histograms,
    progress_strip,
    reconstructions,
    sample_grid,
)
from tumorbench.figures.segmentation import segmentation_examples
from tumorbench.figures.sheets import contact_sheet, pair_sheet

__all__ = [
    "attention_examples",
    "closest_pairs_figure",
    "confusion_matrix",
    "contact_sheet",
    "differences_figure",
    "intensity_histograms",
    "learning_curves",
    "pair_sheet",
    "predictions_grid",
    "progress_strip",
    "reconstructions",
    "reliability_diagram",
    "sample_grid",
    "segmentation_examples",
    "worst_mistakes",
]
