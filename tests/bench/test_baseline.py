"""The gate is red exactly where it should be."""

from __future__ import annotations

import pytest

MACHINE = {"torch": "2.13.0", "cpu": "Kind A"}
COUNTS = {"flops": 1000, "operations": 7}
BASELINE = MACHINE | {"workloads": {"step": {"counts": COUNTS, "ratio": 1.0}}}


def entry(ratio, **changes):
    return {"counts": COUNTS | changes, "ratio": ratio}


def never():
    pytest.fail("measured a second time without need")


def test_the_same_counts_and_ratio_pass_without_a_warning(judge):
    failure, note = judge("step", BASELINE, MACHINE, entry(1.09), never)
    assert failure is None
    assert "WARNING" not in note


@pytest.mark.parametrize("baseline", [None, MACHINE | {"workloads": {}}])
def test_a_workload_without_a_baseline_fails_and_says_how_to_write_it(judge, baseline):
    failure, _ = judge("step", baseline, MACHINE, entry(1.0), never)
    assert failure.startswith("step: no baseline")
    assert failure.endswith("--update-baseline")


def test_one_more_operation_fails_however_fast(judge):
    failure, _ = judge("step", BASELINE, MACHINE, entry(0.1, operations=8), never)
    assert "exact counts changed" in failure
    assert "torch differs" not in failure


def test_changed_counts_under_another_torch_name_both_releases(judge):
    failure, _ = judge("step", BASELINE, MACHINE | {"torch": "2.14.0"}, entry(1.0, operations=8), never)
    assert "torch differs (baseline 2.13.0, here 2.14.0)" in failure


def test_more_than_ten_per_cent_slower_warns(judge):
    failure, note = judge("step", BASELINE, MACHINE, entry(1.2), never)
    assert failure is None
    assert "WARNING: more than 10 % slower" in note


def test_more_than_a_quarter_slower_fails_only_when_measured_twice(judge):
    assert judge("step", BASELINE, MACHINE, entry(1.4), lambda: 1.3)[0].endswith(
        "more than 25 % slower, measured twice"
    )
    assert judge("step", BASELINE, MACHINE, entry(1.4), lambda: 1.0)[0] is None


def test_on_another_cpu_the_counts_still_hold_and_the_time_is_said_not_to_compare(judge):
    elsewhere = MACHINE | {"cpu": "Kind B"}
    failure, note = judge("step", BASELINE, elsewhere, entry(9.0), never)
    assert failure is None
    assert "NOT comparable: the baseline is of 'Kind A', this is 'Kind B'" in note
    assert judge("step", BASELINE, elsewhere, entry(1.0, flops=1), never)[0] is not None


def test_without_times_the_counts_are_checked_and_the_note_says_so(judge):
    assert judge("step", BASELINE, MACHINE, entry(None), never) == (None, "step: counts hold; times not checked")


def test_an_update_keeps_the_others_of_the_same_machine_and_drops_those_of_another(update):
    new = entry(2.0)
    assert update("new", BASELINE, MACHINE, new)["workloads"] == BASELINE["workloads"] | {"new": new}
    assert update("new", BASELINE, MACHINE | {"cpu": "Kind B"}, new) == {
        "torch": "2.13.0",
        "cpu": "Kind B",
        "workloads": {"new": new},
    }
    assert update("new", None, MACHINE, new)["workloads"] == {"new": new}
