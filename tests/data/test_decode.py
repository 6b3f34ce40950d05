"""A data set is decoded once, keyed by content, and nothing broken is taken for whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tumorbench as tb
from tumorbench.data import decode, reading
from tumorbench.errors import BadInput

decoded_files: list[str] = []


class Folder(tb.Dataset):
    """Pictures and masks in two folders."""

    def samples(self):
        names = sorted(path.name for path in (self.root / "images").iterdir())
        return [
            tb.Sample(
                name, int(name[0]), f"images/{name}", f"masks/{name}" if (self.root / "masks" / name).exists() else None
            )
            for name in names
        ]

    def read_image(self, sample):
        decoded_files.append(sample.id)
        return super().read_image(sample)


@pytest.fixture
def spec(monkeypatch) -> tb.DatasetSpec:
    monkeypatch.setattr(reading, "load", lambda _path: Folder)
    return tb.DatasetSpec(
        id="folder", title="t", version="1", tasks=("segmentation",), classes=("a", "b"), mask_classes=("tumour",), licence="MIT", citation="none",
        source=tb.Source(homepage="none"), patients_known=False, counts={"all": {"a": 1, "b": 1}}, factory="folder:Folder",
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    decoded_files.clear()
    for name, shape in (("0-wide.png", (40, 60)), ("1-tall.png", (64, 48))):
        for kind in ("images", "masks"):
            folder = tmp_path / "folder" / kind
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape) % 251
            Image.fromarray((pixels if kind == "images" else 255 * (pixels > 200)).astype(np.uint8)).save(folder / name)
    return tmp_path


def test_slices_keep_their_native_pixels(spec, root):
    decoded = decode.decode(spec, root, root / "cache")
    with Image.open(root / "folder/images/1-tall.png") as picture:
        np.testing.assert_array_equal(decoded.image(1), np.asarray(picture))


def test_masks_stay_binary_when_resized(spec, root):
    masks = decode.decode(spec, root, root / "cache").masks(32)
    assert masks.shape == (2, 32, 32)
    assert set(np.unique(masks)) == {0, 1}


def test_a_second_run_decodes_nothing(spec, root):
    first = decode.decode(spec, root, root / "cache")
    assert len(decoded_files) == 2
    second = decode.decode(spec, root, root / "cache")
    assert len(decoded_files) == 2
    assert second.fingerprint == first.fingerprint
    np.testing.assert_array_equal(second.images(16), first.images(16))


def test_changed_pixels_change_the_fingerprint(spec, root):
    before = decode.decode(spec, root, root / "cache").fingerprint
    Image.fromarray(np.full((40, 60), 7, np.uint8)).save(root / "folder/images/0-wide.png")
    assert decode.decode(spec, root, root / "cache").fingerprint != before


def test_a_touched_but_equal_file_keeps_the_fingerprint(spec, root):
    before = decode.decode(spec, root, root / "cache").fingerprint
    os.utime(root / "folder/images/0-wide.png", (1, 1))
    assert decode.decode(spec, root, root / "cache").fingerprint == before


def test_a_corrupt_picture_is_named_and_nothing_half_decoded_stays(spec, root):
    path = root / "folder/images/1-tall.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(BadInput, match=r"1-tall\.png cannot be decoded"):
        decode.decode(spec, root, root / "cache")
    assert list((root / "cache/folder").iterdir()) == []


def test_a_mask_of_the_wrong_size_names_both_files_and_sizes(spec, root):
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(root / "folder/masks/0-wide.png")
    with pytest.raises(
        BadInput, match=r"mask .*/masks/0-wide\.png is 10x10, but its image .*/images/0-wide\.png is 60x40 \(width"
    ):
        decode.decode(spec, root, root / "cache")


def test_an_empty_class_is_named(spec, root):
    (root / "folder/images/1-tall.png").unlink()
    with pytest.raises(BadInput, match="no sample of class b"):
        decode.decode(spec, root, root / "cache")


def test_a_slice_without_a_mask_is_background(spec, root):
    (root / "folder/masks/0-wide.png").unlink()
    masks = decode.decode(spec, root, root / "cache").masks(32)
    assert masks[0].sum() == 0
    assert masks[1].sum() > 0


def test_a_data_set_of_one_size_is_not_copied(spec, root):
    for name in ("0-wide.png", "1-tall.png"):
        for kind in ("images", "masks"):
            Image.fromarray(np.eye(24, dtype=np.uint8)).save(root / "folder" / kind / name)
    decoded = decode.decode(spec, root, root / "cache")
    assert decoded.images(24).shape == (2, 24, 24)
    assert not (decoded.cache / "images-24.npy").exists()


def test_a_cache_that_lost_a_file_or_a_part_of_it_is_decoded_again(spec, root):
    decoded = decode.decode(spec, root, root / "cache")
    expected = decoded.image(1).tolist()
    for damage in (lambda path: path.write_bytes(path.read_bytes()[:100]), Path.unlink):
        damage(decoded.cache / "images.bin")
        assert decode.decode(spec, root, root / "cache").image(1).tolist() == expected
    (decoded.cache / "index.json").write_text("[")
    assert decode.decode(spec, root, root / "cache").image(1).tolist() == expected


def test_a_pipe_among_the_files_is_named_and_never_opened(spec, root):
    path = root / "folder/images/0-pipe.png"
    os.mkfifo(path)
    with pytest.raises(BadInput, match=r"0-pipe\.png is a named pipe, not a file"):
        decode.decode(spec, root, root / "cache")


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tumorbench import registry
from tumorbench.data.decode import decode
from tumorbench.errors import BadInput

root = Path(sys.argv[2])
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))  # no file can grow beyond: as where the disk is full
try:
    decode(registry.find().dataset("tiny-shapes"), root, root / "cache")
except BadInput as error:
    print(error)
print(sorted(path.name for path in (root / "cache/tiny-shapes").iterdir()))
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(len(decode(registry.find().dataset("tiny-shapes"), root, root / "cache").samples))
"""


def test_a_disk_that_fills_is_named_and_the_same_command_finishes_when_there_is_room(tiny_site, tmp_path):
    called = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tiny_site), str(tmp_path)], capture_output=True, text=True, check=True
    )
    line, left, samples = called.stdout.splitlines()
    assert line == (
        f"{tmp_path / 'cache/tiny-shapes'} cannot be written (File too large); make room there, or name another folder for the "
        "cache in TUMORBENCH_CACHE, then run the same command again"
    )
    assert (left, samples) == ("[]", "180")


def at_once(count, call):
    """What ``call`` gives in so many threads that begin together."""
    gate, found = threading.Barrier(count), []

    def run():
        gate.wait()
        found.append(call())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_set_that_several_want_at_once_is_decoded_once(spec, root):
    found = at_once(4, lambda: decode.decode(spec, root, root / "cache").fingerprint)
    assert (len(found), len(set(found)), len(decoded_files)) == (4, 1, 2)


def test_what_a_killed_process_left_is_cleared(spec, root):
    left = root / "cache/folder/decoding.tmp"
    left.mkdir(parents=True)
    (left / "images.bin").write_bytes(b"half")
    decoded = decode.decode(spec, root, root / "cache")
    assert not left.exists()
    assert decoded.image(0).shape == (40, 60)


def test_the_cache_has_the_permissions_of_any_new_folder(spec, root):
    before = os.umask(0o027)
    try:
        cache = decode.decode(spec, root, root / "cache").cache
    finally:
        os.umask(before)
    modes = {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in (cache, cache / "index.json", *cache.parent.glob("*.json"))
    }
    assert set(modes.values()) == {"0o750", "0o640"}
    assert modes[cache.name] == "0o750"
