"""The audit counts what leaks on every split that a run would use, the publication's own folds among them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folded(tmp_path):
    """figshare3064 with 30 patients in the author's folds, of whom the first two are one person in two folds."""
    folder, rng = tmp_path / "figshare3064", np.random.default_rng(0)
    rows = ["image,label,pid,pid_group,cv_fold"]
    for number in range(1, 31):
        for name, pixels in (
            (f"images/{number}.jpg", rng.integers(0, 255, (9, 8))),
            (f"masks/{number}.png", np.eye(9, 8)),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        person = max(number, 2)
        rows.append(f"{number},{1 + person % 3},{number},{person},{1 + number % 5}")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return tmp_path


def test_each_fold_of_the_publication_has_a_row_with_the_groups_that_straddle_it(tumorbench, folded):
    report = json.loads(tumorbench("data", "audit", "figshare3064", "--json", "--data-root", folded).out)
    rows = {row["split"]: row for row in report["splits"]}
    shared = {fold: rows[f"official fold {fold}"]["groups_on_both_sides"] for fold in range(5)}
    assert shared == {0: 0, 1: 1, 2: 1, 3: 0, 4: 0}
    assert rows["grouped fold 0"]["groups_on_both_sides"] == 0
    assert report["independent_groups"] == 29


def test_a_paper_s_split_of_a_larger_copy_is_told_and_stops_no_other(tumorbench, folded):
    lines = tumorbench("data", "audit", "figshare3064", "--data-root", folded).out.splitlines()
    (told,) = [line for line in lines if line.startswith("not possible: paper of pose-cnn: ")]
    assert told.endswith("complete the data set")
    assert any(line.startswith("grouped fold 0") for line in lines)


def test_a_copy_that_lacks_the_folds_is_audited_without_them(tumorbench, folded):
    table = folded / "figshare3064/metadata.csv"
    table.write_text("\n".join(line.rpartition(",")[0] for line in table.read_text().splitlines()))
    report = json.loads(tumorbench("data", "audit", "figshare3064", "--json", "--data-root", folded).out)
    assert not [row for row in report["splits"] if row["split"].startswith("official")]
