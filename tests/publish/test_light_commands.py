"""What reads records, and nothing else, loads no torch: it answers at once, and on a machine that has none."""

import subprocess
import sys
from pathlib import Path

import pytest
from published_cells import copy_quick_cells

MODELS = (
    "figshare3064/pose-cnn",
    "figshare3064/pose-unet",
    "figshare3064/timm--tf_efficientnet_lite0",
    "kaggle3264/robles-cvae",
)
PROGRAM = """
import sys
from tumorbench.cli import main

try:
    main(sys.argv[1:])
except SystemExit as leaving:
    loaded = {"torch", "torchvision", "timm"} & set(sys.modules)
    sys.exit(f"{sorted(loaded)} is loaded" if loaded else leaving.code)
"""


@pytest.fixture
def small_store(tmp_path) -> Path:
    """A folder ``results`` with some of the published records: a classifier's, a segmenter's, a generator's."""
    return copy_quick_cells(tmp_path / "results", *MODELS)


def called(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("leaderboard", "--published", "."),
        ("show", "RECORD"),
        ("compare", "pose-cnn", "timm/tf_efficientnet_lite0", "--store", "results"),
        ("publish", "--store", "results", "--published", "elsewhere"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_reads_records_loads_no_torch(small_store, arguments):
    record = str(min(small_store.glob("cells/**/record.json")))
    result = called(small_store.parent, *(record if each == "RECORD" else each for each in arguments))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_verify_scores_predictions_without_torch(small_store):
    folder = small_store.parent
    assert called(folder, "leaderboard", "--published", ".").returncode == 0
    result = called(folder, "verify", "--published", ".")
    assert (result.returncode, result.stderr) == (0, "")
    count = len(list(small_store.glob("cells/**/record.json")))
    assert result.stdout.splitlines()[-1] == f"{count} records checked, 0 files with problems"
