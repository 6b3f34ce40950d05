"""The file of a study: what is told of a trial stays, what is tried next does not depend on interruptions."""

from __future__ import annotations

import sys

import pytest

from tumorbench import registry
from tumorbench.errors import BadInput
from tumorbench.run.tuning.archive import FEWEST_EPOCHS, Archive
from tumorbench.run.tuning.space import space_of

EPOCHS = 6


@pytest.fixture
def space(tiny):
    return space_of(registry.find(), "tiny-classifier", "quick")


def told(archive, space, losses):
    """A new trial that is told these losses; returns the epoch after which it is to end early, None for none."""
    trial = archive.trial(archive.ask(space, 0).number, EPOCHS)
    for epoch, loss in enumerate(losses, 1):
        if trial.is_behind(epoch, loss):
            trial.prune()
            return epoch
    trial.complete(min(losses))
    return None


def test_a_trial_that_is_worse_than_the_median_ends_early_and_not_before_its_time(space, tmp_path):
    archive = Archive(tmp_path / "study.db", "minimize")
    falling = [1 / epoch for epoch in range(1, EPOCHS + 1)]
    assert [told(archive, space, falling) for _ in range(2)] == [None, None]
    assert told(archive, space, [5.0] * EPOCHS) == FEWEST_EPOCHS
    assert [trial.state.name for trial in archive.trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    unpruned = archive.trial(archive.ask(space, 0).number, 0)
    assert not any(unpruned.is_behind(epoch, 5.0) for epoch in range(1, EPOCHS + 1))


def test_the_higher_value_is_better_where_it_is_maximised(space, tmp_path):
    archive = Archive(tmp_path / "study.db", "maximize")
    assert [told(archive, space, [0.8] * EPOCHS) for _ in range(2)] == [None, None]
    assert told(archive, space, [0.9] * EPOCHS) is None
    assert told(archive, space, [0.1] * EPOCHS) == FEWEST_EPOCHS


def test_the_first_trial_has_the_card_s_own_values(space, tmp_path):
    archive = Archive(tmp_path / "study.db", "minimize")
    assert archive.ask(space, 0).params == space.defaults == {"width": 8}


def test_an_interrupted_study_asks_for_what_an_uninterrupted_one_does(space, tmp_path):
    asked = []
    for name, opened_once in (("one", True), ("two", False)):
        archive = Archive(tmp_path / f"{name}.db", "minimize")
        for loss in range(7):
            if loss in (2, 6) and not opened_once:
                archive = Archive(tmp_path / f"{name}.db", "minimize")
            told(archive, space, [float(loss)])
        asked.append([trial.params["width"] for trial in archive.trials])
    assert asked[0] == asked[1]
    assert len(set(asked[0])) > 3


def test_another_seed_asks_for_others(space, tmp_path):
    archives = [Archive(tmp_path / f"{seed}.db", "minimize") for seed in (0, 1)]
    drawn = [[archive.ask(space, seed).params["width"] for _ in range(5)] for seed, archive in enumerate(archives)]
    assert drawn[0] != drawn[1]


def test_a_value_that_was_told_before_stays(space, tmp_path):
    archive = Archive(tmp_path / "study.db", "minimize")
    number = archive.ask(space, 0).number
    archive.trial(number, EPOCHS).is_behind(1, 0.5)
    Archive(tmp_path / "study.db").trial(number, EPOCHS).is_behind(1, 0.25)
    assert archive.trials[number].intermediate_values == {1: 0.5}


def test_a_trial_without_all_its_values_has_failed_and_others_go_on(space, tmp_path):
    archive = Archive(tmp_path / "study.db", "minimize")
    whole = archive.ask(space, 0).number
    archive.study.ask()  # as of a process that was killed before the sampler had drawn
    assert [trial.number for trial in archive.unfinished(space)] == [whole]
    assert [trial.state.name for trial in archive.trials] == ["RUNNING", "FAIL"]


def test_a_file_that_holds_no_study_is_named(tmp_path):
    (tmp_path / "study.db").write_text("not a data base, but long enough to be read as one " * 9)
    with pytest.raises(BadInput, match=r"study\.db cannot be used as a study .*delete it to begin anew"):
        Archive(tmp_path / "study.db", "minimize")


def test_without_optuna_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BadInput, match=r"pip install 'tumorbench\[tune\]'"):
        Archive(tmp_path / "study.db", "minimize")
