"""Downloads from Kaggle, as kagglehub does them, from a local HTTP server."""

from __future__ import annotations

import gc
import io
import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tumorbench import BadInput
from tumorbench.data.fetch import fetch

KAGGLEHUB_CHUNK_BYTES = 1 << 20  # kagglehub writes in such steps


def zipped_tiny(tiny: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(
            "LICENCE", np.random.default_rng(1).bytes(3 * KAGGLEHUB_CHUNK_BYTES)
        )  # so that the archive has several steps
        for path in sorted(tiny.rglob("*.png")):
            zipped.write(path, path.relative_to(tiny).as_posix())
    return archive.getvalue()


@pytest.fixture
def kaggle(server, write_tiny, tmp_path, monkeypatch) -> Iterator[object]:
    """kagglehub, as installed, asks the local server: it is told that Kaggle is http://localhost, and reaches that through a proxy."""
    for name in [name for name in os.environ if name.startswith("KAGGLE")] + ["no_proxy", "NO_PROXY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # nobody's account
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://localhost/api/v1/datasets.DatasetApiService/DownloadDataset"] = zipped_tiny(
        write_tiny(tmp_path / "original")
    )
    yield server
    with warnings.catch_warnings(
        action="ignore", category=ResourceWarning
    ):  # kagglehub leaves broken connections to the garbage collector
        gc.collect()


def test_a_kaggle_set_is_counted_and_moved_into_its_folder(kaggle, tmp_path, capfd, listing, kaggle_spec):
    root = tmp_path / "root"
    folder = fetch(kaggle_spec, root, progress=False)
    assert (listing(root), listing(folder), listing(folder / "cat")) == (
        ["tiny"],
        ["LICENCE", "cat", "dog"],
        ["0.png", "1.png"],
    )
    assert "KAGGLEHUB_CACHE" not in os.environ
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_broken_kaggle_download_is_continued_by_the_next_call(kaggle, tmp_path, listing, kaggle_spec):
    root, kaggle.drops = tmp_path / "root", [2 * KAGGLEHUB_CHUNK_BYTES]
    with pytest.raises(BadInput, match=r"tiny from Kaggle \(owner/tiny/versions/1\)") as caught:
        fetch(kaggle_spec, root, progress=False)
    assert ("\n" in str(caught.value), listing(root)) == (False, ["tiny.part"])
    assert listing(fetch(kaggle_spec, root, progress=False)) == ["LICENCE", "cat", "dog"]
    assert kaggle.requests[-1] == ("GET", f"bytes={2 * KAGGLEHUB_CHUNK_BYTES}-")


def test_a_kaggle_set_that_is_gone_is_one_line(kaggle, tmp_path, kaggle_spec):
    kaggle.files.clear()
    with pytest.raises(BadInput, match="404") as caught:
        fetch(kaggle_spec, tmp_path / "root", progress=False)
    assert ("\n" in str(caught.value), (tmp_path / "root" / "tiny").exists()) == (False, False)


def test_a_kaggle_set_with_other_counts_is_not_kept(kaggle, tmp_path, spec_of, published, listing):
    with pytest.raises(BadInput, match="all cat: 2 of 3 published"):
        fetch(spec_of(kaggle="owner/tiny/versions/1", cats=3), tmp_path / "root", progress=False)
    assert listing(tmp_path / "root") == []


def test_kaggle_out_of_reach_is_one_line_and_leaves_nothing(kaggle, tmp_path, monkeypatch, listing, kaggle_spec):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"tiny from Kaggle .*refused.*unpack a manual download") as caught:
        fetch(kaggle_spec, tmp_path / "root", progress=False)
    assert ("\n" in str(caught.value), listing(tmp_path / "root")) == (False, [])


def test_an_incomplete_folder_of_the_user_is_never_touched(
    kaggle, tmp_path, published, listing, write_tiny, kaggle_spec
):
    (write_tiny(tmp_path / "root" / "tiny") / "cat" / "1.png").unlink()
    with pytest.raises(BadInput, match=r"all cat: 1 of 2 published.*move .* away"):
        fetch(kaggle_spec, tmp_path / "root", progress=False)
    assert (listing(tmp_path / "root" / "tiny" / "cat"), kaggle.requests) == (["0.png"], [])
