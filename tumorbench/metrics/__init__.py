"""The metrics: pure functions from predictions to numbers, the same for every competitor.

A metric's factory is called with what its task yields and returns its values by full name (``f1_macro``,
``f1/glioma``); None where it is undefined.

- classification: ``metric(labels, probabilities, classes)``; int64 ``(n,)``, float64 ``(n, classes)`` with rows that
  sum to 1, class names.
- classification, of a card that ``needs`` calibration: ``metric(labels, probabilities, temperature)``; the temperature
  fitted on the validation slices, or None.
- classification, of a card that ``needs`` attention: ``metric(inside, chance)``; float64 ``(n,)`` each, the share of
  each Grad-CAM map's mass that lies inside the tumour's mask (NaN where undefined), and the mask's share of the pixels.
- segmentation: ``metric(confusions, mask_classes)``; int64 ``(n, k, k)``, one pixel confusion matrix an image,
  ``[true, predicted]``, class 0 the background.
- generation: ``metric(real, generated)``; uint8 ``(n, size, size)`` each.
- generation with an extractor: ``metric(real, generated)``; a ``Features`` each (``tumorbench.metrics.features``).
- generation, memorisation: ``metric(generated, training, held_out)``; a ``Features`` each, deep ones or the pixels'
  (``tumorbench.metrics.memorisation``).

``tumorbench.metrics.uncertainty.intervals(METRIC)`` gives a generation metric's 95 % interval from the same arguments.
"""
