"""The file of a study: its trials, with the value of each epoch.

Optuna keeps it, as SQLite, and says what is tried next.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tumorbench.contracts.cell import derive_seed
from tumorbench.errors import BadInput, one_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

    from tumorbench.run.tuning.space import Space

__all__ = ["Archive", "Told"]

STUDY = "study"
RANDOM = 5  # trials before the sampler learns from them
UNPRUNED = 2  # trials that have to be whole before another is compared with them
FEWEST_EPOCHS = 3  # before a trial is compared with others; half of its epochs, where that is more
WAIT_S = 60  # for another process that writes
Direction = Literal["minimize", "maximize"]


@dataclass(slots=True)
class Told:
    """A trial that runs: what is told of it lies in the file at once.

    A step that the file has already stays as it is.
    """

    study: Study
    number: int
    prunes: bool

    def is_behind(self, epoch: int, value: float) -> bool:
        """Whether it should end here, because others did better by this epoch. The value is noted."""
        from optuna.trial import Trial

        frozen = self.study.trials[self.number]
        trial = Trial(self.study, frozen._trial_id)  # noqa: SLF001 - a trial of another process has no other way in
        if epoch not in frozen.intermediate_values:
            trial.report(value, epoch)
        return self.prunes and trial.should_prune()

    def complete(self, value: float) -> None:
        """It has ended with that value."""
        self.study.tell(self.number, value)

    def prune(self) -> None:
        """It has ended early."""
        from optuna.trial import TrialState

        self.study.tell(self.number, state=TrialState.PRUNED)


class Archive:
    """A study in its file. Raises: BadInput without Optuna, and for a file that holds no study."""

    def __init__(self, path: Path, direction: Direction | None = None) -> None:
        """direction: makes the study where there is none."""
        optuna = _optuna()
        from sqlalchemy.pool import NullPool

        engine = {"poolclass": NullPool, "connect_args": {"timeout": WAIT_S}}
        with _readable(path):
            storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs=engine)
            if direction is None:
                self.study: Study = optuna.load_study(study_name=STUDY, storage=storage)
            else:
                self.study = optuna.create_study(
                    storage=storage, study_name=STUDY, direction=direction, load_if_exists=True
                )

    @property
    def trials(self) -> list[FrozenTrial]:
        """Every trial by its number."""
        return self.study.get_trials(deepcopy=False)

    def trial(self, number: int, epochs: int) -> Told:
        """The trial, to be told of. epochs: that it takes at most; 0: it is never pruned."""
        self.study.pruner = _pruner(epochs)
        return Told(self.study, number, prunes=epochs > 0)

    def ask(self, space: Space, seed: int) -> FrozenTrial:
        """A new trial. The first one has the card's own values; each draws from a seed of its own.

        So an interrupted study asks for what an uninterrupted one does.
        """
        import optuna

        trials = self.trials
        if not trials and space.allows(space.defaults):
            self.study.enqueue_trial(space.defaults)
        number = len(trials)
        drawn_from = derive_seed(seed, "trial", number) % 2**32
        self.study.sampler = optuna.samplers.TPESampler(seed=drawn_from, n_startup_trials=RANDOM)
        asked = self.study.ask(space.distributions())
        return self.trials[asked.number]

    def fail(self, number: int) -> None:
        """The trial has ended without a value."""
        from optuna.trial import TrialState

        self.study.tell(number, state=TrialState.FAIL)

    def unfinished(self, space: Space) -> list[FrozenTrial]:
        """The trials of a process that ended on the way. One that was not yet given all its values has failed."""
        found = []
        for trial in self.trials:
            if trial.state.name == "RUNNING":
                if set(trial.params) == set(space.searched):
                    found.append(trial)
                else:
                    self.fail(trial.number)
        return found

    def twin(self, values: Mapping[str, Any], space: Space) -> FrozenTrial | None:
        """The first finished trial of the same values: it would end with the same numbers."""
        tried = space.rounded(values)
        done = [trial for trial in self.trials if trial.state.name == "COMPLETE"]
        return next((trial for trial in done if space.rounded(trial.params) == tried), None)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise BadInput(f"tune needs the package optuna ({error}); pip install 'tumorbench[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _pruner(epochs: int) -> BasePruner:
    import optuna

    if not epochs:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=max(FEWEST_EPOCHS, epochs // 2))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, KeyError, AssertionError) as error:
        raise BadInput(f"{path} cannot be used as a study ({one_line(error, 200)}); delete it to begin anew") from error
