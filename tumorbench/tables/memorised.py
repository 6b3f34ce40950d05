"""Which generators repeat their training images.

Their rows are flagged, and their samples, which may be pictures of patients, are not shared.
"""

from __future__ import annotations

from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import Record
from tumorbench.tables.inputs import metric_id

__all__ = ["MEMORISED", "memorises", "shares_samples"]

MEMORISED = 0.25  # of the images; held-out ones give 0.05 by deep features, and about 0 by pixels


def memorises(record: Record) -> bool:
    """Whether many of its images are near-copies of training images, or as near as 1 held-out image in 20, by any features."""
    found = [
        metric.value for metric in record.metrics if metric_id(metric.name) == "memorisation" and "/" not in metric.name
    ]
    return any(value is not None and value > MEMORISED for value in found)


def shares_samples(record: Record) -> bool:
    """Whether pictures of what its generator made may be shared: it was looked for repetitions, and there are few."""
    return record.identity.protocol not in TSTR_SPLITS and not memorises(record)
