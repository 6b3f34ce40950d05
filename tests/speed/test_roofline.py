"""The roofline counts each operation's arithmetic and traffic once, and is the least time that they take."""

from __future__ import annotations

import statistics
import timeit

import pytest
import torch
from torch import nn

from tumorbench.speed.roofline import Operations, copy_rate, operations_of
from tumorbench.speed.subject import operations

MATRIX = torch.ones(8, 16)


def test_a_product_of_matrices_reads_both_and_writes_one():
    found = operations_of(lambda: MATRIX @ MATRIX.T, {})
    assert found.flops.tolist() == [2 * 8 * 16 * 8]
    assert found.moved.tolist() == [4 * (2 * 8 * 16 + 8 * 8)]


def test_a_change_in_place_reads_and_writes_and_views_and_empty_memory_move_nothing():
    def action():
        torch.empty(100).view(10, 10).t()
        MATRIX.clone().mul_(1)

    clone, product = operations_of(action, {}).moved.tolist()
    assert clone == product == 4 * 2 * 8 * 16


def test_the_least_time_is_the_longer_of_arithmetic_and_traffic_of_each_operation():
    found = Operations(torch.tensor([10.0, 0.0, 1.0]).numpy(), torch.tensor([1.0, 6.0, 8.0]).numpy())
    assert found.least_s(flops_per_s=2.0, bytes_per_s=4.0) == 5 + 1.5 + 2


def test_a_backward_pass_counts_and_a_depthwise_convolution_s_is_as_long_as_two_forward():
    convolution, images = nn.Conv2d(4, 4, 3, padding=1, groups=4), torch.rand(2, 4, 8, 8, requires_grad=True)
    forward = operations(lambda: convolution(images))
    both = operations(lambda: convolution(images).sum().backward())
    assert both.flops.sum() == pytest.approx(3 * forward.flops.sum())
    assert both.moved.sum() > 2 * forward.moved.sum()


def test_in_bf16_half_as_much_is_moved():
    def action():
        with torch.autocast("cpu", torch.bfloat16):
            return MATRIX @ MATRIX.T

    moved = operations_of(action, {}).moved
    assert moved.min() < 4 * 2 * 8 * 16
    assert len(moved) == 3  # two copies in bf16, one product


def test_what_cannot_be_told_is_none():
    def fails():
        raise RuntimeError("double backward")

    assert operations(fails) is None


def test_the_copy_rate_is_in_bytes_a_second_read_and_written():
    source = torch.ones(2**27, dtype=torch.uint8)
    target = source.clone()

    def ratio() -> float:
        taken_s = min(timeit.repeat(lambda: target.copy_(source), number=1, repeat=5))
        return copy_rate("cpu") * taken_s / (2 * 2**27)

    found = [ratio() for _ in range(7)]  # other processes may disturb one side of some
    assert statistics.median(found) == pytest.approx(1, rel=0.4), found
