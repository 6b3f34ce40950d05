"""The columns of ours beside a reported value: one for each way to split, and the protocol whose rows stand in it."""

from __future__ import annotations

from tumorbench.contracts.problem import TSTR_SPLITS, Protocol

__all__ = ["SPLITS", "is_judged", "protocol_of", "split_of"]

SPLITS: tuple[Protocol, ...] = ("paper", "official", "grouped")  # in the order of the columns
JUDGED = {split: protocol for protocol, split in TSTR_SPLITS.items()}


def is_judged(metric: str) -> bool:
    """Whether the metric is of training on synthetic and testing on real images, which has protocols of its own."""
    return metric.startswith("tstr_")


def protocol_of(metric: str, split: Protocol) -> Protocol | None:
    """The protocol whose rows hold the metric on that split; None where there is no such protocol.

    >>> [protocol_of(metric, "paper") for metric in ("accuracy", "tstr_mixed")]
    ['paper', 'tstr-paper']
    """
    return JUDGED.get(split) if is_judged(metric) else split


def split_of(protocol: Protocol) -> Protocol:
    """The column of the protocol's rows: the protocol whose split it takes, or itself."""
    return TSTR_SPLITS.get(protocol, protocol)
