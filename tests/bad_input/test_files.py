"""A file or folder of a data set that cannot be used is named, with how to mend it."""

from __future__ import annotations

import re
import zipfile

import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("tiny")


def test_a_corrupt_jpeg_is_named(refusal, yesno, run_on):
    path = yesno / "yes/6.jpg"
    path.write_bytes(path.read_bytes()[:300])
    assert re.fullmatch(
        rf"{re.escape(str(path))} cannot be decoded \(.*\); fetch the data set again or replace the file",
        refusal(*run_on(yesno)),
    )


def test_a_file_that_is_no_picture_is_named(refusal, yesno, run_on):
    (yesno / "no/7.jpg").write_text("<html>404</html>")
    assert f"{yesno / 'no/7.jpg'} cannot be decoded" in refusal(*run_on(yesno))


def test_an_empty_class_is_named(refusal, yesno, run_on):
    for path in (yesno / "no").iterdir():
        path.unlink()
    assert refusal(*run_on(yesno)) == (
        f"yesno253 is incomplete: {yesno / 'no'} holds no picture; remove {yesno} and run: tumorbench data fetch yesno253"
    )


def test_a_missing_class_folder_is_named(refusal, yesno, run_on):
    (yesno / "no").rename(yesno / "nothing")
    assert f"yesno253 is incomplete: {yesno / 'no'} missing" in refusal(*run_on(yesno))


def test_a_class_with_too_few_images_for_the_folds_is_named(tumorbench, yesno, run_on):
    for path in sorted((yesno / "no").iterdir())[3:]:
        path.unlink()
    result = tumorbench(*run_on(yesno))
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(
        "tumorbench: yesno253, protocol grouped: class no has 3 independent groups (patients or distinct images), fewer than the 5 folds"
    )


def test_a_truncated_zip_is_named(refusal, archives, run_on):
    path = archives / "brainTumorDataPublic_767-1532.zip"
    path.write_bytes(path.read_bytes()[:-100])
    assert refusal(*run_on(archives)) == (
        f"{path} is truncated or no zip archive (File is not a zip file); delete it and run: tumorbench data fetch figshare3064"
    )
    assert [each.name for each in archives.glob(".listing*")] == []


def test_a_missing_zip_is_named(refusal, archives, run_on):
    (archives / "brainTumorDataPublic_1-766.zip").unlink()
    assert f"figshare3064 is incomplete: brainTumorDataPublic_1-766.zip missing in {archives}" in refusal(
        *run_on(archives)
    )


def test_a_damaged_member_of_a_zip_is_named(refusal, archives, run_on):
    path = archives / "brainTumorDataPublic_1533-2298.zip"
    content = bytearray(path.read_bytes())
    content[3000:3200] = bytes(200)
    path.write_bytes(content)
    assert f"{path}!/1533.mat cannot be read (Bad CRC-32" in refusal(*run_on(archives))


def test_a_mat_mask_of_the_wrong_size_is_named(refusal, archives, run_on, mat):
    path = archives / "brainTumorDataPublic_2299-3064.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("2299.mat", mat(2299, (24, 21)))
    assert f"{path}!/2299.mat: tumorMask is 24x21, but image is 24x20" in refusal(*run_on(archives, "tiny-segmenter"))


def test_a_mask_of_the_wrong_size_is_named_with_its_image(refusal, converted, run_on):
    Image.new("L", (36, 41), 255).save(converted / "masks/4.png")
    assert refusal(*run_on(converted, "tiny-segmenter")) == (
        f"mask {converted / 'masks/4.png'} is 36x41, but its image {converted / 'images/4.jpg'} is 36x40 (width x height); "
        "replace the mask or fetch the data set again"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("image,label\n1,1\n", "cannot be read (KeyError: 'pid')"),
        ("image,label,label_name,pid,pid_group,cv_fold\n1,7,name,1,1,1\n", "label 7 of image 1 is not 1, 2 or 3"),
        (
            "image,label,label_name,pid,pid_group,cv_fold\n1,1,name,1,1,1\n9,1,name,1,1,1\n",
            "2 of the 4 pictures that metadata.csv lists are missing in ",
        ),
        (
            "image,label,label_name,pid,pid_group,cv_fold\n",
            "metadata.csv lists no slice; complete the converted folder",
        ),
    ],
)
def test_a_wrong_metadata_table_is_named(refusal, converted, content, line, run_on):
    (converted / "metadata.csv").write_text(content)
    message = refusal(*run_on(converted))
    assert line in message
    assert str(converted) in message


def test_a_class_without_slices_is_named(refusal, converted, run_on):
    table = converted / "metadata.csv"
    table.write_text("\n".join(row for row in table.read_text().splitlines() if ",2,name," not in row))
    assert refusal(*run_on(converted)).startswith(
        "figshare3064 has no sample of class glioma; complete the folder or fetch the data set again"
    )


def test_missing_pictures_of_the_conversion_are_counted_and_what_mends_it_is_not_a_fetch_alone(
    refusal, converted, run_on
):
    for name in ("images/5.jpg", "masks/2.png", "masks/5.png"):
        (converted / name).unlink()
    assert refusal(*run_on(converted)) == (
        f"figshare3064 is incomplete: 3 of the 12 pictures that metadata.csv lists are missing in {converted}, the first is masks/2.png; "
        f"complete the converted folder, or move {converted} away and have the four official zips there: tumorbench data fetch figshare3064"
    )
