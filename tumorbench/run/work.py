"""The work of one cell: data, training, predictions, scores, artifacts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from tumorbench import tasks, training
from tumorbench.contracts.cell import cell_key, derive_seed
from tumorbench.contracts.families import Network
from tumorbench.contracts.record import Artifact, Record
from tumorbench.data import batches
from tumorbench.errors import BadInput, Unavailable
from tumorbench.run.context import Context
from tumorbench.run.identity import generator_of
from tumorbench.run.sessions import Sessions
from tumorbench.store import ARTIFACTS, CHECKPOINT, Store, artifact
from tumorbench.tasks.base import Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.classwise import Classwise, named, side_by_side
from tumorbench.tasks.material import Material
from tumorbench.training import networks, pretrained

__all__ = ["PROGRESS", "STAGED", "CellOptions", "Outcome", "learn", "work"]

PROGRESS = "progress{}.pt"  # the last epoch's state; one for each network, where a cell trains several
STAGED = "unfinished"  # the artifacts, until the record that lists them is written
OnEpoch = Callable[[dict[str, float], int], None]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CellOptions:
    """How cells run, apart from what they are."""

    force: bool = False
    deterministic: bool = False
    timeout_s: float = math.inf
    executor: str = "local"
    checkpoint_every_s: float = training.CHECKPOINT_EVERY_S
    on_epoch: OnEpoch = lambda _entry, _epochs: None
    on_step: OnStep = lambda _epoch, _step: None

    def accept(self, record: Record) -> bool:
        """Whether a finished record stands for its cell. One of default mode does not stand for a deterministic one."""
        return not self.force and (not self.deterministic or record.determinism.get("mode") == "deterministic")


@dataclass(slots=True)
class Outcome:
    """What a cell has found out so far; what it lacks when it fails stays empty."""

    sessions: Sessions
    fit: training.Fit = field(default_factory=training.Fit)
    prediction: Prediction | None = None
    scores: Scores = field(default_factory=Scores)
    counts: dict[str, int] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)


def work(cell: Cell, context: Context, options: CellOptions, folder: Path, outcome: Outcome) -> None:
    """Data, training, predictions, scores, artifacts."""
    identity = cell.identity
    deadline = time.monotonic() + options.timeout_s
    if not len(cell.split.train):
        raise BadInput(
            f"{identity.dataset}, protocol {identity.protocol}, fold {identity.fold}: the split leaves nothing to "
            "train on; complete the data set, or take another --protocol or --fold"
        )
    context.keep_split(cell)
    network, material = learn(cell, context, options, folder, outcome, deadline)
    task, tools = tasks.of(identity), context.tools()
    training.check_deadline(deadline, "before scoring")
    with training.timed(outcome.sessions.times, "evaluate_s"):
        prediction = outcome.prediction = task.predict(network, cell, material, tools, folder)
        outcome.scores = task.score(prediction.table, ScoringInput.of_cell(cell, tools))
    outcome.artifacts = _artifacts(cell, task, network, outcome, folder)


def learn(
    cell: Cell, context: Context, options: CellOptions, folder: Path, outcome: Outcome, deadline: float
) -> tuple[Network, Material]:
    """The cell's network is trained on its material; the test part is not asked for anything."""
    task, tools = tasks.of(cell.identity), context.tools()
    with training.timed(outcome.sessions.times, "data_s"):
        network = task.network(cell, tools)
        outcome.counts = networks.count_network(network)
        _start_from(network, cell, context)
        material = task.gather(cell, network, tools)
    _train(cell, network, material.learned, tools, options, folder, outcome, deadline)
    return network, replace(material, validated=outcome.fit.validated())


def _start_from(network: Network, cell: Cell, context: Context) -> None:
    """The network holds the weights that its recipe names, or under ``tstr`` those that its own cell trained."""
    identity = cell.identity
    if identity.judge and cell.model.conditional:
        checkpoint = _checkpoint_of(context.store, cell_key(generator_of(identity)), "a generator")
        network.load_trained_state(torch.load(checkpoint, map_location="cpu", weights_only=True))
        return
    name, files = cell.recipe.pretrained, dict(context.weights)
    if name is None:
        return
    if identity.starts_from:
        files[name] = _checkpoint_of(context.store, identity.starts_from, name)
    network.load_pretrained(pretrained.weights(name, files, context.registry))


def _checkpoint_of(store: Store, key: str, what: str) -> Path:
    """The trained weights of the finished cell ``key``. Raises: Unavailable where the store does not have them."""
    found = store.by_key(key)
    if found is None or not (checkpoint := found[0].parent / CHECKPOINT).exists():
        raise Unavailable(
            f"it starts from {what}, and the cell {key[:12]} that trains it is not finished in this store"
        )
    return checkpoint


def _train(
    cell: Cell,
    network: Network,
    learned: dict[str, batches.Slices],
    tools: Tools,
    options: CellOptions,
    folder: Path,
    outcome: Outcome,
    deadline: float,
) -> None:
    """The network is trained; one that is there only to be judged is trained already; of several, each by itself."""
    if cell.identity.judge and cell.model.conditional:
        return
    fit = partial(_fit, cell=cell, tools=tools, options=options, deadline=deadline, outcome=outcome)
    if not isinstance(network, Classwise):
        on_weights = partial(tasks.of(cell.identity).after_epoch, cell=cell, tools=tools, folder=folder)
        progress = folder / PROGRESS.format("")
        fit(network, learned, progress, seed=cell.identity.seed, on_weights=on_weights, result=outcome.fit)
        return
    fits: dict[str, training.Fit] = {}
    for label, name, one, own in network.of_classes(learned):
        fits[name] = training.Fit(times=outcome.fit.times)
        try:
            seed, progress = derive_seed(cell.identity.seed, "class", label), folder / PROGRESS.format(f"-{label}")
            fit(one, own, progress, seed=seed, name=name, result=fits[name])
        finally:
            outcome.fit.history = side_by_side({each: found.history for each, found in fits.items()})
            outcome.fit.compiled = fits[name].compiled


def _fit(
    network: Network,
    learned: dict[str, batches.Slices],
    checkpoint: Path,
    *,
    cell: Cell,
    tools: Tools,
    options: CellOptions,
    deadline: float,
    outcome: Outcome,
    seed: int,
    result: training.Fit,
    name: str = "",
    on_weights: Callable[[Network, int], None] = lambda _network, _epoch: None,
) -> None:
    """One network is trained on its part of the data. name: of its class, where the cell trains one for each."""
    recipe, sessions = cell.recipe, outcome.sessions

    def on_epoch(entry: dict[str, float], epochs: int) -> None:
        sessions.times |= result.times
        sessions.keep()
        options.on_epoch(named(entry, name) if name else entry, epochs)

    try:
        training.fit(
            network,
            lambda epoch: batches.training_batches(learned["train"], recipe, seed, epoch),
            recipe,
            seed=seed,
            device=tools.device,
            checkpoint=checkpoint,
            steps_per_epoch=batches.steps_in_epoch(len(learned["train"]), recipe),
            checkpoint_every_s=options.checkpoint_every_s,
            validate=tasks.of(cell.identity).validation(cell, learned["val"], tools),
            deadline=deadline,
            on_epoch=on_epoch,
            on_step=options.on_step,
            on_weights=on_weights,
            result=result,
        )
    finally:
        sessions.times |= result.times


def _artifacts(cell: Cell, task: Task, network: Network, outcome: Outcome, folder: Path) -> list[Artifact]:
    """Predictions, checkpoint and figures lie in the folder of what is not finished."""
    staged, prediction = folder / STAGED, outcome.prediction
    assert prediction is not None
    predictions, weights, figures = (staged / name for name in ARTIFACTS)
    prediction.table.to_parquet(predictions, index=False)
    training.save_atomically(network.trained_state(), weights)
    found = [artifact("predictions", staged, predictions), artifact("checkpoint", staged, weights)]
    figures.mkdir(exist_ok=True)
    fit = outcome.fit
    for title, path in task.draw(cell, fit.history, fit.best_epoch, prediction, outcome.scores, folder, figures):
        found.append(artifact("figure", staged, path, title))
    return found
