"""What the harness does with each kind of network: validate, predict, score a table of predictions, draw.

One module a task, and one entry in ``TASKS``.
"""

from __future__ import annotations

from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.errors import BadInput
from tumorbench.tasks.base import Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.classification import Classification
from tumorbench.tasks.generation import Generation
from tumorbench.tasks.segmentation import Segmentation
from tumorbench.tasks.synthetic import OnSynthetic

__all__ = ["TASKS", "Prediction", "Scores", "ScoringInput", "Task", "named", "of"]

TASKS: dict[str, Task] = {task.name: task for task in (Classification(), Segmentation(), Generation(), OnSynthetic())}


def of(identity: CellIdentity) -> Task:
    """The task of a cell."""
    return named(OnSynthetic.name if identity.protocol in TSTR_SPLITS else identity.task)


def named(task: str) -> Task:
    """The task of that name. Raises: BadInput where there is none."""
    if task not in TASKS:
        raise BadInput(f"no task is called {task!r}; known: {', '.join(TASKS)}")
    return TASKS[task]
