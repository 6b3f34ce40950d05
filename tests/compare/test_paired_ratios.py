"""Ratios are of neighbouring, undisturbed turns, and a loss that differs is refused."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tumorbench.speed.clock import Timed

sys.path.insert(0, str(Path(__file__).parent))

from paired_ratios import Row, Turn, check_losses, paired_ratio, table


def turn(seconds, images=10, taken=0.05, reference_s=0.05, reference_use=1.0):
    return Turn(Timed(reference_s, reference_use, None), seconds, taken, images)


def row():
    found = Row("a-model", "a-set", 100, "8 x 8 x 1", 10, "bf16")
    found.turns = {
        "loader": [turn(8.0), turn(8.0), turn(9.0)],
        "tumorbench": [turn(2.0), turn(2.0), turn(2.0)],
        "by-hand": [turn(1.6), turn(1.6), turn(1.6)],
    }
    found.pairs = [(way, i, i) for i in range(3) for way in ("loader", "by-hand")]
    found.end_s = {"loader": 0.0, "tumorbench": 0.8, "by-hand": 0.0}
    return found


def losses(gradient_norm=1.0, **found):
    """Of two ways, which differ by what is given of the loader's: float32, float64 and the norm in float64."""
    loader = {"float32": 2.0, "float64": 2.0} | found
    return {
        "tumorbench": {dtype: SimpleNamespace(loss=2.0, gradient_norm=1.0) for dtype in loader},
        "loader": {dtype: SimpleNamespace(loss=loss, gradient_norm=gradient_norm) for dtype, loss in loader.items()},
    }


def test_a_ratio_is_of_seconds_an_image_and_the_median_of_its_pairs():
    slow = [turn(8.0, images=10), turn(16.0, images=20), turn(12.0, images=10)]
    fast = [turn(8.0, images=40), turn(2.0, images=10), turn(2.0, images=10)]
    found = paired_ratio(slow, fast, [(0, 0), (1, 1), (2, 2)])
    assert (found.median, found.lower, found.upper) == (4.0, 4.0, 5.0)
    assert (found.pairs, found.discarded) == (3, 0)


def test_only_neighbours_are_divided_so_that_a_drift_of_the_machine_cancels():
    slow, fast = [turn(4.0 * drift) for drift in (1, 2, 4)], [turn(1.0 * drift) for drift in (1, 2, 4)]
    found = paired_ratio(slow, fast, [(0, 0), (1, 1), (2, 2)])
    assert (found.lower, found.upper) == (4.0, 4.0)


@pytest.mark.parametrize(
    "disturbed",
    [turn(99.0, reference_use=0.5), turn(99.0, taken=0.2), turn(99.0, reference_s=0.1)],
    ids=["reference", "turn", "rate"],
)
@pytest.mark.parametrize("place", [0, 1], ids=["slow", "fast"])
def test_a_pair_with_a_disturbed_turn_is_discarded(disturbed, place):
    ways = [turn(4.0) for _ in range(4)], [turn(1.0) for _ in range(4)]
    ways[place][1] = disturbed
    found = paired_ratio(*ways, [(i, i) for i in range(4)])
    assert (found.median, found.pairs, found.discarded) == (4.0, 3, 1)


def test_fewer_than_three_undisturbed_pairs_give_no_ratio():
    assert paired_ratio([turn(4.0)] * 2, [turn(1.0)] * 2, [(0, 0), (1, 1)]) is None


def test_the_overhead_of_an_epoch_counts_its_end():
    assert row().overhead() == pytest.approx(2.0 / 1.6 - 1 + 0.8 / 16)


def test_rounding_in_float32_is_no_difference():
    worst = check_losses(losses(float32=2.002))
    assert worst["float32", "loss"] == pytest.approx(1e-3)
    assert worst["float64", "loss"] == 0.0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (losses(float32=2.01), "loss of the same batch in float32 is 2.01 by loader and 2 by tumorbench"),
        (losses(float64=2.001), "loss of the same batch in float64 is 2.001 by loader and 2 by tumorbench"),
        (losses(float64=float("nan")), "loss of the same batch in float64 is nan by loader"),
        (losses(gradient_norm=1.001), "gradient_norm of the same batch in float64 is 1.001 by loader"),
    ],
)
def test_a_loss_or_gradient_that_differs_is_refused_and_the_way_named(found, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        check_losses(found)


def test_the_table_says_rates_ratios_and_what_the_harness_adds():
    shown = table([row()], {"loader": "Loader", "tumorbench": "Ours", "by-hand": "By hand"})
    assert "5.0 images/s, bf16" in shown
    assert "1.2 images/s: **4.00x** (4.00 to 4.25, 3 pairs)" in shown
    assert "6.2 images/s: harness **+25.0 %** (+25.0 to +25.0, 3 pairs); +30.0 % an epoch" in shown
