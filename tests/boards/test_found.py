"""The page that the boards begin with: what was found, what leaks, what follows; each from the records alone."""

import pytest

from tumorbench.boards.evidence import findings
from tumorbench.boards.found import FOUND_NOTHING
from tumorbench.contracts.record import Leakage, MetricValue

PAPER, GROUPED = {"protocol": "paper"}, {"protocol": "grouped"}
LEAKING = Leakage(test_samples=100, groups_on_both_sides=7, test_samples_of_shared_groups=60, identical_test_images=12)


def accuracy(value, low, high, n=400):
    return {"accuracy": MetricValue(name="accuracy", value=value, n=n, higher_is_better=True, interval=(low, high))}


@pytest.fixture
def page(render):
    return lambda records: render(records)["README.md"]


@pytest.fixture
def one(located):
    """One model on both splits: 0.9 as its source splits, 0.8 with patients apart."""
    return [located(accuracy(0.9, 0.86, 0.94), **PAPER), located(accuracy(0.8, 0.75, 0.85), **GROUPED)]


def test_a_line_has_the_published_figure_both_values_and_their_difference_with_intervals(one, page, shown):
    (line,) = [row for row in shown(page(one)) if "difference" in row]
    assert line["published"] == "0.930"
    assert line["same split, run again"] == "[0.900](results/figs/net-a/paper-full-f0-s0.json) (0.860 to 0.940)"
    assert line["patients apart"].startswith(
        "[0.800](results/figs/net-a/grouped-full-f0-s0.json) (0.750 to 0.850), 1 of 5 folds"
    )
    assert line["difference"].startswith("-0.100 (")


def test_the_difference_s_interval_is_that_of_two_independent_values(one, cards):
    """Half widths .04 and .05 give sqrt(.04^2 + .05^2) = .064."""
    (found,) = findings(one, cards)
    low, high = found.difference.ends
    assert found.difference.value == pytest.approx(-0.1)
    assert (low + high) / 2 == pytest.approx(-0.1, abs=0.01)
    assert (high - low) / 2 == pytest.approx(0.064, abs=0.006)


def test_where_one_side_was_not_run_there_is_no_difference(located, page, shown):
    (line,) = [row for row in shown(page([located(accuracy(0.8, 0.7, 0.9), **GROUPED)])) if "difference" in row]
    assert (line["same split, run again"], line["difference"]) == ("—", "—")


def test_a_model_with_full_results_shows_no_quick_ones_and_budgets_never_share_a_table(one, located, page, tables):
    quick = [
        located(accuracy(0.5, 0.4, 0.6), budget="quick", **PAPER),
        located(accuracy(0.4, 0.3, 0.5), budget="quick", model="net-b", **GROUPED),
    ]
    text = page([*one, *quick])
    full, small = [each for each in tables(text) if "patients apart" in each]
    assert ("[0.900]" in full, "[0.500]" in text, "`net-b`" in full) == (True, False, False)
    assert ("[0.400]" in small, "`net-a`" in small) == (True, False)
    assert text.index("full budget**") < text.index("quick budget (")


def test_a_full_result_of_one_split_hides_the_quick_ones_of_both(located, page, shown):
    records = [
        located(accuracy(0.8, 0.7, 0.9), **GROUPED),
        located(accuracy(0.5, 0.4, 0.6), budget="quick", **PAPER),
        located(accuracy(0.4, 0.3, 0.5), budget="quick", **GROUPED),
    ]
    (line,) = [row for row in shown(page(records)) if "difference" in row]
    assert (line["same split, run again"], line["patients apart"][:7]) == ("—", "[0.800]")


def test_synthetic_data_and_failures_are_no_finding(located, page):
    records = [
        located(accuracy(0.8, 0.7, 0.9), dataset="phantom", synthetic=True),
        located(status="failed", reason="no"),
    ]
    text = page(records)
    assert FOUND_NOTHING in text
    assert "patients apart" not in text


def values(clean: int) -> dict[str, MetricValue]:
    return {
        "accuracy_leaked": MetricValue(name="accuracy_leaked", value=0.9, n=60, higher_is_better=True),
        "accuracy_clean": MetricValue(name="accuracy_clean", value=0.3, n=clean, higher_is_better=True),
    }


def test_a_quick_result_tells_what_leaks_in_a_split_on_which_the_model_has_no_full_one(one, located, page, rows_with):
    official = located(accuracy(0.7, 0.6, 0.8) | values(40), leakage=LEAKING, budget="quick", protocol="official")
    (row,) = rows_with(page([*one, official]), "12 identical images")
    assert "| 0.900 of 60, quick " in row


def test_what_leaks_is_told_with_the_accuracy_on_it_and_on_the_rest(located, page, rows_with):
    enough = located(accuracy(0.7, 0.6, 0.8) | values(40), leakage=LEAKING, **PAPER)
    (row,) = rows_with(page([enough]), "12 identical images")
    assert "7 patients on both sides (60 of 100 test images)" in row
    assert "| 0.900 of 60, full " in row
    assert "| 0.300 of 40 " in row
    few = located(accuracy(0.7, 0.6, 0.8) | values(19), leakage=LEAKING, **PAPER)
    (row,) = rows_with(page([few]), "12 identical images")
    assert "0.900" not in row


def test_the_sentences_say_what_the_lines_say(one, located, page):
    text = page(one)
    assert (
        "Full budget: 1 model on both splits, of which worse with patients apart: 1, by up to 0.100. The interval of "
        "the difference lies below 0 for `net-a`, above 0 for none."
    ) in text
    assert "`net-a`: the published 0.930 lies inside the interval of ours on its own split, 0.860 to 0.940." in text
    assert "is the harder one" not in text
    higher = [located(accuracy(0.5, 0.45, 0.55), **PAPER), located(accuracy(0.8, 0.75, 0.85), **GROUPED)]
    text = page(higher)
    assert "is the harder one" in text
    assert "the published 0.930 lies above the interval" in text
    assert "none of them says whether a published figure holds" not in text
    quick = [located(accuracy(0.5, 0.45, 0.55), budget="quick", **GROUPED)]
    assert "none of them says whether a published figure holds" in page(quick)
