"""Whatever is wrong with what a user gives: one line that says what, where and how to mend it, exit code 2, and nothing half-made."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

FIGSHARE_ARCHIVES = {"1-766": 1, "767-1532": 767, "1533-2298": 1533, "2299-3064": 2299}  # name: first slice
RUN = ("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")

pytestmark = pytest.mark.usefixtures("tiny")


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
        decoded = [path for path in (tiny / "cache").rglob("*") if path.is_file()]
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
        for kind, image, suffix in (("images", picture(number), "jpg"), ("masks", Image.new("L", (36, 40), 255), "png")):
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
                zipped.writestr(f"{number}.mat", mat(number))
    return folder


def mat(number: int, mask_shape: tuple[int, int] = (24, 20)) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["cjdata/PID"] = np.array([[ord(letter)] for letter in str(100000 + number)], np.uint16)
        file["cjdata/label"] = np.array([[1.0 + number % 3]])
        file["cjdata/image"] = np.random.default_rng(number).integers(0, 900, (24, 20)).astype(np.int16)
        file["cjdata/tumorMask"] = np.ones(mask_shape, np.uint8)
    return buffer.getvalue()


def run_on(folder: Path, model: str = "tiny-classifier") -> tuple[str, ...]:
    return ("run", "-d", folder.name, "-m", model, "--protocol", "grouped", "--data-root", str(folder.parent), "--no-throughput")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("run", "-d", "tiny-shapes", "-m", "tiny-clasifier"), "no model is called 'tiny-clasifier'; did you mean tiny-classifier?"),
        (("run", "-d", "tiny-shape", "-m", "tiny-classifier"), "no data set is called 'tiny-shape'; did you mean tiny-shapes?"),
        (("info", "figshare"), "no data set or model is called 'figshare'; did you mean figshare3064?"),
        (("data", "fetch", "kaggle7032"), "no data set is called 'kaggle7032'; did you mean kaggle7023?"),
        (("compare", "pose-cnnn", "pose-unet"), "no model is called 'pose-cnnn'; did you mean pose-cnn?"),
        ((*RUN, "--seeds", "0"), "--seeds 0 runs nothing; give 1 or more"),
        ((*RUN, "--seeds", "-1"), "--seeds -1 runs nothing; give 1 or more"),
        ((*RUN, "--fold", "9"), "--fold 9 is not one of the 5 folds 0 to 4"),
        ((*RUN, "--budget", "huge"), "--budget huge is unknown; give one of full, quick"),
        ((*RUN, "--protocol", "best"), "--protocol best is unknown; give one of paper, official, grouped"),
        ((*RUN, "--executor", "ray"), "executor 'ray' is not installed; this version runs with --executor local"),
        ((*RUN, "--device", "tpu"), "device 'tpu' is not known; use auto, cuda or cpu"),
        ((*RUN, "--timeout", "-1"), "--timeout -1 leaves a cell no time; give seconds, or leave it out"),
        (("run", "-d", "phantom", "-m", "pose-cnn", "--protocol", "official"), "no cell fits phantom with pose-cnn under protocol official"),
        (("run", "-d", "yesno253", "-m", "pose-unet"), "no cell fits yesno253 with pose-unet: no model has a task of the data set"),
        (("run",), "nothing is selected; name data sets (-d) and models (-m), or give --all"),
        ((*RUN, "-m", "tiny-classifier[depth=2]"), "tiny-classifier has no parameter 'depth'; it has width"),
        ((*RUN, "-m", "tiny-classifier[width=wide]"), "tiny-classifier[width] is of type int, not 'wide'"),
        ((*RUN, "-m", "pose-cnn[dropout=nan]"), "pose-cnn[dropout] is a finite number, not 'nan'"),
        ((*RUN, "-m", "tiny-classifier[width=8"), "tiny-classifier[width=8 has an opening bracket and no closing one"),
        (("run", "-d", "kaggle7023", "-m", "tiny-classifier"), "kaggle7023 is not in"),
        (("show", "0123"), "no record in runs has a cell key that begins with '0123'"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_wrong_argument_is_refused_with_what_would_be_right(refusal, arguments, line):
    assert refusal(*arguments).startswith(line)


def test_cuda_is_refused_where_there_is_none(refusal):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU, so that --device cuda is right")
    assert refusal(*RUN, "--device", "cuda") == "device cuda: torch finds no usable CUDA GPU on this machine; use --device cpu or --device auto"


@pytest.mark.parametrize("command", [RUN, ("plan", "--all"), ("data", "verify", "yesno253"), ("info", "yesno253")], ids=lambda command: command[0])
def test_a_data_root_that_is_no_folder_is_named_with_where_it_came_from(refusal, tiny, monkeypatch, command):
    (tiny / "a-file").touch()
    for root in (tiny / "nowhere", tiny / "a-file"):
        monkeypatch.setenv("TUMORBENCH_DATA", str(root))
        assert refusal(*command) == (
            f"the data root {root} (--data-root or TUMORBENCH_DATA) is not a folder; name the folder that holds one folder per data set"
        )


def test_a_corrupt_jpeg_is_named(refusal, yesno):
    path = yesno / "yes/6.jpg"
    path.write_bytes(path.read_bytes()[:300])
    assert re.fullmatch(rf"{re.escape(str(path))} cannot be decoded \(.*\); fetch the data set again or replace the file", refusal(*run_on(yesno)))


def test_a_file_that_is_no_picture_is_named(refusal, yesno):
    (yesno / "no/7.jpg").write_text("<html>404</html>")
    assert f"{yesno / 'no/7.jpg'} cannot be decoded" in refusal(*run_on(yesno))


def test_an_empty_class_is_named(refusal, yesno):
    for path in (yesno / "no").iterdir():
        path.unlink()
    assert refusal(*run_on(yesno)) == (f"yesno253 is incomplete: {yesno / 'no'} holds no picture; remove {yesno} and run: tumorbench data fetch yesno253")


def test_a_missing_class_folder_is_named(refusal, yesno):
    (yesno / "no").rename(yesno / "nothing")
    assert f"yesno253 is incomplete: {yesno / 'no'} missing" in refusal(*run_on(yesno))


def test_a_class_with_too_few_images_for_the_folds_is_named(tumorbench, yesno):
    for path in sorted((yesno / "no").iterdir())[3:]:
        path.unlink()
    result = tumorbench(*run_on(yesno))
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(
        "tumorbench: yesno253, protocol grouped: class no has 3 independent groups (patients or distinct images), fewer than the 5 folds"
    )


def test_a_truncated_zip_is_named(refusal, archives):
    path = archives / "brainTumorDataPublic_767-1532.zip"
    path.write_bytes(path.read_bytes()[:-100])
    assert refusal(*run_on(archives)) == (
        f"{path} is truncated or no zip archive (File is not a zip file); delete it and run: tumorbench data fetch figshare3064"
    )
    assert [each.name for each in archives.glob(".listing*")] == []


def test_a_missing_zip_is_named(refusal, archives):
    (archives / "brainTumorDataPublic_1-766.zip").unlink()
    assert f"figshare3064 is incomplete: brainTumorDataPublic_1-766.zip missing in {archives}" in refusal(*run_on(archives))


def test_a_damaged_member_of_a_zip_is_named(refusal, archives):
    path = archives / "brainTumorDataPublic_1533-2298.zip"
    content = bytearray(path.read_bytes())
    content[3000:3200] = bytes(200)
    path.write_bytes(content)
    assert f"{path}!/1533.mat cannot be read (Bad CRC-32" in refusal(*run_on(archives))


def test_a_mat_mask_of_the_wrong_size_is_named(refusal, archives):
    path = archives / "brainTumorDataPublic_2299-3064.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("2299.mat", mat(2299, (24, 21)))
    assert f"{path}!/2299.mat: tumorMask is 24x21, but image is 24x20" in refusal(*run_on(archives, "tiny-segmenter"))


def test_a_mask_of_the_wrong_size_is_named_with_its_image(refusal, converted):
    Image.new("L", (36, 41), 255).save(converted / "masks/4.png")
    assert refusal(*run_on(converted, "tiny-segmenter")) == (
        f"{converted / 'masks/4.png'} is 36x41, but its image {converted / 'images/4.jpg'} is 36x40; replace the mask or fetch the data set again"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("image,label\n1,1\n", "cannot be read (KeyError: 'pid')"),
        ("image,label,label_name,pid,pid_group,cv_fold\n1,7,name,1,1,1\n", "label 7 of image 1 is not 1, 2 or 3"),
        ("image,label,label_name,pid,pid_group,cv_fold\n1,1,name,1,1,1\n9,1,name,1,1,1\n", "images/9.jpg, masks/9.png missing"),
        ("image,label,label_name,pid,pid_group,cv_fold\n", "every row missing"),
    ],
)
def test_a_wrong_metadata_table_is_named(refusal, converted, content, line):
    (converted / "metadata.csv").write_text(content)
    message = refusal(*run_on(converted))
    assert line in message
    assert str(converted) in message


def test_a_class_without_slices_is_named(refusal, converted):
    table = converted / "metadata.csv"
    table.write_text("\n".join(row for row in table.read_text().splitlines() if ",2,name," not in row))
    assert refusal(*run_on(converted)).startswith("figshare3064 has no sample of class glioma; complete the folder or fetch the data set again")


@pytest.mark.parametrize("command", [RUN, ("plan", *RUN[1:-1]), ("bench", "-d", "tiny-shapes", "-m", "tiny-classifier")], ids=lambda command: command[0])
def test_a_file_where_the_store_should_be_is_named(refusal, tiny, command):
    (tiny / "runs").write_text("mine")
    assert refusal(*command) == "the store runs cannot be used (it is not a folder); give another with --store DIR"
    assert (tiny / "runs").read_text() == "mine"


@pytest.mark.parametrize("command", ["show", "leaderboard", "compare", "replay", "publish"])
def test_a_file_where_a_store_to_read_should_be_is_named(tumorbench, tiny, command):
    (tiny / "runs").write_text("mine")
    arguments = {"compare": ("tiny-classifier", "tiny-slow"), "show": ("0",), "replay": ("0",)}.get(command, ())
    result = tumorbench(command, *arguments, "--store", "runs")
    assert (result.code, result.err) == (2, "tumorbench: the store runs cannot be used (it is not a folder); give another with --store DIR\n")


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """Where the store of the one finished cell is kept between tests."""
    return tmp_path_factory.mktemp("once") / "runs"


@pytest.fixture
def record(tumorbench, tiny, once) -> Path:
    """The record of a finished cell."""
    if not once.exists():
        assert tumorbench(*RUN).code == 0
        shutil.copytree("runs", once)
    shutil.copytree(once, "runs", dirs_exist_ok=True)
    return next(tiny.glob("runs/cells/**/record.json"))


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda text: "}garbage{", "cannot be read as a record"),
        (lambda text: text[: len(text) // 2], "cannot be read as a record"),
        (lambda text: "[]", "is no valid record"),
        (lambda text: text.replace('"status": "ok"', '"status": "fine"', 1).replace('"status":"ok"', '"status":"fine"', 1), "is no valid record (status:"),
        (
            lambda text: json.dumps(json.loads(text) | {"schema_version": 99}),
            "has schema version 99, this tumorbench reads up to 1; install a newer tumorbench",
        ),
    ],
    ids=["garbage", "half", "list", "value", "newer"],
)
@pytest.mark.parametrize("command", [RUN, ("leaderboard", "--store", "runs"), ("show", "0")], ids=lambda command: command[0])
def test_an_unreadable_record_is_named_and_left_as_it_is(tumorbench, record, damage, line, command):
    damaged = damage(record.read_text())
    record.write_text(damaged)
    result = tumorbench(*command)
    assert result.code == 2
    assert line in result.err
    assert "record.json" in result.err.splitlines()[-1]
    assert result.err.count("tumorbench: ") == 1
    assert record.read_text() == damaged


def test_an_unreadable_record_is_told_before_anything_is_computed(tumorbench, record):
    record.write_text("garbage")
    result = tumorbench(*RUN[:-1], "--fold", "1", "--no-throughput")
    assert (result.code, "epoch" in result.err) == (2, False)
    assert "cannot be read as a record" in result.err


def test_nothing_is_computed_where_one_of_the_names_is_wrong(tumorbench, tiny):
    result = tumorbench(*RUN, "-m", "tiny-clasifier")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not list(tiny.glob("runs/*"))


def test_a_path_that_cannot_be_written_is_one_line(tumorbench, tiny):
    (tiny / "a-file").touch()
    for arguments in (("new-plugin", "never-made", "--folder", "a-file"), ("data", "fetch", "yesno253", "--data-root", "a-file")):
        result = tumorbench(*arguments)
        assert (result.code, result.err.count("\n")) == (2, 1), result.err
        assert result.err.startswith("tumorbench: a-file")
