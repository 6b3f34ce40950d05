"""The metrics: pure functions from predictions to numbers, the same for every competitor.

A metric's factory is called with what its task yields and returns its values by full name (``f1_macro``, ``f1/glioma``); None where it is undefined.

- classification: ``metric(labels, probabilities, classes)``; int64 ``(n,)``, float64 ``(n, classes)`` with rows that sum to 1, class names.
- segmentation: ``metric(confusions, mask_classes)``; int64 ``(n, k, k)``, one pixel confusion matrix an image, ``[true, predicted]``, class 0 the background.
- generation: ``metric(real, generated)``; uint8 ``(n, size, size)`` each.
- generation with an extractor: ``metric(real, generated)``; a ``Features`` each (``tumorbench.metrics.features``).
"""
