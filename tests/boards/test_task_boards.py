from dataclasses import replace

import pytest

from tumorbench.boards import BoardCards
from tumorbench.contracts.cards import Paper, Reported
from tumorbench.contracts.record import Artifact, Leakage, MetricValue


def cells_of(row):
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def ranks_by_model(rows):
    return {name: cells_of(row)[0] for row in rows for name in ("net-a", "net-b", "net-c") if f"`{name}`" in row}


def test_quick_and_full_results_never_share_a_table(located, render, tables):
    page = render([located({"accuracy": 0.9}), located({"accuracy": 0.5}, budget="quick")])["classification.md"]
    full, quick = [table for table in tables(page) if "| rank" in table]
    assert ("0.9000" in full, "0.5000" in full, "0.9000" in quick, "0.5000" in quick) == (True, False, False, True)
    heading, sentence = page[: page.index(quick)].split("\n\n")[-3:-1]
    assert heading == "### Quick budget"
    assert "not comparable with full" in sentence


def test_synthetic_and_real_data_never_share_a_table_and_synthetic_says_so(located, render, tables):
    page = render(
        [located({"accuracy": 0.9}, model="net-b"), located({"accuracy": 0.8}, dataset="phantom", synthetic=True)]
    )["classification.md"]
    real, synthetic = page.split("## SYNTHETIC: ")
    assert [len(tables(real)), len(tables(synthetic))] == [1, 1]
    assert "phantom" not in real
    assert "figs" not in synthetic
    assert "say nothing about brain tumours" in synthetic


def test_only_grouped_rows_rank(located, render, rows_with):
    records = [
        located({"accuracy": 0.99}, protocol="paper"),
        located({"accuracy": 0.97}, protocol="official"),
        located({"accuracy": 0.80}),
    ]
    rows = rows_with(render(records)["classification.md"], "± —", "results/")
    assert [(cells_of(row)[0], cells_of(row)[2]) for row in rows] == [
        ("1", "`grouped`"),
        ("–", "`official` (not ranked)"),
        ("–", "`paper` (not ranked)"),
    ]


def test_the_highest_accuracy_ranks_first_and_equal_values_share_a_rank(located, render, rows_with):
    records = [
        located({"accuracy": value}, model=model) for model, value in (("net-a", 0.7), ("net-b", 0.9), ("net-c", 0.7))
    ]
    assert ranks_by_model(rows_with(render(records)["classification.md"], "results/")) == {
        "net-b": "1",
        "net-a": "2",
        "net-c": "2",
    }


def test_the_lowest_kernel_distance_ranks_first(located, render, rows_with):
    records = [
        located({"kid[e]": value}, model=model, task="generation")
        for model, value in (("net-a", 0.7), ("net-b", 0.9), ("net-c", 0.1))
    ]
    rows = rows_with(render(records)["generation.md"], "results/")
    assert ranks_by_model(rows) == {"net-c": "1", "net-a": "2", "net-b": "3"}
    assert "`net-c`" in rows[0]


def test_a_row_shows_mean_and_sample_deviation_over_its_folds(located, render, rows_with):
    records = [
        located({"accuracy": value}, fold=fold, n=n)
        for fold, (value, n) in enumerate([(0.7, 10), (0.8, 12), (0.9, 11)])
    ]
    (row,) = rows_with(render(records)["classification.md"], "results/")
    assert "0.8000 ± 0.1000" in row  # sqrt((0.01 + 0 + 0.01) / 2)
    assert "3 (3 of 5 folds, 1 seed)" in row
    assert "10–12" in row  # noqa: RUF001 - the board's dash


def test_one_cell_has_no_spread(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.75})])["classification.md"], "results/")
    assert "0.7500 ± —" in row
    assert "1 (1 of 5 folds, 1 seed)" in row


def test_a_record_that_is_there_twice_counts_once(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.75}), located({"accuracy": 0.75})])["classification.md"], "results/"
    )
    assert "1 (1 of 5 folds, 1 seed)" in row


@pytest.mark.parametrize("difference", [{"device": "cuda"}, {"precision": "bf16"}, {"content": "e" * 64}])
def test_cells_that_differ_in_more_than_fold_and_seed_share_no_row(located, render, rows_with, difference):
    rows = rows_with(
        render([located({"accuracy": 0.7}), located({"accuracy": 0.9}, fold=1, **difference)])["classification.md"],
        "results/",
    )
    assert [("0.7000" in row, "0.9000" in row, "± —" in row) for row in rows] == [
        (True, False, True),
        (False, True, True),
    ]
    assert cells_of(rows[0])[1:] != cells_of(rows[1])[1:]


def test_an_undefined_value_is_said_to_be_undefined(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": None, "f1_macro": 0.5}), located({"accuracy": None, "f1_macro": None}, fold=1)])[
            "classification.md"
        ],
        "results/",
    )
    assert "undefined" in row
    assert "0.5000 ± — (undefined in 1 of 2 cells)" in row


def test_leaks_of_a_protocol_that_does_not_rank_are_shown(located, render, rows_with):
    leakage = Leakage(
        test_samples=614, groups_on_both_sides=195, test_samples_of_shared_groups=598, identical_test_images=12
    )
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, protocol="paper", leakage=leakage)])["classification.md"], "results/"
    )
    assert "leaks: 195 patients on both sides (598 of 614 test images), 12 identical images" in row


def test_the_reported_figure_stands_beside_ours_under_the_papers_protocol_only(located, render, rows_with):
    page = render([located({"accuracy": 0.9}, protocol="paper"), located({"accuracy": 0.8})])["classification.md"]
    grouped, paper = rows_with(page, "results/")
    assert "0.9000 ± — (reported 0.93)" in paper
    assert "reported" not in grouped
    (beside,) = rows_with(page, "as printed")
    assert cells_of(beside) == [
        "`net-a`",
        "`accuracy`",
        "0.93",
        "0.9000 ± —",
        "—",
        "0.8000 ± — (1 of 5 folds)",
        "as printed",
    ]


def test_the_accuracy_of_a_constant_class_stands_beside_accuracy(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, confusion=((5, 1), (0, 4)))])["classification.md"], "results/"
    )
    assert cells_of(row)[4] == "0.6000"


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "skipped"])
def test_a_cell_without_a_result_is_listed_with_its_reason(located, render, tables, status):
    page = render([located({"accuracy": 0.9}), located(model="net-b", fold=3, status=status, reason="a|b *c*\nd")])[
        "classification.md"
    ]
    (line,) = [line for line in page.splitlines() if line.startswith("- `net-b`")]
    assert line.startswith(f"- `net-b` grouped full f3 s0: **{status}**, a\\|b \\*c\\* d ([record](results/figs/net-b/")
    assert all("net-b" not in table for table in tables(page))


def test_a_pipe_in_a_title_does_not_break_the_table(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.9}, model_title="A | B")])["classification.md"], "results/")
    assert "A \\| B" in row


def test_models_and_data_sets_that_are_not_installed_still_render(located, render, rows_with):
    page = render([located({"accuracy": 0.9}, model="gone[depth=2]")], cards=BoardCards())["classification.md"]
    (row,) = rows_with(page, "Network gone")
    assert "gone%5Bdepth%3D2%5D" in row
    assert cells_of(row)[0] == "–"  # noqa: RUF001 - no metric card, no rank
    assert "## The figs slices (`figs`)" in page


def test_a_row_of_many_cells_links_to_their_folder(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, fold=fold, seed=seed) for fold in range(5) for seed in range(3)])[
            "classification.md"
        ],
        "15 records",
    )
    assert "[15 records](results/figs/net-a)" in row
    assert "15 (5 of 5 folds, 3 seeds)" in row


def test_a_single_cell_shows_its_interval_and_several_show_their_spread(located, render, rows_with):
    kid = MetricValue(name="kid[e]", value=0.25, n=126, higher_is_better=False, interval=(0.2, 0.375))
    first, second = (located({"kid[e]": kid}, task="generation", dataset="yesno", fold=fold) for fold in (0, 1))
    assert "0.2500 ± — (N 126; 0.2000 to 0.3750)" in rows_with(render([first])["generation.md"], "results/")[0]
    rare = MetricValue(name="density[e]", value=0.0003, n=126, higher_is_better=True, interval=(0.0, 0.0059))
    assert (
        "3.00e-04 ± — (N 126; 0.0000 to 5.90e-03)"
        in rows_with(render([located({"density[e]": rare}, task="generation")])["generation.md"], "results/")[0]
    )
    assert "0.2500 ± 0.0000 (N 126)" in rows_with(render([first, second])["generation.md"], "results/")[0]


def test_a_generator_links_to_its_pictures(located, render, rows_with):
    pictures = [
        Artifact(kind="figure", path=f"figures/{title}.png", sha256="0" * 64, title=title)
        for title in ("learning curves", "samples")
    ]
    cell = located({"kid[e]": 0.5}, task="generation", dataset="yesno", artifacts=pictures)
    (row,) = rows_with(render([cell])["generation.md"], "results/")
    assert f"[f0 s0]({cell.path.rpartition('/')[0]}/figures/samples.png)" in row
    assert "learning curves" not in row


def test_generation_names_extractor_n_and_real_vs_real_and_what_is_not_comparable(located, render, rows_with, tables):
    kid = {
        name: MetricValue(
            name=f"kid[{name}]",
            value=0.25,
            n=126,
            higher_is_better=False,
            real_vs_real=0.5,
            comparable=name == "inception",
        )
        for name in ("inception", "lite")
    }
    metrics = {"kid[inception]": kid["inception"], "kid[lite]": kid["lite"], "ks_d": 0.125}
    page = render([located(metrics, task="generation", dataset="yesno")])["generation.md"]
    features = dict(zip(("inception", "lite", "intensities"), tables(page), strict=True))
    assert "0.2500 ± — (N 126; real vs real 0.5000)" in features["inception"]
    assert "kid\\[inception] ↓ " in features["inception"]
    assert "kid\\[lite] ↓ †" in features["lite"]
    assert "0.1250 ± — (N 10)" in features["intensities"]
    assert page.count("not comparable with published values") == 1
    assert page.index("`inception`") < page.index("not comparable with published values") < page.index(features["lite"])


def test_a_metric_that_one_model_lacks_keeps_one_column(located, render, rows_with):
    page = render(
        [
            located({"dice": 0.8, "iou": 0.7}, task="segmentation"),
            located({"dice": 0.6}, task="segmentation", model="net-b"),
        ]
    )["segmentation.md"]
    (heading,) = rows_with(page, "rank")
    assert cells_of(heading)[3:5] == ["dice ↑", "iou ↑"]
    assert cells_of(rows_with(page, "net-b")[0])[3:5] == ["0.6000 ± —", "—"]


def test_a_figure_that_was_reported_on_training_data_never_stands_beside_our_test_value(
    located, render, rows_with, cards
):
    trained = Reported(dataset="figs", metric="accuracy", value=0.98, part="train", note="as printed")
    card = cards.models["net-a"].model_copy(update={"paper": Paper(title="A paper", reported=(trained,))})
    page = render(
        [located({"accuracy": 0.9}, protocol="paper")], cards=BoardCards({"net-a": card}, cards.datasets, cards.metrics)
    )["classification.md"]
    (row,) = rows_with(page, "results/")
    (beside,) = rows_with(page, "as printed")
    assert "reported" not in row
    assert cells_of(beside) == ["`net-a`", "`accuracy` of train", "0.98", "—", "—", "—", "as printed"]


def test_a_metric_that_we_have_no_value_of_stands_beside_the_report_as_a_dash(located, render, rows_with):
    (beside,) = rows_with(render([located({"f1_macro": 0.9})])["classification.md"], "as printed")
    assert cells_of(beside) == ["`net-a`", "`accuracy`", "0.93", "—", "—", "—", "as printed"]


def test_a_reported_figure_of_another_part_stands_beside_ours(located, render, rows_with, cards):
    figure = Reported(dataset="figs", metric="cross_entropy", part="val", value=0.34)
    model = cards.models["net-a"].model_copy(update={"paper": Paper(title="A paper", reported=(figure,))})
    page = render(
        [located({"accuracy": 0.8}, parts={"val": {"loss": 0.4, "n": 5}})],
        cards=replace(cards, models={"net-a": model}),
    )["classification.md"]
    (row,) = rows_with(page, "`cross_entropy` of val")
    assert "| 0.34 " in row
    assert "0.4000 ± — (1 of 5 folds)" in row
