"""Small data sets to damage, and what a refusal is: one line that says what, where and how to mend it, exit code 2, and nothing half-made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

FIGSHARE_ARCHIVES = {"1-766": 1, "767-1532": 767, "1533-2298": 1533, "2299-3064": 2299}  # name: first slice


@pytest.fixture
def refusal(tumorbench, tiny):
    """The one line with which a command line refuses; no record, no half-decoded cache and no partial file is left."""

    def call(*arguments: str) -> str:
        result = tumorbench(*arguments)
        assert result.code == 2, (result.out, result.err)
        assert result.out == ""
        *progress, line = result.err.splitlines()
        assert not [other for other in progress if other.startswith("tumorbench:")]
        assert "Traceback" not in result.err
        assert line.startswith("tumorbench: ")
        left = [path for path in tiny.rglob("*") if path.suffix in (".tmp", ".part") or path.name.startswith("tmp")]
        decoded = [
            path
            for path in (tiny / "cache").rglob("*")
            if path.is_file() and (path.suffix != ".lock" or path.stat().st_size)
        ]  # an empty lock is no data
        records = list((tiny / "runs").rglob("record.json")) if (tiny / "runs").is_dir() else []
        assert (left, decoded, records) == ([], [], [])
        return line.removeprefix("tumorbench: ")

    return call


def picture(seed: int, shape: tuple[int, int] = (40, 36)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, shape, np.uint8))


@pytest.fixture
def yesno(tiny) -> Path:
    """A small folder in the layout of yesno253."""
    folder = tiny / "data/yesno253"
    for seed in range(20):
        path = folder / ("no" if seed % 2 else "yes") / f"{seed}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(path)
    return folder


@pytest.fixture
def converted(tiny) -> Path:
    """A small folder in the layout of the converted figshare3064."""
    folder = tiny / "data/figshare3064"
    rows = ["image,label,label_name,pid,pid_group,cv_fold"]
    for number in range(1, 7):
        for kind, image, suffix in (
            ("images", picture(number), "jpg"),
            ("masks", Image.new("L", (36, 40), 255), "png"),
        ):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            image.save(folder / kind / f"{number}.{suffix}")
        rows.append(f"{number},{1 + number % 3},name,{number},{number},1")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def archives(tiny) -> Path:
    """A small folder in the official layout of figshare3064: four zips of MATLAB v7.3 files."""
    folder = tiny / "data/figshare3064"
    folder.mkdir(parents=True)
    for name, first in FIGSHARE_ARCHIVES.items():
        with zipfile.ZipFile(folder / f"brainTumorDataPublic_{name}.zip", "w") as zipped:
            for number in range(first, first + 3):
                zipped.writestr(f"{number}.mat", mat_bytes(number))
    return folder


def mat_bytes(number: int, mask_shape: tuple[int, int] = (24, 20)) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["cjdata/PID"] = np.array([[ord(letter)] for letter in str(100000 + number)], np.uint16)
        file["cjdata/label"] = np.array([[1.0 + number % 3]])
        file["cjdata/image"] = np.random.default_rng(number).integers(0, 900, (24, 20)).astype(np.int16)
        file["cjdata/tumorMask"] = np.ones(mask_shape, np.uint8)
    return buffer.getvalue()


@pytest.fixture
def mat() -> Callable[..., bytes]:
    """Makes one file of the archives: ``mat(NUMBER)``, or ``mat(NUMBER, MASK_SHAPE)``."""
    return mat_bytes


@pytest.fixture
def run_on() -> Callable[..., tuple[str, ...]]:
    """The command line that runs a model on the data set in a folder."""

    def arguments(folder: Path, model: str = "tiny-classifier") -> tuple[str, ...]:
        return (
            "run",
            "-d",
            folder.name,
            "-m",
            model,
            "--protocol",
            "grouped",
            "--data-root",
            str(folder.parent),
            "--no-throughput",
        )

    return arguments
