"""Pictures and masks that are unusual are read by rule, or stop the command before anything is trained, in one line."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (os.mkfifo, "is no file, but a folder, a pipe, a device or a broken link; remove it"),
        (lambda path: path.symlink_to("/dev/zero"), "is no file, but a folder, a pipe, a device or a broken link"),
        (lambda path: path.symlink_to(path), "is no file, but a folder, a pipe, a device or a broken link"),
        (lambda path: path.touch(), "is empty (0 bytes); fetch the data set again or replace the file"),
        (
            lambda path: Image.new("1", (20_000, 20_000)).save(path, "PNG"),
            "has more than 33,554,432 pixels, more than any slice; save it smaller, or remove it",
        ),
        (
            lambda path: Image.new("L", (9, 9)).save(
                path, "GIF", save_all=True, append_images=[Image.new("L", (9, 9), 200)]
            ),
            "holds 2 pictures (an animation, or pages), and a slice is one; save the one that counts",
        ),
        (
            lambda path: Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(path, "TIFF"),
            "has 81 pixels that are not finite (NaN or infinite); replace them",
        ),
    ],
)
def test_a_file_that_is_no_slice_is_named(refusal, yesno, run_on, make, line):
    make(yesno / "yes/Y1.jpg")
    assert refusal(*run_on(yesno)).startswith(f"{yesno / 'yes/Y1.jpg'} {line}")


def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_decoded(refusal, yesno, run_on):
    (yesno / "yes/6.jpg").rename(yesno / "yes/Y\udce9.jpg")
    assert refusal(*run_on(yesno)) == (
        "yesno253: samples() of tumorbench_datasets.folders:Yesno253: sample yes/Y\\udce9.jpg has a file name or id that is not "
        "UTF-8 (yes/Y\\udce9.jpg); rename the file"
    )


@pytest.mark.parametrize("values", [(0, 1, 4), (0, 85, 170, 255), (9,)])
def test_a_mask_with_labels_that_no_card_declares_is_refused_with_them(refusal, converted, run_on, values):
    Image.fromarray(np.resize(np.array(values, np.uint8), (40, 36))).save(converted / "masks/3.png")
    assert refusal(*run_on(converted, "tiny-segmenter")) == (
        f"{converted / 'masks/3.png'} is no mask: its values are {', '.join(map(str, values))}, and a mask has 0 and one "
        "other; save it so"
    )


def test_hidden_files_tiny_long_and_16_bit_pictures_do_not_stop_a_run(tumorbench, yesno, run_on):
    rng = np.random.default_rng(0)
    for name in ("._6.jpg", ".DS_Store", "Thumbs.db"):
        (yesno / "yes" / name).write_bytes(b"\0\5\x16\7")
    Image.fromarray(np.full((1, 1), 7, np.uint8)).save(yesno / "yes/one.png")
    Image.fromarray(rng.integers(0, 255, (2000, 3), np.uint8)).save(yesno / "no/long.png")
    Image.fromarray(rng.integers(0, 4000, (30, 30)).astype(np.uint16)).save(yesno / "no/deep.png")
    result = tumorbench(*run_on(yesno))
    assert result.code == 0, result.err
    assert "decoding: 23" in result.err


PLUGIN = """
import numpy as np
import tumorbench as tb


@tb.hookimpl
def tumorbench_datasets():
    yield tb.DatasetSpec(
        id="strange", title="t", version="1", tasks=("classification",), classes=("a", "b"), licence="MIT", citation="c",
        source=tb.Source(homepage="h"), patients_known=False, counts={}, factory="strange_set:Strange",
    )


class Strange(tb.Dataset):
    def samples(self):
        SAMPLES

    def read_image(self, sample):
        IMAGE
"""
TWO = "return [tb.Sample('x', 0, ''), tb.Sample('y', 1, '')]"


@pytest.mark.parametrize(
    ("samples", "image", "told"),
    [
        ("pass", "pass", "samples() of strange_set:Strange gives None, not a sequence of Sample"),
        ("raise SystemExit(0)", "pass", "samples() of strange_set:Strange raised SystemExit: 0"),
        ("raise KeyboardInterrupt", "pass", "samples() of strange_set:Strange raised KeyboardInterrupt: "),
        ("return [1 / 0]", "pass", "samples() of strange_set:Strange raised ZeroDivisionError: division by zero"),
        (TWO, "pass", "read_image of strange_set:Strange gives for sample x None, not an array"),
        (TWO, "raise SystemExit(0)", "read_image of strange_set:Strange, for sample x, raised SystemExit: 0"),
        (
            TWO,
            "return np.ones((3, 3))",
            "read_image of strange_set:Strange gives for sample x float64 (3, 3), not uint8",
        ),
    ],
)
def test_a_plugin_that_gives_no_samples_or_no_pixels_is_named(refusal, install_plugin, samples, image, told, tmp_path):
    install_plugin("strange-set", strange_set=PLUGIN.replace("SAMPLES", samples).replace("IMAGE", image))
    assert refusal("run", "-d", "strange", "-m", "tiny-classifier").startswith(f"strange: {told}")
