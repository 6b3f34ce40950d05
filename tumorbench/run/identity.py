"""What a cell is: its identity, and whether the store has it finished."""

from __future__ import annotations

import hashlib

from tumorbench import hardware
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.problem import TSTR_SPLITS, Budget, Protocol, Task
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import Record
from tumorbench.data import decode, split
from tumorbench.errors import BadInput
from tumorbench.run.context import Bench
from tumorbench.tasks.instruments import extractor_of
from tumorbench.training.pretrained import CELL, checkpoint_of, name_of_file

__all__ = ["finished", "identify", "judge_of", "metric_suite"]

TSTR_VERSION = 1  # raised when training on synthetic images would go otherwise


def finished(bench: Bench, identity: CellIdentity, key: str) -> Record | None:
    """The cell's record, unless an extractor that it had to do without can be had by now: then the cell is to be scored by it too."""
    record = bench.store.finished(identity, key)
    lacking = record.environment.get("extractors_unavailable", {}) if record else {}
    known = [bench.registry.extractors[name] for name in lacking if name in bench.registry.extractors]
    return None if any(not extractor_of(spec)[1] for spec in known) else record


def identify(
    bench: Bench,
    dataset: decode.Decoded,
    model: ModelSpec,
    protocol: Protocol,
    parts: split.Split,
    budget: Budget,
    seed: int,
) -> CellIdentity:
    """The identity of one cell."""
    recipe = model.recipe.for_budget(budget)
    if budget == "quick":
        recipe = recipe.shortened(dataset.spec.quick_share, dataset.spec.quick_size)
    if (recipe.pretrained or "").startswith(CELL):
        recipe = _from_cell(recipe, budget, bench)
    return CellIdentity(
        dataset=dataset.spec.id,
        dataset_fingerprint=dataset.fingerprint,
        protocol=protocol,
        split_fingerprint=parts.fingerprint(dataset.samples),
        fold=parts.fold,
        task=model.task,
        model=model.id,
        model_version=model.version,
        recipe=recipe.model_copy(update={"precision": hardware.resolve_precision(recipe.precision, bench.device)}),
        seed=seed,
        budget=budget,
        metric_suite=metric_suite(bench, model.task, protocol, budget),
    )


def _from_cell(recipe: Recipe, budget: Budget, bench: Bench) -> Recipe:
    """The recipe with the checkpoint that it starts from named by its content, where the store has it."""
    assert recipe.pretrained is not None
    checkpoint = checkpoint_of(recipe.pretrained, recipe, budget, bench.store)
    if checkpoint is None:
        return recipe
    name = name_of_file(checkpoint)
    bench.files[name] = checkpoint
    return recipe.model_copy(update={"pretrained": name})


def metric_suite(bench: Bench, task: Task, protocol: Protocol, budget: Budget) -> str:
    """A fingerprint of everything that scores a task: the metrics' and extractors' ids and versions, or the classifier that judges a generator."""
    if protocol in TSTR_SPLITS:
        judge = judge_of(bench)
        content = [TSTR_VERSION, judge.id, judge.version, judge.recipe.for_budget(budget).model_dump(mode="json")]
        return hashlib.sha256(canonical_json(content)).hexdigest()[:16]
    metrics = sorted((spec.id, spec.version) for spec in bench.registry.metrics.values() if spec.task == task)
    extractors = (
        sorted((spec.id, spec.version) for spec in bench.registry.extractors.values()) if task == "generation" else []
    )
    return hashlib.sha256(canonical_json([metrics, extractors])).hexdigest()[:16]


def judge_of(bench: Bench) -> ModelSpec:
    """The classifier that is trained on generated images, the same for every generator. Raises: BadInput where there is none."""
    if bench.judge is not None:
        named = bench.registry.model(bench.judge)
        if named.task != "classification":
            raise BadInput(f"--judge {named.id} is a model for {named.task}; name a classifier")
        return named
    judges = [spec for spec in bench.registry.models.values() if spec.judges]
    if not judges:
        raise BadInput(
            "no installed model judges generators (judges=True on its card); name a classifier with --judge, or install tumorbench-classifiers"
        )
    return judges[0]
