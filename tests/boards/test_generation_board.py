"""The generation board: its extractors, intervals and pictures."""

from tumorbench.contracts.cell import Judge
from tumorbench.contracts.record import Artifact, MetricValue
from tumorbench.tables.markdown import DASH


def test_the_lowest_kernel_distance_ranks_first(ranks_by_model, located, render):
    records = [
        located({"kid[e]": value}, model=model, task="generation")
        for model, value in (("net-a", 0.7), ("net-b", 0.9), ("net-c", 0.1))
    ]
    ranks = ranks_by_model(render(records)["generation.md"])
    assert list(ranks.items()) == [("net-c", "1"), ("net-a", "2"), ("net-b", "3")]


def test_a_single_cell_shows_its_interval_and_several_that_of_their_mean(located, render, rows_with):
    kid = MetricValue(name="kid[e]", value=0.25, n=126, higher_is_better=False, interval=(0.2, 0.375))
    first, second = (located({"kid[e]": kid}, task="generation", dataset="yesno", fold=fold) for fold in (0, 1))
    assert rows_with(render([first])["yesno.md"], "0.2500 ± — (N 126; 0.2000 to 0.3750)")
    assert rows_with(render([first])["generation.md"], f"0.2500 (0.2000{DASH}0.3750)")
    rare = MetricValue(name="density[e]", value=0.0003, n=126, higher_is_better=True, interval=(0.0, 0.0059))
    page = render([located({"density[e]": rare}, task="generation")])["figs.md"]
    assert rows_with(page, "3.00e-04 ± — (N 126; 0.0000 to 5.90e-03)")
    assert rows_with(render([first, second])["yesno.md"], "0.2500 ± 0.0000 (N 126; 0.1881 to 0.3205)")
    assert rows_with(render([first, second])["generation.md"], f"0.2500 (0.1881{DASH}0.3205)")


def test_a_generator_links_to_its_pictures(located, render, rows_with):
    pictures = [
        Artifact(kind="figure", path=f"figures/{title}.png", sha256="0" * 64, title=title)
        for title in ("learning curves", "samples")
    ]
    cell = located({"kid[e]": 0.5}, task="generation", dataset="yesno", artifacts=pictures)
    (row,) = rows_with(render([cell])["yesno.md"], "results/")
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
    pages = render([located(metrics, task="generation", dataset="yesno")])
    page = pages["generation.md"]
    features = dict(zip(("inception", "lite", "intensities"), tables(page), strict=True))
    assert "kid ↓ " in features["inception"]
    assert "kid ↓ †" in features["lite"]
    assert "0.1250" in features["intensities"]
    assert page.count("not comparable with published values") == 1
    assert page.index("`inception`") < page.index("not comparable with published values") < page.index(features["lite"])
    details = pages["yesno.md"]
    assert details.count("0.2500 ± — (N 126; real vs real 0.5000)") == 2
    assert details.count("0.1250 ± — (N 10)") == 1
    assert details.index("#### kid: `kid[lite]` ↓") > details.index("not comparable with published values")


def test_images_that_two_classifiers_judged_share_no_row(located, render, shown):
    def judged(value, **more):
        return located({"tstr_generated": value}, task="generation", protocol="tstr", **more)

    judge = Judge(model="net-j", model_version="1", recipe=judged(0.5).record.identity.recipe)
    other = judge.model_copy(update={"model": "net-k"})
    rows = shown(render([judged(0.7, judge=judge), judged(0.9, judge=other)])["generation.md"])
    assert len(rows) == 2
    assert all(", judge " in row["model"] for row in rows)
