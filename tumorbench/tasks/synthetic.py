"""Train on synthetic, test on real: a generator is worth what one fixed classifier, the judge, learns from its images.

The judge learns from real, generated, mixed and augmented images, and is tested on the same real ones.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.cell import CellIdentity, Judge
from tumorbench.contracts.record import Instrument, MetricValue
from tumorbench.registry import Registry
from tumorbench.statistics.replicates import Drawn
from tumorbench.tasks.base import Picture, Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.generation import pictures_of_samples, validation_of_generator
from tumorbench.tasks.predictions import of_classes, test_columns
from tumorbench.tasks.scores.instruments import Key, Metric
from tumorbench.tasks.scores.replicates import drawn_of_arms

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.judging import Lesson
    from tumorbench.tasks.material import Material

__all__ = ["ON_WHAT_IT_LEARNED", "OnSynthetic"]

ON_WHAT_IT_LEARNED = "_train"  # ends the name of an accuracy on the images that the judge learned from
LEARNED = "learned"  # attribute of the table (in Parquet: of the file) -> arm -> [accuracy, images] of each judge
INSTRUMENT: Key = ("tstr", None)


class OnSynthetic(Task):
    """A generator, or one for each class where it knows none; and the judge that learns from its images."""

    name = "tstr"
    headlines = ("tstr_real", "tstr_generated", "tstr_mixed", "tstr_augmented", "tstr_generated_train")
    monitors = ("val_block_distance", "val_loss")

    def network(self, cell: Cell, tools: Tools) -> Network:
        """The generator with freshly drawn weights; for one that knows no class, one network for each."""
        from tumorbench.tasks.classwise import Classwise
        from tumorbench.tasks.material import fresh_network, problem_of

        if cell.model.conditional:
            return fresh_network(cell, tools)
        problem = problem_of(cell)
        return Classwise(problem, [fresh_network(cell, tools, "class", name) for name in problem.classes])

    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
        """As for any generator."""
        return validation_of_generator(cell, slices, tools)

    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """What every judge says of the real test images: of each arm, so many seeds.

        Real images are at the judge's size, the same for every generator, and generated ones are brought to it. The
        judge takes as many steps an epoch as its recipe says, or one pass.
        """
        from tumorbench.tasks.inference import paint
        from tumorbench.tasks.judging import lessons

        assert cell.identity.judge is not None
        images = cell.dataset.images(cell.identity.judge.recipe.preprocessing.size)
        labels, split = cell.labels, cell.split
        real, test, wanted = np.asarray(images[split.train]), np.asarray(images[split.test]), labels[split.train]
        generated = paint(network, wanted, cell, tools)
        table = _table(cell, labels[split.test], list(lessons(cell, tools, real, generated, wanted, test)))
        n = len(test)
        return Prediction(table, pictures={"real": real[:n], "generated": generated[:n], "labels": wanted[:n]})

    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """The accuracy that each arm gives: the mean over the judge's seeds, and from the lowest to the highest."""
        if given.only is not None and INSTRUMENT not in given.only:
            return Scores()
        return Scores(list(_values(table)), self.instruments(given.identity, given.registry))

    def replicates(self, table: pd.DataFrame, given: ScoringInput) -> Drawn:
        """Of each arm's accuracy, over the real test images."""
        return drawn_of_arms(table)

    def holds(self, table: pd.DataFrame, metric: str) -> bool:
        """Tables of before version 3 do not say how the judge did on what it learned from."""
        return not metric.endswith(ON_WHAT_IT_LEARNED) or LEARNED in table.attrs

    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """None that a plugin provides: what a judge is asked is part of the protocol."""
        return []

    def instruments(self, identity: CellIdentity, registry: Registry) -> list[Instrument]:
        """The judge, in the version of its procedure."""
        version = identity.judge.procedure if identity.judge else Judge.model_fields["procedure"].default
        return [Instrument(metric=INSTRUMENT[0], version=str(version), plugin="tumorbench")]

    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """What the judge learned from."""
        return pictures_of_samples(cell, prediction.pictures, by_class=True)


def _table(cell: Cell, labels: np.ndarray, found: Iterable[Lesson]) -> pd.DataFrame:
    """A classifier's table for each judge, one below the other, with its ``arm`` and ``classifier_seed``."""
    import pandas as pd

    tables = []
    learned: dict[str, list[list[float]]] = {}
    for lesson in found:
        table = of_classes(test_columns(cell), labels, lesson.probabilities, cell.dataset.spec.classes)
        tables.append(table.assign(arm=lesson.arm, classifier_seed=lesson.seed))
        learned.setdefault(lesson.arm, []).append([lesson.accuracy, lesson.n])
    joined = pd.concat(tables, ignore_index=True)
    joined.attrs[LEARNED] = learned
    return joined


def _values(table: pd.DataFrame) -> Iterator[MetricValue]:
    """Accuracy and macro F1 of each arm on the real test images, and its accuracy on what it learned from."""
    from sklearn.metrics import f1_score

    for arm, rows in table.groupby("arm", sort=False):
        each = [(own["label"].to_numpy(), own["predicted"].to_numpy()) for _, own in rows.groupby("classifier_seed")]
        accuracies = [float((truth == predicted).mean()) for truth, predicted in each]
        f1s = [float(f1_score(truth, predicted, average="macro", zero_division=0)) for truth, predicted in each]
        n = len(each[0][0])
        yield _over_seeds(f"tstr_{arm}", accuracies, n)
        yield _over_seeds(f"tstr_{arm}_f1_macro", f1s, n)
        if learned := table.attrs.get(LEARNED, {}).get(arm):
            accuracies, n = [accuracy for accuracy, _ in learned], learned[0][1]
            yield _over_seeds(f"tstr_{arm}{ON_WHAT_IT_LEARNED}", accuracies, n)


def _over_seeds(name: str, found: list[float], n: int) -> MetricValue:
    interval = min(found), max(found)
    return MetricValue(name=name, value=statistics.fmean(found), n=n, higher_is_better=True, interval=interval)
