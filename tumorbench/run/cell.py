"""One cell, from its split to its record. Whatever goes wrong inside ends this cell with a status; the run goes on."""

from __future__ import annotations

import math
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import filelock
import torch

from tumorbench import hardware, training
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Network
from tumorbench.contracts.problem import FOLDED, TSTR_SPLITS, Problem
from tumorbench.contracts.record import Artifact, Leakage, Record, Status, Timing
from tumorbench.data import batches, split
from tumorbench.errors import BadInput, CellTimeout, Diverged, TumorbenchError, Unavailable
from tumorbench.run.context import Bench
from tumorbench.run.identity import finished
from tumorbench.run.plan import PlannedCell
from tumorbench.store import ARTIFACTS, artifact
from tumorbench.tasks import pictures, score
from tumorbench.tasks.classwise import Classwise, named, side_by_side
from tumorbench.tasks.material import Material, gather
from tumorbench.tasks.progress_samples import FOLDER, keep_samples
from tumorbench.tasks.synthetic import trained_before
from tumorbench.training import networks, pretrained

__all__ = ["CellOptions", "command_of", "lost_record", "run_cell"]

PROGRESS = "progress{}.pt"  # the last epoch's state, until the cell is finished; one for each network, where a cell trains several
STAGED = "unfinished"  # the artifacts, until the record that lists them is written
OnEpoch = Callable[[dict[str, float], int], None]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CellOptions:
    """How cells run, apart from what they are."""

    force: bool = False
    deterministic: bool = False
    timeout_s: float = math.inf
    on_epoch: OnEpoch = lambda _entry, _epochs: None
    on_step: OnStep = lambda _epoch, _step: None

    def accept(self, record: Record) -> bool:
        """Whether a finished record stands for its cell. One that default mode made does not stand for a deterministic one."""
        return not self.force and (not self.deterministic or record.determinism.get("mode") == "deterministic")


@dataclass(slots=True)
class _Outcome:
    """What a cell has found out so far; what it lacks when it fails stays empty."""

    fit: training.Fit = field(default_factory=training.Fit)
    score: score.Score = field(default_factory=score.Score)
    counts: dict[str, int] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)


def run_cell(cell: PlannedCell, bench: Bench, options: CellOptions) -> Record:
    """The cell's record, written to the store. A cell of another process is waited for, not computed twice.

    Until then an earlier record and its artifacts stay as they are.
    """
    folder = bench.store.cell_folder(cell.identity, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        if (record := finished(bench, cell.identity, cell.key)) and options.accept(record):
            return record
        if options.force:
            _forget_progress(folder)
        started, clock = datetime.now(UTC), time.perf_counter()
        outcome, staged = _Outcome(), _emptied(folder / STAGED)
        determinism = hardware.set_determinism(options.deterministic)
        status, reason = _attempt(cell, bench, options, folder, outcome)
        outcome.times["total_s"] = time.perf_counter() - clock
        record = _record(cell, bench, status, reason, outcome, determinism, started)
        bench.store.replace(record, staged if status == "ok" else _emptied(staged))
        if status == "ok":
            _forget_progress(folder)
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
        return record


def _forget_progress(folder: Path) -> None:
    for path in folder.glob(PROGRESS.format("*")):
        path.unlink()


def _emptied(folder: Path) -> Path:
    """The folder is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _attempt(
    cell: PlannedCell, bench: Bench, options: CellOptions, folder: Path, outcome: _Outcome
) -> tuple[Status, str]:
    """The cell's status and, unless it is ok, the reason in one line; the whole traceback lies in ``error.txt``."""
    (folder / "error.txt").unlink(missing_ok=True)
    try:
        _work(cell, bench, options, folder, outcome)
    except Unavailable as error:
        return "skipped", str(error)
    except CellTimeout as error:
        return "timeout", f"{error}; give more with --timeout, the cell continues from its last epoch"
    except (Diverged, TumorbenchError) as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
        (folder / "error.txt").write_text(traceback.format_exc())
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        return ("oom" if _is_out_of_memory(error) else "failed"), reason
    return "ok", ""


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _work(cell: PlannedCell, bench: Bench, options: CellOptions, folder: Path, outcome: _Outcome) -> None:
    """Data, training, scoring, artifacts."""
    recipe, clock = cell.identity.recipe, time.perf_counter()
    deadline = time.monotonic() + options.timeout_s
    if not len(cell.split.train):
        where = f"{cell.identity.dataset}, protocol {cell.identity.protocol}, fold {cell.identity.fold}"
        raise BadInput(
            f"{where}: the split leaves nothing to train on; complete the data set, or take another --protocol or --fold"
        )
    problem = networks.problem_for(cell.model, cell.dataset.spec, recipe)
    network = _what_trains(cell, problem, bench.device)
    outcome.counts = networks.count_network(network)
    if recipe.pretrained:
        network.load_pretrained(pretrained.weights(recipe.pretrained, bench.files, bench.registry))
    material = gather(cell, problem, network, bench)
    outcome.times["data_s"] = time.perf_counter() - clock

    _train(cell, network, material, bench, options, folder, outcome, deadline)
    outcome.times.setdefault("train_s", sum(entry["wall_s"] for entry in outcome.fit.history))

    training.check_deadline(deadline, "before scoring")
    clock = time.perf_counter()
    outcome.score = score.score(network, cell, material, bench)
    outcome.times["evaluate_s"] = time.perf_counter() - clock
    outcome.artifacts = _artifacts(cell, network, outcome, folder / STAGED)


def _train(
    cell: PlannedCell,
    network: Network,
    material: Material,
    bench: Bench,
    options: CellOptions,
    folder: Path,
    outcome: _Outcome,
    deadline: float,
) -> None:
    """The network is trained, or is the one that another cell of the store trained on the same split: a generator is judged in several ways."""
    if cell.identity.protocol in TSTR_SPLITS and (before := trained_before(cell, bench)):
        record, checkpoint = before
        network.load_trained_state(torch.load(checkpoint, map_location="cpu", weights_only=True))
        outcome.fit.history, outcome.fit.best_epoch = list(record.history), record.best_epoch or 0
        outcome.times["train_s"] = 0.0  # the seconds of the history are the other cell's
        return
    fit = partial(_fit, cell=cell, bench=bench, options=options, deadline=deadline)
    if not isinstance(network, Classwise):
        on_weights = partial(keep_samples, cell=cell, bench=bench, folder=folder)
        fit(
            network,
            material.learned,
            folder / PROGRESS.format(""),
            seed=cell.identity.seed,
            on_weights=on_weights,
            result=outcome.fit,
        )
        return
    fits: dict[str, training.Fit] = {}
    for label, name, one, learned in network.of_classes(material.learned):
        fits[name] = training.Fit()
        try:
            seed = derive_seed(cell.identity.seed, "class", label)
            fit(one, learned, folder / PROGRESS.format(f"-{label}"), seed=seed, name=name, result=fits[name])
        finally:
            outcome.fit.history = side_by_side({each: found.history for each, found in fits.items()})


def _fit(
    network: Network, learned: dict[str, batches.Slices], checkpoint: Path, *, cell: PlannedCell, bench: Bench, options: CellOptions, deadline: float,
    seed: int, result: training.Fit, name: str = "", on_weights: Callable[[Network, int], None] = lambda _network, _epoch: None,
) -> None:  # fmt: skip
    """One network is trained on its part of the data. name: of its class, where the cell trains one for each."""
    recipe = cell.identity.recipe
    training.fit(
        network,
        lambda epoch: batches.training_batches(learned["train"], recipe, seed, epoch),
        recipe,
        seed=seed,
        device=bench.device,
        checkpoint=checkpoint,
        validate=score.validation(cell.model.task, learned["val"], recipe, bench.device),
        deadline=deadline,
        on_epoch=lambda entry, epochs: options.on_epoch(named(entry, name) if name else entry, epochs),
        on_step=options.on_step,
        on_weights=on_weights,
        result=result,
    )


def build(cell: PlannedCell, problem: Problem, device: str, *part: str) -> Network:
    """The cell's network with freshly drawn weights, on the device. part: of the cell, where it trains several, which start from different ones."""
    training.seed_everything(derive_seed(cell.identity.seed, "init", *part))
    network = networks.build(cell.model, problem, cell.identity.recipe)
    network = network.to(device)
    return network.to(memory_format=torch.channels_last) if device == "cuda" else network


def _what_trains(cell: PlannedCell, problem: Problem, device: str) -> Network:
    """The cell's network; for a generator that knows no class and is to make images of each, one for each class."""
    if cell.identity.protocol in TSTR_SPLITS and not cell.model.conditional:
        return Classwise(problem, [build(cell, problem, device, "class", name) for name in problem.classes])
    return build(cell, problem, device)


def _artifacts(cell: PlannedCell, network: Network, outcome: _Outcome, folder: Path) -> list[Artifact]:
    """Predictions, checkpoint and figures lie in the folder."""
    predictions, weights, figures = (folder / name for name in ARTIFACTS)
    assert outcome.score.predictions is not None
    outcome.score.predictions.to_parquet(predictions, index=False)
    training.save_atomically(network.trained_state(), weights)
    found = [artifact("predictions", folder, predictions), artifact("checkpoint", folder, weights)]
    figures.mkdir(exist_ok=True)
    for title, path in pictures.draw(cell, outcome.fit, outcome.score, figures):
        found.append(artifact("figure", folder, path, title))
    return found


def _record(
    cell: PlannedCell,
    bench: Bench,
    status: Status,
    reason: str,
    outcome: _Outcome,
    determinism: dict[str, Any],
    started: datetime,
) -> Record:
    samples, pixels = cell.dataset.samples, [where.pixels for where in cell.dataset.slices]
    leakage: Leakage = split.measure_leakage(cell.split, samples, pixels)
    environment = hardware.describe_environment() | {
        "extractors_unavailable": outcome.score.extractors_unavailable,
        "metrics_without_value": outcome.score.faults,
    }
    return Record(
        cell_key=cell.key,
        status=status,
        reason=reason,
        identity=cell.identity,
        dataset_title=cell.dataset.spec.title,
        model_title=cell.model.title,
        synthetic=cell.dataset.spec.synthetic,
        sizes={part: len(getattr(cell.split, part)) for part in ("train", "val", "test")},
        leakage=leakage,
        metrics=tuple(outcome.score.metrics) if status == "ok" else (),
        confusion=outcome.score.confusion,
        classes=cell.dataset.spec.classes,
        history=tuple(outcome.fit.history),
        best_epoch=outcome.fit.best_epoch or None,
        parts=outcome.score.parts,
        temperature=outcome.score.temperature,
        parameters=outcome.counts,
        timing=Timing(
            **{name: round(seconds, 4) for name, seconds in (outcome.times | outcome.score.times).items()},
            resumed_from_epoch=outcome.fit.resumed_from_epoch,
        ),
        hardware=hardware.describe_hardware(bench.device),
        environment=environment,
        determinism=determinism | ({"discarded_progress": outcome.fit.discarded} if outcome.fit.discarded else {}),
        command=command_of(cell),
        started_at=started.isoformat(timespec="seconds"),
        artifacts=tuple(outcome.artifacts),
    )


def lost_record(cell: PlannedCell, error: Exception) -> Record:
    """A failed record, not in the store, of a cell that could not write its own."""
    return Record(
        cell_key=cell.key,
        status="failed",
        reason=f"{type(error).__name__}: {' '.join(str(error).split())}"[:500],
        identity=cell.identity,
        dataset_title=cell.dataset.spec.title,
        model_title=cell.model.title,
        synthetic=cell.dataset.spec.synthetic,
        sizes={part: len(getattr(cell.split, part)) for part in ("train", "val", "test")},
        classes=cell.dataset.spec.classes,
        command=command_of(cell),
    )


def command_of(cell: PlannedCell) -> str:
    """The command that makes this cell (and, for a later seed, those before it)."""
    identity = cell.identity
    fold = f" --fold {identity.fold}" if identity.protocol in FOLDED else ""
    weights = " --weights FILE" if (identity.recipe.pretrained or "").startswith("sha256:") else ""
    model = f"-d {identity.dataset} -m '{identity.model}'"
    return f"tumorbench run {model} --protocol {identity.protocol}{fold} --budget {identity.budget} --seeds {identity.seed + 1}{weights}"
