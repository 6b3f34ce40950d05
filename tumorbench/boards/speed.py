"""The throughput board: CPU and CUDA, real and synthetic data, full and quick recipes, each in a table of its own."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from tumorbench.contracts.record import Throughput
from tumorbench.tables.markdown import NOTHING, code, narrow_table, number, plain, plural, shortened, table
from tumorbench.tables.rows import hardware_name

__all__ = ["throughput_tables"]

DEVICES = {"cpu": "CPU", "cuda": "CUDA"}
MEANING = {
    "full": "At the full recipe's image size.",
    "quick": "At the quick recipe's image size, which may be smaller than the full one's: not comparable with full.",
}
DETAILS = (
    "Quartiles are those of the rounds that no other process disturbed. The roofline is the least time that the "
    "arithmetic and the traffic of every operation take at the machine's rates."
)
LONGEST = 28  # characters of a model's name in the tables that fit a screen


def throughput_tables(throughputs: Sequence[Throughput], is_synthetic: Callable[[str], bool]) -> list[str]:
    """Headings and tables, in a fixed order; a table holds one kind of device, one kind of data and one budget.

    After the tables that fit a screen come those with everything that was measured.
    """
    paragraphs, details = [], []
    for device, title in DEVICES.items():
        for synthetic in (False, True):
            for budget, meaning in MEANING.items():
                chosen = [
                    speed
                    for speed in throughputs
                    if (speed.device, is_synthetic(speed.dataset), speed.budget) == (device, synthetic, budget)
                ]
                if chosen:
                    heading = f"{title}, {budget} budget{', SYNTHETIC data' if synthetic else ''}"
                    paragraphs += [f"## {heading}", meaning, *_by_machine(chosen)]
                    details += [f"### {heading}", table([_details(speed) for speed in _sorted(chosen)])]
    return [*paragraphs, "## Everything measured", DETAILS, *details] if paragraphs else []


def _by_machine(speeds: Sequence[Throughput]) -> list[str]:
    """A table for each machine and precision, under what it can do."""
    paragraphs = []
    for machine in sorted({_machine(speed) for speed in speeds}):
        own = [speed for speed in speeds if _machine(speed) == machine]
        gemm = statistics.median(speed.gemm_gflop_per_s for speed in own)
        copies = [speed.copy_gb_per_s for speed in own if speed.copy_gb_per_s is not None]
        copied = f"; copies of memory: {number(statistics.median(copies))} GB/s" if copies else ""
        paragraphs += [
            f"{plain(machine)}. Matrix products: {gemm:,.0f} GFLOP/s (median){copied}.",
            narrow_table([_entry(speed) for speed in _sorted(own)]),
        ]
    return paragraphs


def _machine(speed: Throughput) -> str:
    threads = speed.hardware.get("threads")
    counted = f", {plural(threads, 'thread')}" if isinstance(threads, int) and speed.device == "cpu" else ""
    return f"{hardware_name(speed.hardware)}{counted}, {speed.precision}"


def _sorted(speeds: Sequence[Throughput]) -> list[Throughput]:
    return sorted(
        speeds,
        key=lambda speed: (
            speed.dataset,
            speed.task,
            speed.model,
            _machine(speed),
            speed.started_at,
            speed.key,
        ),
    )


def _entry(speed: Throughput) -> dict[str, str]:
    return {
        "model": shortened(speed.model, LONGEST),
        "data set": code(speed.dataset),
        "px": str(speed.size),
        "train img/s": _spread(speed.train_images_per_s, speed.train_quartiles),
        "predict img/s": _spread(speed.inference_images_per_s, speed.inference_quartiles),
        "ms/image": _rate(speed.latency_p50_ms),
        "MiB": f"{speed.peak_memory_mib:,.0f}",
        "roofline": _share(speed.train_share_of_roofline),
    }


def _details(speed: Throughput) -> dict[str, str]:
    total, trainable = speed.parameters.get("total"), speed.parameters.get("trainable")
    return {
        "model": f"{code(speed.model)} {plain(speed.model_version)}",
        "data set, input": f"{code(speed.dataset)} {speed.channels} x {speed.size} x {speed.size}",
        "machine": plain(_machine(speed)),
        "batch (training / predicting)": f"{speed.train_batch} / {speed.inference_batch}",
        "training img/s, quartiles": _range(speed.train_quartiles),
        "predicting img/s, quartiles": _range(speed.inference_quartiles),
        "latency p50 / p95, ms": f"{_rate(speed.latency_p50_ms)} / {_rate(speed.latency_p95_ms)}",
        "parameters (trainable)": NOTHING
        if total is None
        else f"{total:,} ({NOTHING if trainable is None else f'{trainable:,}'})",
        "GFLOP an image (training / predicting)": _both(
            _optional, speed.train_gflop_per_image, speed.inference_gflop_per_image
        ),
        "share of GEMM rate (training / predicting)": _both(
            _share, speed.train_share_of_gemm, speed.inference_share_of_gemm
        ),
        "share of roofline (training / predicting)": _both(
            _share, speed.train_share_of_roofline, speed.inference_share_of_roofline
        ),
        "GEMM, GFLOP/s; copy, GB/s": f"{speed.gemm_gflop_per_s:,.0f}; {_optional(speed.copy_gb_per_s)}",
        "rounds kept / discarded": _both(_count, speed.rounds, speed.discarded_rounds),
        "measured": NOTHING if not speed.started_at else plain(speed.measured_at),
    }


def _spread(rate: float, quartiles: tuple[float, float] | None) -> str:
    """The rate, with half of the distance between its quartiles in per cent of it."""
    if quartiles is None or rate <= 0:
        return _rate(rate)
    return f"{_rate(rate)} ± {50 * (quartiles[1] - quartiles[0]) / rate:.1f} %"


def _range(quartiles: tuple[float, float] | None) -> str:
    return NOTHING if quartiles is None else f"{_rate(quartiles[0])} to {_rate(quartiles[1])}"


def _count(count: float | None) -> str:
    return NOTHING if count is None else f"{count:.0f}"


def _both(shown: Callable[[float | None], str], train: float | None, inference: float | None) -> str:
    return f"{shown(train)} / {shown(inference)}"


def _rate(value: float) -> str:
    """Three significant digits below a thousand."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - said above


def _optional(value: float | None) -> str:
    return NOTHING if value is None else number(value)


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.0%}"
