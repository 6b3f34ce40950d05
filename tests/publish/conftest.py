"""One run that every test here starts from, and what changes its files or reads the checks' answers."""

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MODELS = ("tiny-classifier", "tiny-segmenter", "tiny-heir", "tiny-artist")
RUN = ("run", "-d", "tiny-shapes", "--no-throughput", "--protocol", "grouped", "--protocol", "tstr")
JUDGED = ("--judge", "tiny-classifier")


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Path:
    """Where the one run and its publication are kept."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def published(tumorbench, tiny, tmp_path, kept) -> Path:
    """The folder of the published records of ``runs``, which lies beside.

    A classifier, a segmenter, a model that starts from the classifier's weights, and a generator: its images, and what
    a classifier learned from them.
    """
    if not (kept / "leaderboards").exists():
        models = [word for model in MODELS for word in ("-m", model)]
        result = tumorbench(*RUN, *models, *JUDGED)
        assert result.code == 0, result.err
        assert tumorbench("publish").code == 0
        for name in ("runs", "leaderboards"):
            shutil.copytree(tmp_path / name, kept / name)
    for name in ("runs", "leaderboards"):
        shutil.copytree(kept / name, tmp_path / name, dirs_exist_ok=True)
    return tmp_path / "leaderboards/results"


@pytest.fixture
def full_disk(monkeypatch):
    """A context in which no file of this process grows beyond so many bytes, as on a full disk."""
    monkeypatch.setattr("sys.dont_write_bytecode", True)  # a module's that is cut short would break it for later tests

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


@pytest.fixture
def path_of() -> Callable[..., Path]:
    """The record of a model below a folder: ``path_of(FOLDER, MODEL, PROTOCOL)``."""

    def find(store: Path, model: str = "tiny-classifier", protocol: str = "grouped") -> Path:
        (path,) = store.glob(f"cells/tiny-shapes/{model}/{protocol}-*/record.json")
        return path

    return find


@pytest.fixture
def change() -> Callable[..., None]:
    """Sets fields of the JSON object in a file."""

    def write(path: Path, **fields) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return write


@pytest.fixture
def problems(tumorbench) -> Callable[[], dict[str, list[str]]]:
    """What ``verify`` finds in records, by ``MODEL PROTOCOL``; boards, which a changed record makes stale, left out."""

    def verify() -> dict[str, list[str]]:
        result = tumorbench("verify", "--json")
        assert result.out, result.err
        assert result.code == 1
        found = json.loads(result.out)["problems"]
        records = {Path(path): faults for path, faults in found.items() if path.endswith("record.json")}
        return {f"{path.parts[-3]} {path.parts[-2].partition('-')[0]}": faults for path, faults in records.items()}

    return verify


@pytest.fixture
def sound(tumorbench) -> Callable[[int], bool]:
    """``sound(N)``: whether verify checked N records, found nothing wrong, and had every metric."""

    def check(records: int) -> bool:
        found = json.loads(tumorbench("verify", "--json").out)
        return (found["records"], found["problems"], found["unchecked"]) == (records, {}, {})

    return check
