"""The throughput board: CPU and CUDA, real and synthetic data, full and quick recipes, each in a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tumorbench.contracts.record import Throughput
from tumorbench.tables.markdown import NOTHING, code, number, plain, table
from tumorbench.tables.rows import hardware_name

__all__ = ["throughput_tables"]

DEVICES = {"cpu": "CPU", "cuda": "CUDA"}
MEANING = {
    "full": "At the full recipe's image size.",
    "quick": "At the quick recipe's image size, which may be smaller than the full one's: not comparable with full.",
}


def throughput_tables(throughputs: Sequence[Throughput], is_synthetic: Callable[[str], bool]) -> list[str]:
    """Headings and tables, in a fixed order; a table holds one kind of device, one kind of data and one budget."""
    paragraphs = []
    for device, title in DEVICES.items():
        for synthetic in (False, True):
            for budget, meaning in MEANING.items():
                chosen = [
                    speed
                    for speed in throughputs
                    if (speed.device, is_synthetic(speed.dataset), speed.budget) == (device, synthetic, budget)
                ]
                if chosen:
                    paragraphs += [
                        f"## {title}, {budget} budget{', SYNTHETIC data' if synthetic else ''}",
                        meaning,
                        table([_entry(speed) for speed in _sorted(chosen)]),
                    ]
    return paragraphs


def _sorted(speeds: Sequence[Throughput]) -> list[Throughput]:
    return sorted(
        speeds,
        key=lambda speed: (
            speed.dataset,
            speed.task,
            speed.model,
            speed.precision,
            hardware_name(speed.hardware),
            speed.started_at,
            speed.key,
        ),
    )


def _entry(speed: Throughput) -> dict[str, str]:
    total, trainable = speed.parameters.get("total"), speed.parameters.get("trainable")
    return {
        "model": f"{code(speed.model)} {plain(speed.model_version)}",
        "data set, input": f"{code(speed.dataset)} {speed.channels} x {speed.size} x {speed.size}",
        "batch (train / inference)": f"{speed.train_batch} / {speed.inference_batch}",
        "precision": plain(speed.precision),
        "train img/s": _rate(speed.train_images_per_s),
        "inference img/s": _rate(speed.inference_images_per_s),
        "latency p50 / p95, ms": f"{_rate(speed.latency_p50_ms)} / {_rate(speed.latency_p95_ms)}",
        "peak memory, MiB": f"{speed.peak_memory_mib:,.0f}",
        "parameters (trainable)": NOTHING
        if total is None
        else f"{total:,} ({NOTHING if trainable is None else f'{trainable:,}'})",
        "GFLOP per image (train / inference)": _both(
            _optional, speed.train_gflop_per_image, speed.inference_gflop_per_image
        ),
        "share of GEMM rate (train / inference)": _both(
            _share, speed.train_share_of_gemm, speed.inference_share_of_gemm
        ),
        "share of roofline (train / inference)": _both(
            _share, speed.train_share_of_roofline, speed.inference_share_of_roofline
        ),
        "GEMM, GFLOP/s; copy, GB/s": f"{speed.gemm_gflop_per_s:,.0f}; {_optional(speed.copy_gb_per_s)}",
        "hardware": plain(hardware_name(speed.hardware)),
        "measured": NOTHING if not speed.started_at else plain(speed.measured_at),
    }


def _both(shown: Callable[[float | None], str], train: float | None, inference: float | None) -> str:
    return f"{shown(train)} / {shown(inference)}"


def _rate(value: float) -> str:
    """Three significant digits below a thousand."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - said above


def _optional(value: float | None) -> str:
    return NOTHING if value is None else number(value)


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.0%}"
