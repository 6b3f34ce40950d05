"""The metrics: pure functions from predictions to numbers, the same for every competitor.

A metric's factory is called with what its task yields and returns its values by full name (``f1_macro``,
``f1/glioma``); None where it is undefined.

- classification: ``metric(labels, probabilities, classes)``; int64 ``(n,)``, float64 ``(n, classes)`` with rows that
  sum to 1, class names.
- classification, of a card that ``needs`` clean or leaked: the same, of the test slices of which nothing, or something,
  was seen in training or validation; not called where none leaked.
- classification, of a card that ``needs`` calibration: ``metric(labels, probabilities, temperature)``; the temperature
  fitted on the validation slices, or None.
- classification, of a card that ``needs`` attention: ``metric(inside, chance)``; float64 ``(n,)`` each, the share of
  each Grad-CAM map's mass that lies inside the tumour's mask (NaN where undefined), and the mask's share of the pixels.
- classification, of a card that ``needs`` patients: ``metric(labels, probabilities, patients)``; the patient of each
  slice, text ``(n,)``, "" where not known; not called where none is known.
- segmentation: ``metric(confusions, mask_classes)``; int64 ``(n, k, k)``, one pixel confusion matrix an image,
  ``[true, predicted]``, class 0 the background, of masks at the data set's own size.
- segmentation, of a card that ``needs`` surfaces: ``metric(surfaces, spacing_mm)``; float64 ``(n, 2)``, how far the
  outlines of each image's masks are apart in pixels (``tumorbench.metrics.surfaces``), and float64 ``(n,)``, the side
  of a pixel in mm, NaN where it is not known.
- segmentation, of a card that ``needs`` lesions: ``metric(lesions)``; int64 ``(n, 3)``, how many lesions of each image
  are true, predicted and matched (``tumorbench.metrics.lesions``).
- generation: images of all generators of a data set are at one size (128 x 128, or the data set's own where that is
  smaller) and beside the same whole real slices. ``metric(real, generated)``; uint8 ``(n, size, size)`` each.
- generation with an extractor: ``metric(real, generated)``; a ``Features`` each (``tumorbench.metrics.features``).
- generation, memorisation: ``metric(generated, training, held_out)``; a ``Features`` each, deep ones or the pixels'
  (``tumorbench.metrics.memorisation``).

``tumorbench.metrics.uncertainty.replicates(METRIC)`` gives a generation metric's replicates from the same arguments.
"""
