"""Why ours is not the reported value: facts of the records and cards, and only beyond the spread."""

import pytest

from tumorbench.contracts.record import Leakage

ACCURACY = {"metric": "accuracy", "value": 0.94}
LEAKING = Leakage(
    test_samples=614, groups_on_both_sides=169, test_samples_of_shared_groups=613, identical_test_images=0
)
CLEAN = Leakage(test_samples=500, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0)


@pytest.fixture
def why(spec, lines):
    """The last column of the only line."""

    def render(records, reported=ACCURACY, **more):
        dataset = {"dataset": more.pop("dataset")} if "dataset" in more else {}
        (line,) = lines(records, spec(reported, **more), **dataset)
        return line["why they differ"]

    return render


@pytest.mark.parametrize(
    ("value", "said"), [(0.93, "`paper` within 0.0100."), (0.929, "`paper` lower by 0.0110: no reason known.")]
)
def test_one_cell_is_close_within_a_hundredth(why, located, value, said):
    assert why([located({"accuracy": value})]) == said


@pytest.mark.parametrize(
    ("ours", "said"), [(0.0225, "`paper` within 0.0021."), (0.024, "`paper` higher by 0.0034: no reason known.")]
)
def test_one_cell_is_close_to_a_small_value_within_a_tenth_of_it(why, located, ours, said):
    assert why([located({"cross_entropy": ours})], {"metric": "cross_entropy", "value": 0.0206}) == said


@pytest.mark.parametrize(
    ("reported", "said"), [(0.85, "`paper` within the spread."), (0.91, "`paper` lower by 0.1100: no reason known.")]
)
def test_several_cells_are_close_within_their_spread(why, located, reported, said):
    records = [located({"accuracy": value}, seed=seed) for seed, value in enumerate((0.7, 0.8, 0.9))]
    assert why(records, {"metric": "accuracy", "value": reported}) == said


def test_the_cards_sentence_stands_beyond_the_spread_only(why, located):
    reported = {**ACCURACY, "difference": "Its epoch was chosen on the test part."}
    assert (
        why([located({"accuracy": 0.8})], reported) == "`paper` lower by 0.1400. Its epoch was chosen on the test part."
    )
    assert why([located({"accuracy": 0.935})], reported) == "`paper` within 0.0100."


def test_the_cards_sentence_stands_once_after_the_protocols(why, located):
    said = why(
        [located(protocol="grouped", leakage=None), located({"accuracy": 0.96})],
        {**ACCURACY, "difference": "The reason."},
    )
    assert said.endswith(". The reason.")
    assert [said.index("`paper` higher by 0.0200"), said.count("The reason.")] == [0, 1]


def test_a_quick_run_says_so_with_its_smaller_images(why, located):
    assert why([located(budget="quick")]) == "`paper` lower by 0.1400: quick budget, 128 instead of 512 pixels a side."


def test_a_quick_run_at_the_full_size_names_no_size(why, spec, located):
    recipe = spec().recipe.model_copy(update={"quick": spec().recipe.quick.model_copy(update={"size": None})})
    assert why([located(budget="quick", recipe=recipe)], recipe=recipe) == "`paper` lower by 0.1400: quick budget."


def test_grouped_without_a_leak_is_told_from_the_reports_split_with_one(why, located):
    said = why([located({"accuracy": 0.94}), located(protocol="grouped")])
    leak = (
        "613 of 614 test images come from patients who are also in training and "
        "7 of 614 test images are pixel-identical to a training image"
    )
    assert (
        said
        == f"`paper` within 0.0100. `grouped` lower by 0.1400: nothing is on both sides here, and under `paper` {leak}."
    )


def test_the_reports_leak_is_named_beside_a_quick_grouped_run_too(spec, lines, located):
    full, quick = lines([located(), located(protocol="grouped", budget="quick")], spec(ACCURACY))
    assert "613 of 614" not in full["why they differ"]
    assert "nothing is on both sides here, and under `paper` 613 of 614" in quick["why they differ"]


def test_an_official_split_names_its_own_leak_unless_the_report_used_it(why, located):
    leakage = Leakage(
        test_samples=394, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=251
    )
    official = located(protocol="official", leakage=leakage)
    assert (
        why([official])
        == "`official` lower by 0.1400: 251 of 394 test images are pixel-identical to a training image here."
    )
    assert why([official, located(leakage=leakage)]).endswith("`official` lower by 0.1400: no reason known.")


def test_groups_are_not_called_patients_where_patients_are_not_known(why, figs, located):
    leakage = Leakage(test_samples=51, groups_on_both_sides=4, test_samples_of_shared_groups=9, identical_test_images=0)
    said = why([located(protocol="official", leakage=leakage)], dataset=figs(patients_known=False))
    assert said == "`official` lower by 0.1400: 9 of 51 test images belong to groups that are also in training here."


def test_a_leak_of_the_test_part_explains_no_training_value_and_no_time(why, located, timing):
    records = [located(), located(protocol="grouped", parts={"train": {"accuracy": 0.7}}, timing=timing)]
    assert why(records, {**ACCURACY, "part": "train"}) == "`grouped` lower by 0.2400: no reason known."
    assert (
        why(records, {"metric": "predict_all_s", "value": 6.0})
        == "`grouped` lower by 0.5000: seconds of the hardware named here."
    )


def test_an_augmented_test_part_is_the_reports_alone(why, spec, located):
    recipe = spec().recipe.model_copy(update={"augmented_test_copies": 1})
    said = why([located(recipe=recipe), located(protocol="grouped", leakage=None, recipe=recipe)], recipe=recipe)
    assert (
        said.split(". ")[1]
        == "`grouped` lower by 0.1400: the report's test part holds augmented copies, and this one does not."
    )
    assert said.split(". ")[0] == "`paper` lower by 0.1400: no reason known"


@pytest.mark.parametrize(
    ("confusion", "reason"),
    [(((0, 286), (0, 186)), "every test slice is called `pituitary`"), (((1, 285), (0, 186)), "no reason known")],
)
def test_a_constant_class_is_named(why, located, confusion, reason):
    assert why([located(confusion=confusion, classes=("glioma", "pituitary"))]) == f"`paper` lower by 0.1400: {reason}."


def test_cells_that_answer_different_classes_are_not_one_constant_class(why, located):
    records = [
        located(seed=seed, classes=("glioma", "pituitary"), confusion=confusion)
        for seed, confusion in enumerate((((0, 9), (0, 5)), ((9, 0), (5, 0))))
    ]
    assert "every test slice" not in why(records)


def test_another_copy_of_the_data_set_is_a_reason(why, located):
    assert (
        why([located(sizes={"train": 350, "val": 36, "test": 613})])
        == "`paper` lower by 0.1400: on 999 of 1,000 published slices."
    )


JUDGED = {"metric": "tstr_generated", "value": 0.94}


def test_a_judged_generators_leaks_are_those_of_the_splits_that_its_protocols_take(why, located):
    records = [
        located({"tstr_generated": 0.8}, protocol=protocol, leakage=leakage)
        for protocol, leakage in (("tstr-paper", LEAKING), ("tstr", CLEAN))
    ]
    leak = "613 of 614 test images come from patients who are also in training"
    assert (
        why(records, JUDGED)
        == "`paper` lower by 0.1400: no reason known. `grouped` lower by 0.1400: nothing is on both sides here, and "
        f"under `paper` {leak}."
    )


def test_the_test_parts_leaks_explain_nothing_of_what_the_classifier_learned_from(why, located):
    record = located({"tstr_generated_train": 0.8}, protocol="tstr", budget="quick", leakage=LEAKING)
    assert (
        why([record], {**JUDGED, "metric": "tstr_generated_train"})
        == "`grouped` lower by 0.1400: quick budget, 128 instead of 512 pixels a side."
    )


@pytest.fixture
def values():
    """Three values of which the first two have a sentence in common."""
    told = {
        "accuracy": "Its epoch was chosen.",
        "f1_macro": "Its epoch was chosen.",
        "recall_macro": "Its class is rare.",
    }
    return [{"metric": name, "value": 0.94, "difference": sentence} for name, sentence in told.items()]


def test_what_several_lines_of_a_table_say_stands_once_under_it(spec, page, lines, located, values):
    records, model = [located({"accuracy": 0.8, "f1_macro": 0.8, "recall_macro": 0.7})], spec(*values)
    assert [line["why they differ"] for line in lines(records, model)] == [
        "`paper` lower by 0.1400. See 1.",
        "`paper` lower by 0.1400. See 1.",
        "`paper` lower by 0.2400. Its class is rare.",
    ]
    text = page(records, model)
    assert "|\n\nWhy they differ, for several lines:\n\n1. Its epoch was chosen.\n" in text
    assert (text.count("Its epoch was chosen."), text.count("Its class is rare.")) == (1, 1)


def test_a_sentence_whose_other_value_is_within_the_spread_stays_in_its_line(spec, page, lines, located, values):
    records, model = [located({"accuracy": 0.8, "f1_macro": 0.935})], spec(*values)
    assert [line["why they differ"] for line in lines(records, model)][:2] == [
        "`paper` lower by 0.1400. Its epoch was chosen.",
        "`paper` within 0.0100.",
    ]
    assert "for several lines" not in page(records, model)


def test_facts_of_several_lines_are_numbered_as_the_table_first_gives_them(spec, page, lines, located):
    records = [
        located({"accuracy": 0.8, "f1_macro": 0.8}, protocol=protocol, budget="quick")
        for protocol in ("paper", "grouped")
    ]
    model = spec(ACCURACY, {"metric": "f1_macro", "value": 0.94, "difference": "A mean of classes."})
    assert [line["why they differ"] for line in lines(records, model)] == [
        "`paper` lower by 0.1400: see 1. `grouped` lower by 0.1400: see 1, 2.",
        "`paper` lower by 0.1400: see 1. `grouped` lower by 0.1400: see 1, 2. A mean of classes.",
    ]
    quick, leak = (line for line in page(records, model).splitlines() if line.startswith(("1. ", "2. ")))
    assert quick == "1. Quick budget, 128 instead of 512 pixels a side."
    assert leak.startswith("2. Nothing is on both sides here, and under `paper` 613 of 614")


def test_a_fact_of_one_line_stands_in_it_before_the_numbers(spec, lines, located):
    records = [
        located(
            {"accuracy": 0.8},
            budget="quick",
            parts={"train": {"accuracy": 0.8}},
            classes=("glioma", "pituitary"),
            confusion=((0, 9), (0, 5)),
        )
    ]
    test, train = lines(records, spec(ACCURACY, {**ACCURACY, "part": "train"}))
    assert test["why they differ"] == "`paper` lower by 0.1400: every test slice is called `pituitary`; see 1."
    assert train["why they differ"] == "`paper` lower by 0.1400: see 1."
