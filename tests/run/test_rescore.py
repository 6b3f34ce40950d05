"""A metric that comes later is computed from what is stored: no cell is trained again, and none becomes another one."""

from __future__ import annotations

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")
METRIC = """
import tumorbench as tb

@tb.hookimpl
def tumorbench_metrics():
    yield tb.MetricSpec(
        id="late", title="A late metric", task="classification", version="{version}", higher_is_better=True,
        value_range=(0.0, 1.0), factory="late_metric:late",
    )

def late(labels, probabilities, classes):
    {body}
"""


def install_metric(install_plugin, version="1", body="return {'late': float(probabilities.max(1).mean())}"):
    install_plugin("late-metric", late_metric=METRIC.format(version=version, body=body))


def record_of(tmp_path, model="tiny-classifier") -> dict:
    (path,) = tmp_path.glob(f"runs/cells/tiny-shapes/{model}/*/record.json")
    return json.loads(path.read_text())


def value(record: dict, name: str) -> float:
    return next(metric["value"] for metric in record["metrics"] if metric["name"] == name)


@pytest.mark.parametrize("command", ["run", "rescore"])
def test_a_metric_that_is_installed_later_is_computed_without_training(tumorbench, tmp_path, install_plugin, command):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    before = record_of(tmp_path)
    install_metric(install_plugin)
    planned = json.loads(tumorbench("plan", *SELECTION[:-1], "-m", "tiny-classifier", "--json").out)
    assert [(cell["status"], cell["reason"]) for cell in planned] == [
        ("cached", "will be scored by late, without training")
    ]
    again = tumorbench(command, *((*SELECTION, "-m", "tiny-classifier") if command == "run" else ()))
    assert again.code == 0, again.err
    assert "epoch" not in again.err
    after = record_of(tmp_path)
    (table,) = tmp_path.glob("runs/cells/tiny-shapes/tiny-classifier/*/predictions.parquet")
    frame = pd.read_parquet(table)
    expected = frame[[name for name in frame if name.startswith("p/")]].max(axis=1).mean()
    assert value(after, "late") == pytest.approx(expected, abs=1e-6)
    assert {"metric": "late", "version": "1", "plugin": "late-metric"}.items() <= after["instruments"][-1].items()
    assert {name: after[name] for name in ("cell_key", "started_at", "history", "artifacts", "timing")} == {
        name: before[name] for name in ("cell_key", "started_at", "history", "artifacts", "timing")
    }
    assert [metric["name"] for metric in after["metrics"]] == [metric["name"] for metric in before["metrics"]] + [
        "late"
    ]


def test_a_new_version_of_a_metric_replaces_its_value(tumorbench, tmp_path, install_plugin):
    install_metric(install_plugin)
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    assert 0 < value(record_of(tmp_path), "late") < 1
    install_metric(install_plugin, version="2", body="return {'late': 0.25}")
    assert tumorbench("rescore").code == 0
    record = record_of(tmp_path)
    assert value(record, "late") == 0.25
    assert [each["version"] for each in record["instruments"] if each["metric"] == "late"] == ["2"]


def test_a_metric_that_is_removed_leaves_its_value_and_makes_nothing_to_run(
    tumorbench, tmp_path, install_plugin, monkeypatch
):
    folder = install_plugin("late-metric", late_metric=METRIC.format(version="1", body="return {'late': 0.5}"))
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    monkeypatch.setattr("sys.path", [each for each in __import__("sys").path if each != str(folder)])
    planned = json.loads(tumorbench("plan", *SELECTION[:-1], "-m", "tiny-classifier", "--json").out)
    assert [(cell["status"], cell["reason"]) for cell in planned] == [("cached", "")]
    assert value(record_of(tmp_path), "late") == 0.5
    tumorbench("publish")
    verified = tumorbench("verify")
    assert verified.code == 0, verified.err
    assert "late" in verified.out + verified.err


@pytest.mark.parametrize("body", ["raise SystemExit(0)", "raise ZeroDivisionError('a fault')", "return None"])
def test_a_metric_that_breaks_costs_its_own_value_only(tumorbench, tmp_path, install_plugin, body):
    install_metric(install_plugin, body=body)
    result = tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    record = record_of(tmp_path)
    assert (result.code, record["status"]) == (0, "ok"), record["reason"]
    (late,) = (each for each in record["instruments"] if each["metric"] == "late")
    assert late["reason"]
    assert value(record, "accuracy") > 0.3


def test_predictions_that_were_changed_are_not_scored(tumorbench, tmp_path, install_plugin):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    (table,) = tmp_path.glob("runs/cells/tiny-shapes/tiny-classifier/*/predictions.parquet")
    table.write_bytes(table.read_bytes()[:-1])
    install_metric(install_plugin)
    result = tumorbench("rescore", "--json")
    assert result.code == 1
    assert "was changed after its record" in json.loads(result.out)[0]["reason"]
