"""What a cell is: its identity, made from what was asked for and from nothing that the machine decides."""

from __future__ import annotations

from tumorbench.contracts.budget import Budget, share_of
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.cell import CellIdentity, Judge, OtherSet
from tumorbench.contracts.problem import JUDGE_PROCEDURE, TSTR_SPLITS, Protocol
from tumorbench.contracts.recipe import CELL, Recipe
from tumorbench.data.decode import Decoded
from tumorbench.data.external import Joined
from tumorbench.data.split import Split
from tumorbench.errors import BadInput
from tumorbench.registry import Registry

__all__ = ["generator_of", "identify", "judge_of", "origin_of", "recipe_on"]


def identify(
    dataset: Decoded,
    model: ModelSpec,
    protocol: Protocol,
    chosen: Split,
    budget: Budget,
    seed: int,
    *,
    starts_from: str | None = None,
    judge: ModelSpec | None = None,
    leaves_out: Decoded | None = None,
) -> CellIdentity:
    """The identity of one cell. dataset: under ``external`` a ``Joined`` one.

    starts_from: key of the cell whose weights it starts from. judge: under ``tstr``; it measures, so a share of the
    epochs is not taken of its own. leaves_out: the set whose test part is left out of the split.
    """
    tested, learned = (dataset.tested, dataset.learned) if isinstance(dataset, Joined) else (dataset, None)
    return CellIdentity(
        dataset=tested.spec.id,
        dataset_fingerprint=tested.fingerprint,
        protocol=protocol,
        split_fingerprint=chosen.fingerprint(dataset.samples),
        fold=chosen.fold,
        task=model.task,
        model=model.id,
        model_version=model.version,
        recipe=recipe_on(dataset, model, budget),
        seed=seed,
        budget=budget,
        starts_from=starts_from,
        judge=Judge(
            model=judge.id,
            model_version=judge.version,
            recipe=judge.recipe.for_budget("full" if share_of(budget) else budget),
            procedure=JUDGE_PROCEDURE,
        )
        if judge
        else None,
        trained_on=_other(learned),
        leaves_out=_other(leaves_out),
    )


def _other(dataset: Decoded | None) -> OtherSet | None:
    return None if dataset is None else OtherSet(dataset=dataset.spec.id, fingerprint=dataset.fingerprint)


def recipe_on(dataset: Decoded, model: ModelSpec, budget: Budget) -> Recipe:
    """The model's recipe as the budget runs it on the data set; its precision stays as it is declared."""
    recipe = model.recipe.for_budget(budget)
    return recipe.shortened(dataset.spec.quick_share, dataset.spec.quick_size) if budget == "quick" else recipe


def generator_of(identity: CellIdentity) -> CellIdentity:
    """The cell that trains the generator which a cell of ``tstr`` or ``tstr-paper`` asks what it is worth."""
    return identity.model_copy(update={"protocol": TSTR_SPLITS[identity.protocol], "judge": None})


def origin_of(model: ModelSpec, dataset: str, registry: Registry) -> tuple[ModelSpec, str, bool] | None:
    """(model, data set, on its own paper's data) whose cell's weights ``model`` starts from on ``dataset``, or None.

    The other model has the same value of each parameter that both have: a deep one starts from an equally deep one. It
    is trained on what its own paper names, where that is other data; else on the same data, protocol and fold.
    """
    name = model.recipe.pretrained or ""
    if not name.startswith(CELL):
        return None
    other = registry.model(name.removeprefix(CELL))
    shared = {key: value for key, value in model.recipe.params.items() if key in other.recipe.params}
    if shared:
        other = registry.model(f"{other.id}[{','.join(f'{key}={value}' for key, value in shared.items())}]")
    elsewhere = [each for each in other.paper.splits if dataset not in other.paper.splits]
    return (other, elsewhere[0], True) if elsewhere else (other, dataset, False)


def judge_of(registry: Registry, named: str | None) -> ModelSpec:
    """The classifier that is trained on generated images, the same for every generator.

    Raises: BadInput where there is none.
    """
    if named is not None:
        spec = registry.model(named)
        if spec.task != "classification":
            raise BadInput(f"--judge {spec.id} is a model for {spec.task}; name a classifier")
        return spec
    judges = [spec for spec in registry.models.values() if spec.judges]
    if not judges:
        raise BadInput(
            "no installed model judges generators (judges=True on its card); name a classifier with --judge, "
            "or install tumorbench-classifiers"
        )
    return judges[0]
