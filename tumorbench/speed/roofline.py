"""The roofline of an action: the least time that its operations take on a machine of given rates.

Each dispatched operation takes at least the longer of two times: its arithmetic at the rate of the machine's matrix
products, and its traffic at the rate at which the machine copies memory. Operations follow one another, so their times
add up. Source: Williams, Waterman and Patterson, Roofline: an insightful visual performance model, CACM 2009; taken
operation by operation. Caches can make traffic cheaper than that, so a share can pass 1 a little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from tumorbench.speed.clock import least

__all__ = ["Operations", "copy_rate", "operations_of"]

COPIED_BYTES = 2**27  # of the buffer that is copied: far more than a cache holds
NO_TRAFFIC = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")  # memory that nobody touches


class Operations(NamedTuple):
    """What was dispatched, one entry each. flops: a multiply-add as two. moved: bytes that were read and written."""

    flops: NDArray[np.float64]
    moved: NDArray[np.float64]

    def least_s(self, flops_per_s: float, bytes_per_s: float) -> float:
        """The roofline: seconds that they take at least."""
        return float(np.maximum(self.flops / flops_per_s, self.moved / bytes_per_s).sum())


def operations_of(action: Callable[[], object], counts: Mapping[Any, Callable[..., int]]) -> Operations:
    """The operations of one call of ``action``. counts: of operations' flops, where torch's own are wrong."""
    with _Recorded(counts) as recorded:
        action()
    flops, moved = np.array(recorded.operations, np.float64).reshape(-1, 2).T
    return Operations(flops, moved)


def copy_rate(device: str) -> float:
    """Bytes a second that the device reads and writes where it copies a large buffer."""
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * COPIED_BYTES / least(lambda: target.copy_(source), device, 0.5).seconds


class _Recorded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the arithmetic and the traffic of each operation below autograd and autocast."""

    def __init__(self, counts: Mapping[Any, Callable[..., int]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = flop_registry | dict(counts)
        self.operations: list[tuple[float, float]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        found = func(*args, **given)
        packet = func._overloadpacket  # noqa: SLF001 - by which torch's own counter looks up
        if not (func.is_view or packet.__name__ in NO_TRAFFIC):
            count = self.counts.get(packet)
            flops = count(*args, **given, out_val=found) if count else 0
            moved = sum(each.numel() * each.element_size() for each in _tensors((args, given, found)))
            self.operations.append((float(flops), float(moved)))
        return found


def _tensors(nest: Any) -> Iterator[Tensor]:
    """The tensors in a nest of tuples, lists and dicts."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, dict):
        yield from _tensors(list(nest.values()))
    elif isinstance(nest, tuple | list):
        for each in nest:
            yield from _tensors(each)
