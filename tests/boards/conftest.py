import pytest

from tumorbench.boards import render_boards
from tumorbench.contracts.cards import DatasetSpec, MetricSpec, ModelSpec, Paper, Reported, Source
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.contracts.record import Leakage, MetricValue, Record, Throughput
from tumorbench.tables.inputs import BoardCards, LocatedRecord

HIGHER = {"cross_entropy": False, "kid": False, "fid": False, "ks_d": False, "wasserstein_1": False}
CLEAN = Leakage(test_samples=10, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0)


def _recipe(precision):
    return Recipe(
        preprocessing=Preprocessing(size=64),
        epochs=2,
        batch_size=4,
        quick=Quick(epochs=1, steps_per_epoch=2, batch_size=4),
        precision=precision,
    )


def _metric(name, metric, n):
    if isinstance(metric, MetricValue):
        return metric
    return MetricValue(name=name, value=metric, n=n, higher_is_better=HIGHER.get(name.partition("[")[0], True))


@pytest.fixture
def located():
    def make(
        metrics=None,
        *,
        model="net-a",
        dataset="figs",
        task="classification",
        protocol="grouped",
        budget="full",
        fold=0,
        seed=0,
        n=10,
        **more,
    ):
        device = more.pop("device", "cpu")
        identity = CellIdentity(
            dataset=dataset,
            dataset_fingerprint=more.pop("content", "d" * 64),
            protocol=protocol,
            split_fingerprint="s" * 64,
            fold=fold,
            task=task,
            model=model,
            model_version="1",
            recipe=_recipe(more.pop("declared", "auto")),
            seed=seed,
            budget=budget,
            starts_from=more.pop("starts_from", None),
            judge=more.pop("judge", None),
        )
        fields = {
            "status": "ok",
            "dataset_title": f"The {dataset} slices",
            "model_title": f"Network {model}",
            "synthetic": False,
            "leakage": CLEAN,
            "precision": "fp32",
            "hardware": {"device": device, "name": f"a {device} of ours"},
            "sizes": {"train": 30 - n, "val": 5, "test": n},
        } | more
        values = tuple(_metric(name, metric, n) for name, metric in (metrics or {}).items())
        path = f"results/{dataset}/{model}/{protocol}-{budget}-f{fold}-s{seed}.json"
        return LocatedRecord(Record(cell_key=cell_key(identity), identity=identity, metrics=values, **fields), path)

    return make


@pytest.fixture
def cards():
    dataset = DatasetSpec(
        id="figs",
        title="The figs slices",
        version="1",
        tasks=("classification",),
        classes=("glioma", "pituitary"),
        licence="CC BY 4.0",
        citation="Someone",
        source=Source(homepage="a page"),
        patients_known=True,
        counts={"all": {"glioma": 18, "pituitary": 17}},
        factory="figs:Figs",
    )
    model = ModelSpec(
        id="net-a",
        title="Network net-a",
        version="1",
        task="classification",
        licence="MIT",
        recipe=_recipe("auto"),
        factory="nets:A",
        paper=Paper(
            title="A paper",
            reported=(
                Reported(dataset="figs", metric="accuracy", value=0.93, note="as printed"),
                Reported(dataset="other", metric="accuracy", value=0.11),
            ),
        ),
    )
    ranking = {"classification": ("accuracy", True), "segmentation": ("dice", True), "generation": ("kid", False)}
    metrics = [
        MetricSpec(
            id=name,
            title=name,
            task=task,
            version="1",
            higher_is_better=higher,
            value_range=(0, 1),
            ranks=True,
            factory="m:m",
            needs_extractor=name == "kid",
        )
        for task, (name, higher) in ranking.items()
    ]
    return BoardCards(models={"net-a": model}, datasets={"figs": dataset}, metrics=metrics)


@pytest.fixture
def speed():
    def make(model="net-a", device="cpu", dataset="figs", budget="full", **more):
        fields = {
            "key": "k",
            "model": model,
            "model_version": "1",
            "dataset": dataset,
            "task": "classification",
            "size": 64,
            "channels": 1,
            "classes": 2,
            "budget": budget,
            "device": device,
            "precision": "fp32",
            "hardware": {"device": device, "name": f"a {device} of ours"},
            "environment": {},
            "parameters": {"total": 475779, "trainable": 475779},
            "train_batch": 16,
            "inference_batch": 32,
            "train_images_per_s": 21.04,
            "inference_images_per_s": 1234.5,
            "latency_p50_ms": 5.25,
            "latency_p95_ms": 7.5,
            "peak_memory_mib": 812.4,
            "train_gflop_per_image": 18.5,
            "inference_gflop_per_image": 6.1,
            "gemm_gflop_per_s": 193.0,
            "train_share_of_gemm": 0.62,
            "inference_share_of_gemm": None,
        }
        return Throughput(**(fields | more))

    return make


@pytest.fixture
def rows_with():
    """The table rows of a page that contain every one of the given texts."""
    return lambda page, *texts: [
        line for line in page.splitlines() if line.startswith("|") and all(text in line for text in texts)
    ]


@pytest.fixture
def shown():
    """The rows of every table of a page that has a column "model", by the headings of its columns."""

    def read(page):
        found = []
        for paragraph in (each for each in page.split("\n\n") if each.startswith("|")):
            heading, _, *rows = [
                [cell.strip() for cell in line.strip("|").split(" | ")] for line in paragraph.splitlines()
            ]
            found += [dict(zip(heading, row, strict=True)) for row in rows if "model" in heading]
        return found

    return read


@pytest.fixture
def tables():
    """The pipe tables of a page, each as one text."""
    return lambda page: [paragraph for paragraph in page.split("\n\n") if paragraph.startswith("|")]


@pytest.fixture
def render(cards):
    return lambda records=(), throughputs=(), cards=cards, columns=(): render_boards(
        records, throughputs, cards, columns
    )


@pytest.fixture
def cells_of():
    """The entries of a table's row."""
    return lambda row: [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.fixture
def ranks_by_model(shown):
    """Model -> its rank on a board, in the order of its rows."""

    def read(page):
        return {row["model"].strip("`").partition(" ")[0]: row["rank"] for row in shown(page) if "rank" in row}

    return read
