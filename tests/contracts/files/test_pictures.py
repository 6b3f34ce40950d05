"""Every kind of picture becomes grey by the stated rule, or is refused with the reason."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorbench.contracts.files.pictures import MAX_PIXELS, read_grey, read_mask
from tumorbench.errors import BadInput

RAMP = np.arange(96, dtype=np.uint8).reshape(12, 8)


def saved(path: Path, picture, **options) -> Path:
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)
    return path


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file of that header, written by hand: Pillow writes no 16-bit colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "CMYK"])
def test_a_picture_of_eight_bits_a_channel_keeps_its_grey_values(tmp_path, mode):
    path = saved(tmp_path / f"p.{'tif' if mode == 'CMYK' else 'png'}", Image.fromarray(RAMP).convert(mode))
    assert read_grey(path).tolist() == RAMP.tolist()


def test_one_bit_is_black_and_white(tmp_path):
    path = saved(tmp_path / "p.png", RAMP > 40)
    assert read_grey(path).tolist() == (255 * (RAMP > 40)).tolist()


def test_a_palette_is_read_by_its_colours_and_its_transparent_entry_is_black(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [2, 2]], np.uint8), "P")
    picture.putpalette([10, 10, 10, 90, 90, 90, 200, 200, 200])
    assert read_grey(saved(tmp_path / "a.png", picture)).tolist() == [[10, 90], [200, 200]]
    assert read_grey(saved(tmp_path / "b.png", picture, transparency=1)).tolist() == [[10, 0], [200, 200]]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("i16.png", RAMP.astype(np.uint16) * 40),  # 12 bits in 16
        ("i16.tif", RAMP.astype(np.uint16) * 600),
        ("i16b.tif", RAMP.astype(">u2") * 600),
        ("i32.tif", RAMP.astype(np.int32) * 70_000 - 3_000_000),
        ("f32.tif", RAMP.astype(np.float32) / 1000),
    ],
)
def test_more_than_eight_bits_are_scaled_from_the_own_minimum_to_the_own_maximum(tmp_path, name, values):
    expected = np.rint(RAMP / RAMP.max() * 255).astype(np.uint8)
    assert read_grey(saved(tmp_path / name, values)).tolist() == expected.tolist()


def test_unsigned_integers_of_32_bits_do_not_wrap_around(tmp_path):
    low = saved(tmp_path / "p.tif", np.array([[0, 1], [2, 3]], np.int32))
    content = low.read_bytes()
    sample_format = struct.pack("<HHIHH", 339, 3, 1, 2, 0)  # signed, which is how Pillow writes them
    assert sample_format in content
    content = content.replace(sample_format, struct.pack("<HHIHH", 339, 3, 1, 1, 0))
    content = content.replace(struct.pack("<4I", 0, 1, 2, 3), struct.pack("<4I", 0, 1 << 30, 1 << 31, 3 << 30))
    low.write_bytes(content)
    assert read_grey(low).tolist() == [[0, 85], [170, 255]]


def test_a_constant_picture_of_16_bits_is_black(tmp_path):
    assert read_grey(saved(tmp_path / "p.png", np.full((3, 4), 4000, np.uint16))).max() == 0


@pytest.mark.parametrize(("value", "count"), [(np.nan, 1), (np.inf, 2), (-np.inf, 3)])
def test_values_that_are_not_finite_are_refused_and_counted(tmp_path, value, count):
    values = RAMP.astype(np.float32)
    values.flat[:count] = value
    with pytest.raises(BadInput, match=rf"p\.tif has {count} pixels that are not finite"):
        read_grey(saved(tmp_path / "p.tif", values))


@pytest.mark.parametrize(("suffix", "what"), [("gif", "2 pictures"), ("tif", "2 pictures"), ("png", "2 pictures")])
def test_animations_and_pages_are_refused_with_their_number(tmp_path, suffix, what):
    path = saved(tmp_path / f"p.{suffix}", RAMP, save_all=True, append_images=[Image.fromarray(RAMP.T.reshape(12, 8))])
    with pytest.raises(BadInput, match=rf"p\.{suffix} holds {what}"):
        read_grey(path)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colour_of_16_bits_a_channel_is_refused_for_half_of_it_would_be_lost(tmp_path, colour, channels):
    path = tmp_path / "p.png"
    path.write_bytes(png(2, 2, 16, colour, (b"\0" + b"\1\2" * 2 * channels) * 2))
    with pytest.raises(BadInput, match="16 bits a colour channel"):
        read_grey(path)


def test_white_as_zero_is_refused_where_pillow_would_not_invert_it(tmp_path):
    with pytest.raises(BadInput, match="stores white as 0"):
        read_grey(saved(tmp_path / "b.tif", RAMP.astype(np.uint16) * 9, tiffinfo={262: 0}))


@pytest.mark.parametrize("side", [20_000, 10_000])
def test_a_picture_of_more_pixels_than_any_slice_is_refused_by_its_header(tmp_path, side):
    path = saved(tmp_path / "p.png", Image.new("1", (side, side)))
    with pytest.raises(BadInput, match=rf"p\.png has more than {MAX_PIXELS:,} pixels"):
        read_grey(path)


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path):
    path = tmp_path / "p.png"
    path.write_bytes(png(5000, 5000, 8, 0, b"\0" * 10))
    with pytest.raises(BadInput, match=r"p\.png cannot be decoded"):
        read_grey(path)


@pytest.mark.parametrize("shape", [(1, 1), (2000, 3), (3, 2000)])
def test_a_tiny_or_a_long_picture_is_read(tmp_path, shape):
    values = np.resize(RAMP, shape)
    assert read_grey(saved(tmp_path / "p.png", values)).tolist() == values.tolist()


@pytest.mark.parametrize("content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", b"<svg/>", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused_and_no_program_is_started_for_it(tmp_path, content):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(BadInput, match=r"p\.png cannot be decoded"):
        read_grey(tmp_path / "p.png")


@pytest.fixture
def _in_time():
    """The test is stopped where it hangs."""

    def late(*_):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def unusual(folder: Path, kind: str) -> Path:
    path = folder / "p.jpg"
    match kind:
        case "a named pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a folder":
            path.mkdir()
    return path


@pytest.mark.usefixtures("_in_time")
@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a folder"])
def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path, kind):
    with pytest.raises(BadInput, match=rf"p\.jpg is {kind}, not a file; remove it"):
        read_grey(unusual(tmp_path, kind))


def test_a_loop_of_links_an_empty_file_and_a_missing_one_are_named(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "c.jpg").touch()
    for name, line in (("a", "cannot be opened"), ("c", r"is empty \(0 bytes\)"), ("d", "is missing")):
        with pytest.raises(BadInput, match=rf"{name}\.jpg {line}"):
            read_grey(tmp_path / f"{name}.jpg")


def test_a_name_is_shown_without_what_a_terminal_obeys(tmp_path):
    with pytest.raises(BadInput, match=r"a\\x1b\[2J\\udcff\.jpg is missing"):
        read_grey(tmp_path / "a\x1b[2J\udcff.jpg")


def mask_of(tmp_path, values, classes=1, name="m.png", **options):
    return read_mask(saved(tmp_path / name, np.asarray(values, np.uint8), **options), classes)


@pytest.mark.parametrize("value", [1, 4, 128, 255])
@pytest.mark.parametrize("classes", [0, 1])
def test_a_mask_of_two_values_marks_the_one_that_is_not_zero(tmp_path, value, classes):
    assert mask_of(tmp_path, [[0, value], [value, 0]], classes).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1, 1), (255, 1)])
def test_a_constant_mask_is_all_or_nothing(tmp_path, value, expected):
    assert np.unique(mask_of(tmp_path, np.full((4, 4), value))).tolist() == [expected]


@pytest.mark.parametrize(
    ("values", "classes", "found", "due"),
    [
        ([0, 1, 4], 1, "0, 1, 4", "0 and one other"),
        ([0, 1, 2, 255], 1, "0, 1, 2, 255", "0 and one other"),
        ([0, 127, 255], 1, "0, 127, 255", "0 and one other"),
        ([9], 1, "9", "0 and one other"),
        ([0, 1, 4], 2, "0, 1, 4", "0 to 2, one for each mask class of the card"),
        ([0, 255], 3, "0, 255", "0 to 3, one for each mask class of the card"),
        (range(256), 1, "0, 1, 2, 3, 4, 5, 6, 7 and 248 more", "0 and one other"),
    ],
)
def test_a_mask_with_other_values_is_refused_with_those_found(tmp_path, values, classes, found, due):
    with pytest.raises(BadInput) as caught:
        mask_of(tmp_path, np.resize(np.array(list(values)), (16, 16)), classes)
    assert (
        str(caught.value)
        == f"{tmp_path / 'm.png'} is no mask: its values are {found}, and a mask has {due}; save it so"
    )


def test_a_mask_with_the_values_of_the_card_keeps_them(tmp_path):
    assert mask_of(tmp_path, [[0, 1], [3, 2]], 3).tolist() == [[0, 1], [3, 2]]


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "P"])
def test_a_mask_of_two_colours_is_one_of_two_values(tmp_path, mode):
    marked = RAMP > 40
    path = saved(tmp_path / "m.png", Image.fromarray((255 * marked).astype(np.uint8)).convert(mode))
    assert read_mask(path, 1).tolist() == marked.astype(int).tolist()


def test_a_mask_of_16_bits_keeps_its_labels(tmp_path):
    path = saved(tmp_path / "m.png", np.array([[0, 1], [2, 2]], np.uint16))
    assert read_mask(path, 2).tolist() == [[0, 1], [2, 2]]


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    return (rows - 30) ** 2 + (columns - 33) ** 2 < 150


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_the_noise_of_jpeg_around_a_mask_is_cut_in_the_middle(tmp_path, quality):
    assert mask_of(tmp_path, 255 * disc(), name="m.jpg", quality=quality).tolist() == disc().astype(int).tolist()


def test_the_smoothed_edges_of_a_resized_mask_are_cut_in_the_middle(tmp_path):
    picture = Image.fromarray((255 * disc()).astype(np.uint8)).resize((90, 90), Image.Resampling.BICUBIC)
    assert read_mask(saved(tmp_path / "m.png", picture), 1).mean() == pytest.approx(disc().mean(), abs=0.003)


def test_labels_in_a_lossy_file_are_refused_with_the_format_that_keeps_them(tmp_path):
    with pytest.raises(BadInput, match=r"in a lossless format such as PNG"):
        mask_of(tmp_path, disc(), name="m.jpg")
