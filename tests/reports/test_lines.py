"""What stands in a line: ours found in the right place, marked, linked, or said not to be there."""

import pytest

ACCURACY = {"metric": "accuracy", "value": 0.94, "note": "table 4"}


def test_a_value_that_nobody_has_run_says_so_under_every_protocol(spec, lines):
    (line,) = lines([], spec(ACCURACY))
    assert line == {
        "quantity": "`accuracy`, test",
        "reported": "0.94 (table 4)",
        "ours, `paper`": "not run",
        "ours, `grouped`": "not run",
        "budget": "—",
        "hardware": "—",
        "why they differ": "—",
    }


def test_a_protocol_that_was_not_run_stands_beside_one_that_was(spec, lines, located):
    (line,) = lines([located()], spec(ACCURACY))
    assert (line["ours, `paper`"].split()[0], line["ours, `grouped`"]) == ("0.8000", "not run")


def test_ours_is_mean_spread_and_cells_with_links_from_the_pages_folder(spec, lines, located):
    records = [located({"accuracy": value}, seed=seed) for seed, value in enumerate((0.7, 0.8, 0.9))]
    (line,) = lines(records, spec(ACCURACY))
    links = " ".join(f"[f0 s{seed}](../results/cells/figs/net-a/paper-full-f0-s{seed}.json)" for seed in range(3))
    assert line["ours, `paper`"] == f"0.8000 ± 0.1000 (3 cells: {links})"  # sqrt((0.01 + 0 + 0.01) / 2)


def test_a_full_line_names_its_budget_and_hardware(spec, lines, located):
    (line,) = lines([located()], spec(ACCURACY))
    assert (line["budget"], line["hardware"]) == ("full: 20 epochs, batch 300, 512 x 512", "a cpu of ours (cpu, fp32)")


def test_a_quick_value_stands_only_where_there_is_no_full_one_and_is_marked(spec, lines, located):
    quick = [located({"accuracy": 0.5}, budget="quick"), located({"accuracy": 0.4}, protocol="grouped", budget="quick")]
    full, bounded = lines([located(), *quick], spec(ACCURACY))
    assert (full["ours, `paper`"].split(" (")[0], full["ours, `grouped`"]) == ("0.8000 ± —", "—")
    assert (bounded["ours, `paper`"], bounded["ours, `grouped`"].split(": ")[0]) == (
        "—",
        "0.4000 ± — (**quick**, 1 cell, 1 of 5 folds",
    )
    assert bounded["budget"] == "quick: 6 epochs x 40 steps, batch 32, 128 x 128"
    (alone,) = lines(quick[:1], spec(ACCURACY))
    assert alone["ours, `paper`"].startswith("0.5000 ± — (**quick**, 1 cell: ")


def test_a_share_stands_only_where_there_is_no_full_value_and_before_a_quick_one(spec, lines, located):
    share = [located({"accuracy": 0.6}, protocol=protocol, budget="1of4") for protocol in ("paper", "grouped")]
    less = [located({"accuracy": 0.4}, protocol="grouped", budget=budget) for budget in ("1of20", "quick")]
    full, part = lines([*less, *share, located()], spec(ACCURACY))
    assert (full["ours, `paper`"].split(" (")[0], full["ours, `grouped`"]) == ("0.8000 ± —", "—")
    assert part["ours, `paper`"] == "—"
    assert part["ours, `grouped`"].startswith("0.6000 ± — (**1of4**, 1 cell, 1 of 5 folds: ")
    assert part["budget"] == "1of4: 5 epochs, batch 300, 512 x 512"
    assert "1of4 budget, 5 epochs instead of 20" in part["why they differ"]


def test_two_kinds_of_hardware_share_no_line(spec, lines, located):
    found = lines(
        [located(), located({"accuracy": 0.9}, hardware={"device": "cuda", "name": "a gpu of ours"}, precision="bf16")],
        spec(ACCURACY),
    )
    assert [(line["hardware"], line["ours, `paper`"].split()[0]) for line in found] == [
        ("a cpu of ours (cpu, fp32)", "0.8000"),
        ("a gpu of ours (cuda, bf16)", "0.9000"),
    ]


@pytest.mark.parametrize(
    ("reported", "shown", "value"),
    [
        ({"metric": "accuracy", "part": "train"}, "`accuracy`, train", "0.9900"),
        ({"metric": "accuracy", "part": "val"}, "`accuracy`, val", "0.9100"),
        ({"metric": "accuracy", "part": "test"}, "`accuracy`, test", "0.8000"),
        ({"metric": "cross_entropy", "part": "train"}, "`cross_entropy`, train", "0.0300"),
        ({"metric": "cross_entropy", "part": "val"}, "`cross_entropy`, val", "0.2900"),
        ({"metric": "cross_entropy", "part": "test"}, "`cross_entropy`, test", "0.4500"),
        ({"metric": "predict_all_s"}, "seconds for the whole test part (`predict_all_s`)", "5.5000"),
        ({"metric": "predict_one_s"}, "seconds for one image (`predict_one_s`)", "0.2500"),
        ({"metric": "train_s", "part": "train"}, "seconds of training (`train_s`)", "321.0"),
    ],
)
def test_a_quantity_is_found_in_its_own_part_or_timing(spec, lines, located, timing, reported, shown, value):
    parts = {"train": {"loss": 0.03, "accuracy": 0.99, "n": 350.0}, "val": {"loss": 0.29, "accuracy": 0.91, "n": 36.0}}
    record = located({"accuracy": 0.8, "cross_entropy": 0.45}, parts=parts, timing=timing)
    (line,) = lines([record], spec({**reported, "value": 1.5}))
    assert (line["quantity"], line["ours, `paper`"].split()[0]) == (shown, value)


@pytest.mark.parametrize(
    "reported",
    [{"metric": "f1_macro"}, {"metric": "accuracy", "part": "val"}, {"metric": "predict_one_s"}, {"metric": "train_s"}],
)
def test_what_a_record_does_not_hold_is_not_recorded(spec, lines, located, reported):
    (line,) = lines([located(parts={"val": {"loss": 0.3}})], spec({**reported, "value": 0.5}))
    assert line["ours, `paper`"].startswith("not recorded (1 cell: [f0 s0](")
    assert line["why they differ"] == "—"


def test_an_undefined_value_is_said_to_be_undefined(spec, lines, located):
    (line,) = lines([located({"accuracy": None})], spec(ACCURACY))
    assert (line["ours, `paper`"].split(" (")[0], line["why they differ"]) == ("undefined", "`paper` is undefined.")
    (line,) = lines([located({"accuracy": None}), located({"accuracy": 0.7}, seed=1)], spec(ACCURACY))
    assert line["ours, `paper`"].startswith("0.7000 ± —, undefined in 1 of 2 cells (2 cells: ")


def test_the_official_split_has_a_column_only_where_there_is_one(spec, figs, lines, located):
    (without,) = lines([located()], spec(ACCURACY))
    assert "ours, `official`" not in without
    halves = {"train": {"glioma": 600, "pituitary": 300}, "test": {"glioma": 50, "pituitary": 50}}
    (due,) = lines([located()], spec(ACCURACY), dataset=figs(official_split=True, counts=halves))
    assert due["ours, `official`"] == "not run"
    (run,) = lines([located(protocol="official")], spec(ACCURACY))
    assert run["ours, `official`"].startswith("0.8000 ± — (1 cell: ")


def test_a_record_of_another_version_of_the_model_says_so(spec, lines, located):
    (line,) = lines([located(version="1")], spec(ACCURACY))
    assert line["budget"].endswith(", version 1 of the model (now 2)")
    assert line["why they differ"] == "`paper` lower by 0.1400: version 1 of the model, now 2."


@pytest.mark.parametrize("other", [{"model": "net-b"}, {"dataset": "other"}, {"status": "failed", "reason": "NaN"}])
def test_records_of_other_models_and_data_sets_and_failures_are_no_results(spec, lines, located, other):
    (line,) = lines([located(**other)], spec(ACCURACY))
    assert line["ours, `paper`"] == "not run"


JUDGED = {"metric": "tstr_generated", "value": 0.45}


def test_what_judges_a_generator_is_read_from_the_protocol_of_its_own_on_the_columns_split(spec, lines, located):
    records = [
        located({"tstr_generated": value}, protocol=protocol)
        for protocol, value in {"paper": 0.1, "grouped": 0.2, "official": 0.3, "tstr-paper": 0.42, "tstr": 0.37}.items()
    ]
    (line,) = lines(records, spec(JUDGED))
    assert [line[f"ours, `{split}`"].split(": [")[0] for split in ("paper", "official", "grouped")] == [
        "0.4200 ± — (1 cell",
        "—",
        "0.3700 ± — (1 cell, 1 of 5 folds",
    ]


def test_other_values_are_not_read_from_the_protocols_that_judge(spec, lines, located):
    (line,) = lines([located({"accuracy": 0.9}, protocol="tstr-paper"), located({"accuracy": 0.7})], spec(ACCURACY))
    assert (line["ours, `paper`"].split()[0], line["ours, `grouped`"]) == ("0.7000", "not run")


def test_a_generator_that_nobody_judged_says_so_but_not_of_the_official_split(spec, figs, lines, located):
    halves = {"train": {"glioma": 600, "pituitary": 300}, "test": {"glioma": 50, "pituitary": 50}}
    (line,) = lines([located()], spec(JUDGED), dataset=figs(official_split=True, counts=halves))
    assert [line[f"ours, `{split}`"] for split in ("paper", "official", "grouped")] == ["not run", "—", "not run"]
    assert (line["budget"], line["hardware"]) == ("—", "—")


def test_a_value_has_a_line_only_in_settings_with_rows_beside_it(spec, lines, located):
    found = lines(
        [located(), located({"tstr_generated": 0.5}, protocol="tstr", budget="quick")], spec(ACCURACY, JUDGED)
    )
    assert [(line["quantity"], line["budget"].partition(":")[0]) for line in found] == [
        ("`accuracy`, test", "full"),
        ("`tstr_generated`, test", "quick"),
    ]


def test_accuracy_on_what_the_classifier_learned_from_is_not_called_a_test(spec, lines, located):
    (line,) = lines(
        [located({"tstr_mixed_train": 0.98}, protocol="tstr-paper")],
        spec({"metric": "tstr_mixed_train", "value": 0.98}),
    )
    assert (line["quantity"], line["ours, `paper`"].split()[0]) == (
        "`tstr_mixed_train`, what it learned from",
        "0.9800",
    )


@pytest.mark.parametrize(("metrics", "value"), [({}, "57.60"), ({"kl": 61.25}, "61.25")])
def test_the_test_part_is_a_metric_or_where_there_is_none_a_value_of_the_parts(spec, lines, located, metrics, value):
    parts = {"val": {"kl": 55.5, "n": 36.0}, "test": {"kl": 57.6, "n": 614.0}}
    test, val = lines(
        [located(metrics, parts=parts)],
        spec({"metric": "kl", "value": 59.63}, {"metric": "kl", "value": 57.63, "part": "val"}),
    )
    assert [line["ours, `paper`"].split()[0] for line in (test, val)] == [value, "55.50"]
