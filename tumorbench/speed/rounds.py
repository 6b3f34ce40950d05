"""Timed rounds of an action, each paired with a round of a reference, so that only their ratio need be trusted.

Machines are shared, and absolute times drift by tens of per cent. On the CPU a round is thrown away when the machine was taken from it: the reference got
less than 0.9 of (threads x wall) in CPU time, or the action less than 0.9 of the most that this action ever got (one with serial parts never gets all).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["Reference", "Rounds", "clock", "least_s", "undisturbed"]

FEWEST, MOST = 3, 40
ROUND_S = 0.05  # what is shorter is repeated within a round
UNDISTURBED = 0.9  # of the CPU time that was to be had
MANY_THREADS = 8  # above which the CPU needs the larger matrices to be busy


def clock(action: Callable[[], object], device: str, repeats: int = 1) -> tuple[float, float]:
    """Seconds a call, and the share of (threads x wall) that the process got as CPU time; 1.0 on CUDA, whose own events measure."""
    if device == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        for _ in range(repeats):
            action()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000 / repeats, 1.0
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / repeats, cpu / (torch.get_num_threads() * wall)


def least_s(action: Callable[[], object], device: str, seconds: float) -> float:
    """The shortest of three calls, or of as many as begin within ``seconds``."""
    started = time.perf_counter()
    taken_s = [clock(action, device)[0]]
    while len(taken_s) < FEWEST and time.perf_counter() - started < seconds:
        taken_s.append(clock(action, device)[0])
    return min(taken_s)


class Reference:
    """The faster of a square matrix product and a 3 x 3 convolution in the same precision: what this machine can multiply at most, right now."""

    def __init__(self, device: str, precision: str) -> None:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        large = device == "cuda" or torch.get_num_threads() > MANY_THREADS
        side = (8192 if device == "cuda" else 4096) if large else 1024
        n, channels, pixels = (64, 256, 56) if large else (8, 64, 56)
        left, right = torch.rand(2, side, side, device=device, dtype=dtype)
        images = torch.rand(n, channels, pixels, pixels, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        kernel = torch.rand(channels, channels, 3, 3, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        candidates: list[tuple[float, Callable[[], object]]] = [
            (2.0 * side**3, lambda: left @ right),
            (2.0 * n * pixels**2 * channels**2 * 9, lambda: F.conv2d(images, kernel, padding=1)),
        ]
        speeds = []
        with torch.inference_mode():
            for flops, action in candidates:
                action()
                speeds.append(flops / least_s(action, device, 0.5))
        fastest = speeds.index(max(speeds))
        self.device, (self.flops, self.action) = device, candidates[fastest]
        self._repeats = max(1, round(ROUND_S * speeds[fastest] / self.flops))

    def __call__(self) -> tuple[float, float]:
        """Seconds a call, and the share of the CPU time that was to be had."""
        with torch.inference_mode():
            return clock(self.action, self.device, self._repeats)


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of an action and of the reference beside it, round by round; the disturbed rounds are only counted."""

    action_s: tuple[float, ...]
    reference_s: tuple[float, ...]
    discarded: int

    @classmethod
    def timed(cls, action: Callable[[], object], reference: Reference, device: str, seconds: float) -> Rounds:
        """Rounds for about ``seconds``, three at least. The action is warm already."""
        started = time.perf_counter()
        repeats = max(1, round(ROUND_S / max(clock(action, device)[0], 1e-6)))
        pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
        while len(pairs) < FEWEST or (len(pairs) < MOST and time.perf_counter() - started < seconds):
            pairs.append((reference(), clock(action, device, repeats)))
        kept = undisturbed([of_reference[1] for of_reference, _ in pairs], [of_action[1] for _, of_action in pairs])
        return cls(tuple(pairs[i][1][0] for i in kept), tuple(pairs[i][0][0] for i in kept), len(pairs) - len(kept))

    @property
    def median_s(self) -> float:
        """Of the action, one call."""
        return statistics.median(self.action_s)

    def share(self, action_flops: float, reference_flops: float) -> float:
        """The action's arithmetic rate over the reference's: the median of the paired ratios."""
        paired = zip(self.action_s, self.reference_s, strict=True)
        return statistics.median(
            (action_flops / action_s) / (reference_flops / reference_s) for action_s, reference_s in paired
        )


def undisturbed(reference_use: Sequence[float], action_use: Sequence[float]) -> list[int]:
    """Indices of the rounds to keep, in order: those that had the machine to themselves, or the three that came nearest to it.

    Both are shares of (threads x wall) that were got as CPU time.
    """
    most = max(action_use)
    had = [
        min(of_reference, of_action / most if most > 0 else 1.0)
        for of_reference, of_action in zip(reference_use, action_use, strict=True)
    ]
    kept = [i for i, share in enumerate(had) if share >= UNDISTURBED]
    if len(kept) < FEWEST:
        kept = sorted(sorted(range(len(had)), key=lambda i: had[i], reverse=True)[:FEWEST])
    return kept
