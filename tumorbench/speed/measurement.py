"""One model's throughput, latency, memory and arithmetic, beside the matrix rate of the same machine in the same minute."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from tumorbench.contracts.families import Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import NotMeasurable
from tumorbench.speed.clock import Timed, least
from tumorbench.speed.memory import peak_mib, reset_peak_mib
from tumorbench.speed.roofline import Operations, copy_rate
from tumorbench.speed.rounds import Reference, Rounds, busy, load
from tumorbench.speed.subject import Subject, flops_of, operations
from tumorbench.training.stepping import part_size

__all__ = ["Measurement", "measure"]

INFERENCE_BATCH = {"cpu": 16, "cuda": 64}
SMALL_BATCH = 2  # the least that batch normalisation can train on


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measured fields of ``contracts.record.Throughput``.

    train_quartiles, inference_quartiles: images a second of the slower and the faster quarter of the rounds.
    peak_memory_mib: of training at ``train_batch``, above what the process held before the network was built (CUDA:
    tensors; CPU: resident memory). gflop: a multiply-add counts as two; a training image's count is a whole step's
    (every loss and optimizer) over its batch; None where torch cannot count. gemm_gflop_per_s: the faster of a square
    matrix product and a 3 x 3 convolution, in the same precision, between the rounds. share_of_gemm: the model's
    arithmetic rate over that one, the median of paired rounds; it may pass 1 a little where the model's shapes suit the
    machine better. copy_gb_per_s: bytes that are read and written where a large buffer is copied. gb_per_image: bytes
    that the operations of a training step read and write. share_of_roofline: the least time that arithmetic and traffic
    take at these two rates (``speed.roofline``), over the time that was taken. rounds, discarded_rounds: of training,
    inference and latency together, those kept and those thrown away as disturbed by other processes.
    """

    train_batch: int
    inference_batch: int
    train_images_per_s: float
    inference_images_per_s: float
    train_quartiles: tuple[float, float]
    inference_quartiles: tuple[float, float]
    latency_p50_ms: float
    latency_p95_ms: float
    peak_memory_mib: float
    train_gflop_per_image: float | None
    inference_gflop_per_image: float | None
    gemm_gflop_per_s: float
    train_share_of_gemm: float | None
    inference_share_of_gemm: float | None
    copy_gb_per_s: float
    train_gb_per_image: float | None
    train_share_of_roofline: float | None
    inference_share_of_roofline: float | None
    rounds: int
    discarded_rounds: int


@dataclass(frozen=True, slots=True)
class _Phase:
    """Training or inference: its batch, its arithmetic an image, its operations a batch, its timed rounds."""

    batch: int
    flops: float | None
    operations: Operations | None
    rounds: Rounds

    @property
    def images_per_s(self) -> float:
        return self.batch / self.rounds.median_s

    @property
    def quartiles(self) -> tuple[float, float]:
        """Images a second, the lower one first."""
        fast_s, slow_s = self.rounds.quartiles_s
        return self.batch / slow_s, self.batch / fast_s

    @property
    def gflop_per_image(self) -> float | None:
        return None if self.flops is None else self.flops / 1e9

    def share(self, reference: Reference) -> float | None:
        return None if self.flops is None else self.rounds.share(self.flops * self.batch, reference.flops)

    @property
    def gb_per_image(self) -> float | None:
        return None if self.operations is None else float(self.operations.moved.sum()) / self.batch / 1e9

    def share_of_roofline(self, flops_per_s: float, bytes_per_s: float) -> float | None:
        if self.operations is None:
            return None
        return self.operations.least_s(flops_per_s, bytes_per_s) / self.rounds.median_s


@dataclass(frozen=True, slots=True)
class _Latency:
    """Median and 95th percentile of single images, over every image of the kept rounds."""

    p50_ms: float
    p95_ms: float
    rounds: Rounds


def measure(
    network_factory: Callable[[], Network],
    problem: Problem,
    recipe: Recipe,
    device: str,
    precision: str,
    *,
    seconds: float = 8.0,
    discard: bool = True,
) -> Measurement:
    """Speed of a fresh network on random images, in about ``seconds`` for each of training and inference, and half as much for latency.

    The training batch is the recipe's, or a part of it where it is computed in parts; on the CPU it is halved until a
    step should take no more than a quarter of ``seconds`` and half of the free memory.
    The inference batch is 64 on CUDA and 16 on the CPU, halved likewise. At least five rounds of each are timed,
    however slow the model. discard: False keeps rounds that other processes disturbed: every figure of time is then
    theirs as much as the model's. Random states and determinism flags are afterwards what they were.

    Raises: Diverged where a loss or an output is not finite; NotMeasurable where the machine is too busy for a figure.
    """
    with _state_kept(device):
        _load_what_torch_loads_late()
        reference = Reference(device, precision)
        held_mib = reset_peak_mib(device)
        subject = Subject(network_factory, problem, recipe, device, precision)
        small = subject.batch(min(SMALL_BATCH, recipe.batch_size))

        flops = flops_of(lambda: subject.train(small))
        step = least(lambda: subject.train(small), device, seconds / 4)
        image_mib = max(peak_mib(device) - held_mib - subject.state_mib(), 1.0) / len(small)
        wanted = part_size(recipe)
        size = _fitting(wanted, step.seconds / len(small), image_mib, device, seconds)
        _check_chosen(size, wanted, step, discard=discard)
        batch = subject.batch(size)
        subject.check_losses(batch)
        subject.train(batch)
        peak_memory_mib = peak_mib(device) - held_mib
        training = _Phase(
            len(batch),
            flops and flops / len(small),
            operations(lambda: subject.train(batch)),
            Rounds.timed(lambda: subject.train(batch), reference, device, seconds, "training", discard=discard),
        )

        subject.network.eval()
        flops = flops_of(lambda: subject.infer(small))
        step = least(lambda: subject.infer(small), device, seconds / 4)
        size = _fitting(INFERENCE_BATCH[device], step.seconds / len(small), image_mib, device, seconds)
        _check_chosen(size, INFERENCE_BATCH[device], step, discard=discard)
        batch = subject.batch(size)
        subject.check_output(batch)
        inference = _Phase(
            len(batch),
            flops and flops / len(small),
            operations(lambda: subject.infer(batch)),
            Rounds.timed(lambda: subject.infer(batch), reference, device, seconds, "inference", discard=discard),
        )
        latency = _latency(subject, reference, seconds / 2, discard=discard)
        copied = copy_rate(device)
    return _summary(training, inference, reference, latency, peak_memory_mib, copied)


def _summary(
    training: _Phase,
    inference: _Phase,
    reference: Reference,
    latency: _Latency,
    peak_memory_mib: float,
    copied: float,
) -> Measurement:
    every = (training.rounds, inference.rounds, latency.rounds)
    reference_s = [taken_s for rounds in every for taken_s in rounds.reference_s]
    gemm = reference.flops / statistics.median(reference_s)
    return Measurement(
        train_batch=training.batch,
        inference_batch=inference.batch,
        train_images_per_s=training.images_per_s,
        inference_images_per_s=inference.images_per_s,
        train_quartiles=training.quartiles,
        inference_quartiles=inference.quartiles,
        latency_p50_ms=latency.p50_ms,
        latency_p95_ms=latency.p95_ms,
        peak_memory_mib=peak_memory_mib,
        train_gflop_per_image=training.gflop_per_image,
        inference_gflop_per_image=inference.gflop_per_image,
        gemm_gflop_per_s=gemm / 1e9,
        train_share_of_gemm=training.share(reference),
        inference_share_of_gemm=inference.share(reference),
        copy_gb_per_s=copied / 1e9,
        train_gb_per_image=training.gb_per_image,
        train_share_of_roofline=training.share_of_roofline(gemm, copied),
        inference_share_of_roofline=inference.share_of_roofline(gemm, copied),
        rounds=len(reference_s),
        discarded_rounds=sum(rounds.discarded for rounds in every),
    )


def _fitting(wanted: int, image_s: float, image_mib: float, device: str, seconds: float) -> int:
    """``wanted``, on the CPU halved (never below 2) until a batch takes at most a quarter of ``seconds`` and half of the free memory."""
    if device == "cuda":
        return wanted
    largest = min(seconds / 4 / image_s, psutil.virtual_memory().available / 2**20 / 2 / image_mib)
    while wanted > max(largest, SMALL_BATCH):
        wanted = max(wanted // 2, SMALL_BATCH)
    return wanted


def _check_chosen(batch: int, wanted: int, step: Timed, *, discard: bool) -> None:
    """The batch is not small because of other processes. Raises: NotMeasurable."""
    if discard and batch < wanted and busy(step):
        raise NotMeasurable(
            f"not measurable now: other processes held the CPU while the batch was chosen {load()}; "
            "try again on a quiet machine"
        )


def _latency(subject: Subject, reference: Reference, seconds: float, *, discard: bool) -> _Latency:
    """The wall time of one image, from the call to the finished result; one model in the machine, nothing queued."""
    single, device = subject.batch(1), subject.device
    times_ms: list[float] = []

    def one_image() -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        begun = time.perf_counter()
        subject.infer(single)
        if device == "cuda":
            torch.cuda.synchronize()
        times_ms.append((time.perf_counter() - begun) * 1000)

    for _ in range(2):
        one_image()
    rounds = Rounds.timed(one_image, reference, device, seconds, "single images", discard=discard)
    p50_ms, p95_ms = np.percentile(rounds.of_kept(times_ms), [50, 95])
    return _Latency(float(p50_ms), float(p95_ms), rounds)


def _load_what_torch_loads_late() -> None:
    """The first step of an optimizer imports a hundred MiB of torch, which would count as the network's."""
    weight = torch.nn.Parameter(torch.ones(1))
    (weight * 2).sum().backward()  # type: ignore[no-untyped-call]
    torch.optim.Adam([weight]).step()


@contextmanager
def _state_kept(device: str) -> Iterator[None]:
    """Random states and determinism flags are the caller's again afterwards; inside, seeds are fixed and cuDNN may choose its algorithms if torch may."""
    cudnn, deterministic = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    flags, warn_only = (cudnn.deterministic, cudnn.benchmark), torch.is_deterministic_algorithms_warn_only_enabled()
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - a stranger's network may draw from the global one
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
        torch.default_generator.manual_seed(0)
        if device == "cuda":
            torch.cuda.manual_seed(0)
        cudnn.benchmark = not deterministic
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            cudnn.deterministic, cudnn.benchmark = flags
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
