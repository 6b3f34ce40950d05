"""The check of what is on disk."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorbench import DatasetSpec, Unavailable
from tumorbench.data.fetch import verify


def checked(spec: DatasetSpec, root: Path):
    return verify(spec, root)


def test_a_sound_copy_verifies(tmp_path, write_tiny, kaggle_spec):
    write_tiny(tmp_path / "tiny")
    outcome = checked(kaggle_spec, tmp_path)
    assert (outcome.ok, outcome.problems, outcome.counts, outcome.decoded) == (
        True,
        (),
        {"all": {"cat": 2, "dog": 1}},
        3,
    )


def test_a_truncated_image_is_named_and_the_others_are_still_read(tmp_path, write_tiny, kaggle_spec):
    path = write_tiny(tmp_path / "tiny") / "cat" / "0.png"
    path.write_bytes(path.read_bytes()[:45])
    outcome = checked(kaggle_spec, tmp_path)
    assert (outcome.ok, len(outcome.problems), outcome.decoded) == (False, 1, 2)
    assert outcome.problems[0].startswith(f"{path} cannot be decoded")


def test_a_mask_of_another_size_names_both_files_and_sizes(tmp_path, write_tiny, kaggle_spec):
    folder = write_tiny(tmp_path / "tiny")
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(folder / "dog" / "0-mask.png")
    (problem,) = checked(kaggle_spec, tmp_path).problems
    assert (
        problem
        == f"mask {folder / 'dog/0-mask.png'} is 5x4, but its image {folder / 'dog/0.png'} is 6x4 (width x height); "
        "replace the mask or fetch the data set again"
    )


def test_the_number_that_a_series_lacks_is_named(tmp_path, spec_of, published, write_tiny):
    folder = write_tiny(tmp_path / "tiny") / "cat"
    (folder / "1.png").rename(folder / "3.png")
    (folder / "0.png").rename(folder / "cat_1.png")
    assert checked(spec_of(cats=3), tmp_path).problems == ("tiny all cat: 2 of 3 published; the series 1..3 lacks 2",)


def test_missing_files_are_counted_where_the_names_are_no_series(tmp_path, spec_of, published, write_tiny):
    folder = write_tiny(tmp_path / "tiny") / "cat"
    (folder / "1.png").rename(folder / "77.png")
    assert checked(spec_of(cats=3), tmp_path).problems == ("tiny all cat: 2 of 3 published",)


def test_source_files_are_hashed_and_unfinished_ones_named(server, tmp_path, spec_of, published, write_tiny):
    folder = write_tiny(tmp_path / "tiny")
    (folder / "a.bin").write_bytes(b"?" * len(server.content))
    (folder / "a.bin.part").write_bytes(b"")
    outcome = checked(spec_of(published(server)), tmp_path)
    assert [re.sub(r".*/", "", problem.split(" ")[0]) for problem in outcome.problems] == ["a.bin.part", "a.bin"]
    assert "does not have the published hash" in outcome.problems[1]
    assert outcome.hashed == 1


def test_a_set_that_is_not_there_cannot_be_verified(tmp_path, kaggle_spec):
    with pytest.raises(Unavailable):
        checked(kaggle_spec, tmp_path)
