import pytest

from tumorbench.contracts.cards import DatasetSpec, ModelSpec, Paper, ParameterCount, Reported, Source, SplitRule
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.contracts.record import Leakage, MetricValue, Record, Timing
from tumorbench.reports import render_reproductions
from tumorbench.tables.inputs import BoardCards, LocatedRecord

RECIPE = Recipe(
    preprocessing=Preprocessing(size=512, channels=3),
    epochs=20,
    batch_size=300,
    quick=Quick(epochs=6, steps_per_epoch=40, batch_size=32, size=128),
)
LEAKING = Leakage(
    test_samples=614, groups_on_both_sides=169, test_samples_of_shared_groups=613, identical_test_images=7
)
CLEAN = Leakage(test_samples=500, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0)


@pytest.fixture
def spec():
    """A classifier of the report "course", with the given values of the data set figs."""

    def make(*values, name="net-a", report="course", recipe=RECIPE, splits=None, **more):
        paper = {
            "title": "A course work, 2023",
            "report": report,
            "reported": tuple(Reported(dataset="figs", **value) for value in values),
        }
        paper["splits"] = (
            {"figs": SplitRule(kind="counts", test={"glioma": 286, "pituitary": 186}, val=0.1)}
            if splits is None
            else splits
        )
        count = ParameterCount(
            total=475_779, trainable=475_778, problem=Problem("classification", ("glioma", "pituitary"), 3, 512)
        )
        fields = {
            "title": f"Network {name}",
            "version": "2",
            "task": "classification",
            "licence": "MIT",
            "parameters": count,
            "factory": "nets:A",
        }
        return ModelSpec(id=name, recipe=recipe, paper=Paper(**paper | more.pop("paper", {})), **fields | more)

    return make


@pytest.fixture
def figs():
    def make(**more):
        fields = {
            "id": "figs",
            "title": "The figs slices",
            "version": "1",
            "tasks": ("classification",),
            "classes": ("glioma", "pituitary"),
            "licence": "CC BY 4.0",
            "citation": "Someone, 2017",
            "source": Source(homepage="a page"),
            "patients_known": True,
            "counts": {"all": {"glioma": 600, "pituitary": 400}},
            "notes": ("A third of the slices is blue.",),
            "factory": "figs:Figs",
        }
        return DatasetSpec(**fields | more)

    return make


@pytest.fixture
def located():
    """A record of net-a on figs: its accuracy is 0.8 unless told."""

    def make(
        metrics=None,
        *,
        protocol="paper",
        budget="full",
        fold=0,
        seed=0,
        version="2",
        recipe=RECIPE,
        **more,
    ):
        identity = CellIdentity(
            dataset=more.pop("dataset", "figs"),
            dataset_fingerprint=more.pop("content", "d" * 64),
            protocol=protocol,
            split_fingerprint="s" * 64,
            fold=fold,
            task=more.pop("task", "classification"),
            model=more.pop("model", "net-a"),
            model_version=version,
            recipe=recipe.for_budget(budget),
            seed=seed,
            budget=budget,
        )
        fields = {
            "status": "ok",
            "dataset_title": "The figs slices",
            "model_title": "Network net-a",
            "synthetic": False,
            "leakage": LEAKING if protocol == "paper" else CLEAN,
            "precision": "fp32",
            "hardware": {"device": "cpu", "name": "a cpu of ours"},
            "sizes": {"train": 350, "val": 36, "test": 614},
        } | more
        values = [
            MetricValue(name=name, value=value, n=614, higher_is_better=True)
            for name, value in ({"accuracy": 0.8} if metrics is None else metrics).items()
        ]
        path = f"results/cells/figs/net-a/{protocol}-{budget}-f{fold}-s{seed}.json"
        return LocatedRecord(
            Record(cell_key=cell_key(identity), identity=identity, metrics=tuple(values), **fields), path
        )

    return make


@pytest.fixture
def page(figs):
    """The one page of the model on figs."""

    def render(records, *models, dataset=None):
        (text,) = render_reproductions(
            records, BoardCards({model.id: model for model in models}, {"figs": dataset or figs()})
        ).values()
        return text

    return render


@pytest.fixture
def lines(page):
    """The lines of the page's tables, each as a dict from heading to entry."""

    def render(records, *models, **more):
        tables = [part.splitlines() for part in page(records, *models, **more).split("\n\n") if part.startswith("|")]
        split = [[[entry.strip() for entry in line.strip("|").split(" | ")] for line in table] for table in tables]
        return [dict(zip(heading, line, strict=True)) for heading, _, *body in split for line in body]

    return render


@pytest.fixture
def timing():
    return Timing(train_s=321.0, predict_all_s=5.5, predict_one_s=0.25)
