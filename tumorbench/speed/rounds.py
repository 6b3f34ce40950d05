"""Timed rounds of an action, each paired with a round of a reference, so that only their ratio need be trusted.

Machines are shared, and absolute times drift by tens of per cent. A round is thrown away when the machine was taken
from it; where too few are left there is no figure:

- the reference got less than 0.9 of (threads x wall) in CPU time;
- a thread of either waited for a CPU more than a tenth of the time in which it could have run; where the system does
  not tell that, the action got less than 0.9 of the most that it ever got (one with serial parts never gets all);
- the reference ran at less than 0.75 of its best rate, as on a CPU whose twin is busy, or on a GPU that others use too.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.errors import NotMeasurable
from tumorbench.speed.clock import Timed, clock, least

__all__ = ["Pair", "Reference", "Rounds", "busy", "undisturbed"]

FEWEST, MOST = 5, 40
PATIENCE = 3  # times the seconds that were asked for, while too few rounds are undisturbed
ROUND_S = 0.05  # what is shorter is repeated within a round
UNDISTURBED = 0.9  # of the CPU time that was available
BEST_RATE = 0.75  # of the reference's own best
MANY_THREADS = 8  # above which the CPU needs the larger matrices to be busy

Pair = tuple[Timed, Timed]
"""A round: the reference, then the action."""


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
                speeds.append(flops / least(action, device, 0.5).seconds)
        fastest = speeds.index(max(speeds))
        self.device, (self.flops, self.action) = device, candidates[fastest]
        self._repeats = max(1, round(ROUND_S * speeds[fastest] / self.flops))

    def __call__(self) -> Timed:
        """A round of it."""
        with torch.inference_mode():
            return clock(self.action, self.device, self._repeats)


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of an action and of the reference beside it, of the kept rounds; the disturbed ones are only counted.

    kept: which rounds they were, of all that were made. repeats: calls of the action in each round.
    """

    action_s: tuple[float, ...]
    reference_s: tuple[float, ...]
    discarded: int
    kept: tuple[int, ...] = ()
    repeats: int = 1

    @classmethod
    def timed(
        cls,
        action: Callable[[], object],
        reference: Reference,
        device: str,
        seconds: float,
        what: str,
        *,
        discard: bool = True,
    ) -> Rounds:
        """Rounds for about ``seconds``, five at least, and up to three times as long until five are undisturbed.

        The action is warm already. what: its name in an error. discard: False keeps disturbed rounds too.
        Raises: NotMeasurable where fewer than five are left.
        """
        started = time.perf_counter()
        repeats = max(1, round(ROUND_S / max(clock(action, device).seconds, 1e-6)))
        pairs: list[Pair] = []
        kept: list[int] = []
        while len(pairs) < FEWEST or (len(kept) < MOST and time.perf_counter() - started < seconds * _patience(kept)):
            pairs.append((reference(), clock(action, device, repeats)))
            kept = undisturbed(pairs) if discard else list(range(len(pairs)))
        if len(kept) < FEWEST:
            raise NotMeasurable(_why_not(pairs, len(kept), what, device))
        return cls(
            tuple(pairs[i][1].seconds for i in kept),
            tuple(pairs[i][0].seconds for i in kept),
            len(pairs) - len(kept),
            tuple(kept),
            repeats,
        )

    @property
    def median_s(self) -> float:
        """Of the action, one call."""
        return statistics.median(self.action_s)

    @property
    def quartiles_s(self) -> tuple[float, float]:
        """Of the action, one call: what a quarter of the rounds took at most, and what a quarter took at least."""
        low, _, high = statistics.quantiles(self.action_s, n=4, method="inclusive")
        return low, high

    def share(self, action_flops: float, reference_flops: float) -> float:
        """The action's arithmetic rate over the reference's: the median of the paired ratios."""
        paired = zip(self.action_s, self.reference_s, strict=True)
        return statistics.median(
            (action_flops / action_s) / (reference_flops / reference_s) for action_s, reference_s in paired
        )

    def of_kept(self, values: Sequence[float]) -> list[float]:
        """The values of the kept rounds, of one value for each call of the action; other calls came before them."""
        of_rounds = values[-(len(self.kept) + self.discarded) * self.repeats :]
        return [of_rounds[i * self.repeats + call] for i in self.kept for call in range(self.repeats)]


def undisturbed(pairs: Sequence[Pair]) -> list[int]:
    """Indices of the rounds that had the machine to themselves, in order."""
    most = max(action.use for _, action in pairs)
    best_s = min(reference.seconds for reference, _ in pairs)
    return [
        i
        for i, (reference, action) in enumerate(pairs)
        if _share(reference, action, most) >= UNDISTURBED and best_s / reference.seconds >= BEST_RATE
    ]


def busy(timed: Timed) -> bool:
    """Whether other processes held the CPU meanwhile, as far as the system tells."""
    return timed.ran is not None and timed.ran < UNDISTURBED


def _share(reference: Timed, action: Timed, most: float) -> float:
    """The share of the available CPU time that the round got; ``most``: the largest ``use`` of the action."""
    of_reference = reference.use if reference.ran is None else min(reference.use, reference.ran)
    of_action = action.ran if action.ran is not None else action.use / most if most > 0 else 1.0
    return min(of_reference, of_action)


def _patience(kept: Sequence[int]) -> int:
    return PATIENCE if len(kept) < FEWEST else 1


def _why_not(pairs: Sequence[Pair], kept: int, what: str, device: str) -> str:
    """One line: how many rounds were disturbed, by how much, and what to do."""
    disturbed = f"{len(pairs) - kept} of {len(pairs)} rounds of {what} were disturbed"
    if device == "cuda":
        return f"not measurable now: {disturbed}: the GPU's own rate changed by more than a quarter; try again later"
    threads = torch.get_num_threads()
    got = statistics.median(reference.use for reference, _ in pairs)
    return (
        f"not measurable now: {disturbed}: {threads} thread{'s' * (threads > 1)} got {got:.0%} of the CPU time "
        f"{load()}; try again on a quiet machine, or with fewer threads (OMP_NUM_THREADS)"
    )


def load() -> str:
    """How busy the machine is, in brackets: "(load 4.1 on 2 CPUs)"."""
    average = f"load {os.getloadavg()[0]:.1f} on " if hasattr(os, "getloadavg") else ""
    return f"({average}{os.cpu_count()} CPUs)"
