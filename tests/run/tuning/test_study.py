"""A study judges trials on the validation part, is continued where it was, and ends with a model that can be run."""

from __future__ import annotations

import json
import time

import pytest

from tumorbench.run.tuning.study import _alone
from tumorbench.store import Store

pytestmark = pytest.mark.usefixtures("tiny")


def test_a_study_ends_with_its_best_model_and_a_command_over_all_folds(study, tumorbench):
    code, content, _ = study("tiny-classifier", "--trials", "4")
    assert code == 0
    first, *others = content["trials"]
    assert (first["model"], first["state"], first["epochs"]) == ("tiny-classifier", "complete", 3)
    assert all(each["model"].startswith("tiny-classifier[width=") for each in others)
    assert content["best"]["value"] == min(each["value"] for each in content["trials"] if each["state"] == "complete")
    words = content["command"].replace("'", "").split()
    assert words[:2] == ["tumorbench", "run"]
    cells = json.loads(tumorbench("plan", *words[2:], "--json").out)
    assert [(cell["model"], cell["fold"], cell["status"]) for cell in cells] == [
        (content["best"]["model"], fold, "to run") for fold in range(5)
    ]


def test_a_trial_has_the_validation_values_of_a_run_of_the_same_model_and_is_no_result(study, tumorbench, tiny):
    _, content, _ = study("tiny-classifier", "--trials", "1")
    assert Store(tiny / "runs").paths() == []
    ran = tumorbench(
        "run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput", "--json"
    )
    (record,) = json.loads(ran.out)
    assert content["trials"][0]["value"] == record["history"][record["best_epoch"] - 1]["val_loss"]


def test_a_learning_rate_and_a_batch_size_are_tuned_and_the_best_runs_with_the_same_values(study, tumorbench):
    code, content, err = study("hasty", "--trials", "4", "--no-prune")
    assert code == 0, err
    assert content["trials"][0]["model"] == "hasty"
    rates = [float(each["model"].partition("learning_rate=")[2].rstrip("]")) for each in content["trials"][1:]]
    assert len({*rates, 1e-4}) == 4
    assert len({each["value"] for each in content["trials"]}) == 4
    words = content["command"].replace("'", "").split()
    assert words[words.index("-m") + 1] == content["best"]["model"]
    ran = tumorbench(*words[1 : words.index("--fold") + 2], "--no-throughput", "--json")
    (record,) = json.loads(ran.out)
    optimizer = record["identity"]["recipe"]["optimizer"]
    assert f"learning_rate={optimizer['learning_rate']}" in content["best"]["model"]
    assert content["best"]["value"] == record["history"][record["best_epoch"] - 1]["val_loss"]


def test_the_same_command_computes_nothing_and_more_trials_go_on(study):
    first = study("tiny-classifier", "--trials", "2")[1]["trials"]
    code, again, err = study("tiny-classifier", "--trials", "2")
    assert (code, again["trials"], "epoch" in err) == (0, first, False)
    more = study("tiny-classifier", "--trials", "3")[1]["trials"]
    assert (more[:2], len(more)) == (first, 3)


def test_another_objective_is_another_study_and_the_highest_accuracy_wins(study):
    study("tiny-classifier", "--trials", "1")
    _, content, _ = study("tiny-classifier", "--trials", "3", "--objective", "val_accuracy")
    assert content["direction"] == "maximize"
    assert content["best"]["value"] == max(each["value"] for each in content["trials"] if each["state"] == "complete")


def test_values_that_were_tried_before_are_not_computed_again(study):
    _, content, err = study("tiny-classifier[width=8]", "--trials", "1")
    assert "fixes every parameter" in err
    _, content, _ = study("loud", "--trials", "12", "--no-prune")
    models = [each["model"] for each in content["trials"]]
    assert len(set(models)) == 12 or all(
        content["trials"][models.index(each["model"])]["value"] == each["value"] for each in content["trials"]
    )


def test_a_trial_that_does_worse_by_the_same_epoch_ends_early(study):
    _, content, _ = study("loud", "--trials", "5")
    pruned = [each for each in content["trials"] if each["state"] == "pruned"]
    assert pruned
    assert all(3 <= each["epochs"] < 6 for each in pruned)
    assert content["best"]["state"] == "complete"
    assert content["best"]["value"] < min(each["value"] for each in pruned)


def test_a_trial_that_cannot_be_built_fails_and_the_study_goes_on(study):
    code, content, err = study("picky", "--trials", "4")
    failed = [each for each in content["trials"] if each["state"] == "failed"]
    assert failed
    assert len(failed) < 4
    assert (code, content["best"]["state"]) == (1, "complete")
    assert f"trial {failed[0]['number']}, {failed[0]['model']}: " in err
    assert "too wide for this machine" in err


def test_a_model_whose_first_trial_fails_is_not_tried_again_and_again(study):
    code, content, err = study("loud", "--trials", "9", "--timeout", "0.000001")
    assert (code, len(content["trials"]), content["best"]) == (1, 1, None)
    assert "out of time" in err
    code, content, _ = study("loud", "--trials", "1")
    assert (code, content["trials"][0]["state"]) == (0, "complete")


def test_a_trial_reaches_no_slice_of_the_test_part(study, tumorbench, tiny, monkeypatch):
    """The model looks through all objects of its process and all files that its job names; in a run it finds them."""
    seen = {}
    for name in ("trial", "run"):
        monkeypatch.setenv("SPY_FILE", str(tiny / f"{name}.json"))
        if name == "trial":
            code, _, err = study("spy", "--trials", "1", executor="local")
            assert code == 0, err
        else:
            ran = tumorbench("run", "-d", "tiny-shapes", "-m", "spy", "--protocol", "grouped", "--no-throughput")
            assert ran.code == 0, ran.out
        seen[name] = json.loads((tiny / f"{name}.json").read_text())
    (path,) = (tiny / "runs/splits/tiny-shapes").glob("grouped-fold0-*.json")
    split = json.loads(path.read_text())
    given, test = {*split["train"], *split["val"]}, set(split["test"])
    assert test <= set(seen["run"]["samples"])
    assert len(test) in seen["run"]["tested"]
    trial = seen["trial"]
    assert (set(trial["samples"]), set(trial["ids"]), set(trial["tested"])) == (given, given, {0})
    assert trial["rows"] == [len(given)] * 2  # images and masks
    assert not test & set(trial["keys"])


def test_what_a_trial_was_given_is_gone_when_the_study_has_ended(study, tiny):
    study("tiny-classifier", "--trials", "1")
    assert list((tiny / "runs/tuning").rglob("study.db"))
    assert not list((tiny / "runs/tuning").rglob("*.npy"))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--objective", "val_dice"), "--objective val_dice is not measured for classification; give one of val_loss"),
        (("--trials", "0"), "--trials 0 is not a number from 1 to 10000"),
        (("--protocol", "external"), "tune does not run under the protocol external; give --protocol grouped"),
        (("--fold", "7"), "--fold 7 is not one of the 5 folds"),
        (("--executor", "nowhere"), "no executor is called 'nowhere'"),
    ],
)
def test_what_cannot_be_tuned_is_told_in_one_line(study, options, line):
    code, _, err = study("tiny-classifier", *options)
    assert code == 2
    assert err.startswith(f"tumorbench: {line}")
    assert err.count("\n") == 1


def test_a_study_on_which_another_process_is_at_work_is_left_alone(study, tiny):
    study("tiny-classifier", "--trials", "1")
    (folder,) = {path.parent for path in (tiny / "runs/tuning").rglob("study.db")}
    with _alone(folder):
        code, _, err = study("tiny-classifier", "--trials", "2")
    assert (code, "another process is at work on the study" in err) == (2, True)


def test_a_killed_study_ends_with_the_trials_of_an_uninterrupted_one(tumorbench_process, tmp_path):
    command = ("tune", "tiny-tuned", "-d", "tiny-shapes", "--trials", "2", "--device", "cpu", "--json")
    killed = tumorbench_process(*command, "--store", "killed")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("killed/tuning/**/trials/0001/**/worker.log")):
        assert time.monotonic() < deadline, "no second trial has begun in 120 s"
        assert killed.poll() is None, killed.communicate()[1]
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    contents = []
    for store in ("killed", "whole"):
        process = tumorbench_process(*command, "--store", store)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        contents.append(json.loads(out))
    assert contents[0]["trials"] == contents[1]["trials"]
    assert len(contents[0]["trials"]) == 2
