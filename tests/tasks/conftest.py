"""Cells of ``tiny-plugin`` made by hand: a test of a task needs no plan, no store and no process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tumorbench import registry, tasks, training
from tumorbench.contracts.cell import CellIdentity, Judge, derive_seed
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import INTERVALS_VERSION, Record
from tumorbench.data.batches import training_batches
from tumorbench.data.decode import decode
from tumorbench.data.kinship import kinship
from tumorbench.data.split import make_split
from tumorbench.tasks import Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.classwise import Classwise
from tumorbench.tasks.material import Material
from tumorbench.tasks.scores.instruments import extractor_of
from tumorbench.training import pretrained

JUDGE = "tiny-classifier[width=16]"


@dataclass(frozen=True)
class Done:
    """A cell that was trained, predicted and scored. folder: its own."""

    cell: Cell
    tools: Tools
    task: Task
    network: object
    material: Material
    history: list[dict[str, float]]
    prediction: Prediction
    scores: Scores
    folder: Path

    @property
    def given(self) -> ScoringInput:
        """What it was scored with."""
        return ScoringInput.of_cell(self.cell, self.tools)

    @property
    def by_name(self) -> dict[str, float | None]:
        """Metric name -> value."""
        return {value.name: value.value for value in self.scores.metrics}

    @property
    def record(self) -> Record:
        """Its record, as far as scoring goes."""
        spec = self.cell.dataset.spec
        return Record(
            cell_key=self.cell.key,
            status="ok",
            identity=self.cell.identity,
            dataset_title=spec.title,
            model_title=self.cell.model.title,
            synthetic=True,
            sizes={},
            classes=spec.classes,
            metrics=tuple(self.scores.metrics),
            instruments=tuple(self.scores.instruments),
            intervals=INTERVALS_VERSION,
            confusion=self.scores.confusion,
        )


class Cells:
    """Makes cells on ``tiny-shapes``; each that is done is done once for the tests of a module."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = registry.find()
        self.registry.extractors = {"tiny-pixels": self.registry.extractors["tiny-pixels"]}  # the others take seconds
        self.tools = Tools(self.registry)
        self.dataset = decode(self.registry.dataset("tiny-shapes"), root, root / "decoded")
        self._done: dict[tuple[str, str], Done] = {}

    def cell(self, model: str = "tiny-classifier", protocol: str = "grouped") -> Cell:
        """A cell of fold 0 and seed 0; of the full budget where a judge learns, of the quick one elsewhere."""
        spec, dataset = self.registry.model(model), self.dataset
        budget = "full" if protocol in TSTR_SPLITS else "quick"
        base = TSTR_SPLITS.get(protocol, protocol)
        rule = spec.paper.splits["tiny-shapes"] if base == "paper" else None
        split = make_split(dataset.samples, dataset.spec.classes, kinship(dataset), base, 0, rule)
        judge = self.registry.model(JUDGE)
        identity = CellIdentity(
            dataset=dataset.spec.id,
            dataset_fingerprint=dataset.fingerprint,
            protocol=protocol,
            split_fingerprint=split.fingerprint(dataset.samples),
            fold=0,
            task=spec.task,
            model=spec.id,
            model_version=spec.version,
            recipe=spec.recipe.for_budget(budget),
            seed=0,
            budget=budget,
            judge=Judge(model=judge.id, model_version=judge.version, recipe=judge.recipe.for_budget(budget))
            if protocol in TSTR_SPLITS
            else None,
        )
        return Cell(identity, spec, dataset, split)

    def done(self, model: str = "tiny-classifier", protocol: str = "grouped") -> Done:
        """The cell, trained, predicted and scored."""
        if (model, protocol) not in self._done:
            self._done[model, protocol] = self._do(self.cell(model, protocol), self.root / f"{model}-{protocol}")
        return self._done[model, protocol]

    def _do(self, cell: Cell, folder: Path) -> Done:
        folder.mkdir()
        task, tools = tasks.of(cell.identity), self.tools
        network = task.network(cell, tools)
        if cell.recipe.pretrained:
            network.load_pretrained(pretrained.weights(cell.recipe.pretrained, {}, self.registry))
        material = task.gather(cell, network, tools)
        parts = [(cell.identity.seed, network, material.learned)]
        if isinstance(network, Classwise):
            seeds = [derive_seed(cell.identity.seed, "class", label) for label in range(3)]
            parts = [(seeds[label], one, learned) for label, _, one, learned in network.of_classes(material.learned)]
        for seed, one, learned in parts:
            fit = training.fit(
                one,
                partial(training_batches, learned["train"], cell.recipe, seed),
                cell.recipe,
                seed=seed,
                device="cpu",
                checkpoint=folder / f"progress-{seed}.pt",
                validate=task.validation(cell, learned["val"], tools),
                on_weights=partial(task.after_epoch, cell=cell, tools=tools, folder=folder),
            )
        material = replace(material, validated=fit.validated())
        prediction = task.predict(network, cell, material, tools, folder)
        scores = task.score(prediction.table, ScoringInput.of_cell(cell, tools))
        return Done(cell, tools, task, network, material, fit.history, prediction, scores, folder)


@pytest.fixture(scope="session")
def made() -> dict[str, Cells]:
    """What was made for an earlier module."""
    return {}


@pytest.fixture(scope="module")
def cells(tiny_site: Path, tmp_path_factory: pytest.TempPathFactory, made: dict[str, Cells]) -> Iterator[Cells]:
    """``tiny-plugin`` is installed for a module, its extractor is available, and cells on its data set can be made."""
    with pytest.MonkeyPatch.context() as patched:
        root = made["cells"].root if made else tmp_path_factory.mktemp("cells")
        patched.syspath_prepend(tiny_site)
        patched.setenv("TUMORBENCH_CACHE", str(root / "cache"))
        patched.setenv("TINY_PIXELS", "1")
        extractor_of.cache_clear()
        if not made:
            made["cells"] = Cells(root)
        yield made["cells"]
    extractor_of.cache_clear()
