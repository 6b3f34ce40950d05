"""Whatever lies in a folder and whatever a picture's header says: an array by the stated rule, or one line that names the file.

Bounded in time: a fixed number of examples, the same in every run, each stopped after ten seconds.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from tumorbench import registry
from tumorbench.contracts.dataset import Dataset, Sample, read_grey
from tumorbench.data.decode import open_dataset
from tumorbench.errors import BadInput, TumorbenchError

SECONDS = 10  # an example may take


class Hang(BaseException):
    """The example is stopped."""


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@contextlib.contextmanager
def a_folder() -> Iterator[Path]:
    hung = []

    def late(*_):
        hung.append(True)
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        assert not hung, f"it hangs: stopped after {SECONDS} s"  # whatever was made of it on the way


def attempt(call, *arguments):
    """What the call gives, or the refusal that it raises; anything else is raised."""
    try:
        return call(*arguments)
    except TumorbenchError as error:
        return error


sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
EIGHT_BITS = ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK")
WIDE = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
SUFFIXES = {"CMYK": "tif", "I": "tif", "F": "tif"}


@st.composite
def pictures(draw) -> tuple[str, np.ndarray, str, int]:
    """(mode, its grey values, suffix, how many pictures the file holds)."""
    mode = draw(st.sampled_from([*EIGHT_BITS, *WIDE]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    values = rng.integers(0, 256, draw(sizes)).astype(np.uint8)
    if mode in WIDE:
        values = (values * draw(st.sampled_from([1, 16, 200]))).astype(WIDE[mode])
    if mode == "F":
        values /= 7
    pages = draw(st.sampled_from([1, 1, 1, 2, 3])) if mode in ("L", "I;16") else 1
    return mode, values, "tif" if pages > 1 else SUFFIXES.get(mode, draw(st.sampled_from(["png", "tif"]))), pages


def as_file(mode: str, values: np.ndarray, suffix: str, pages: int) -> bytes:
    picture = Image.fromarray(values) if mode in WIDE else Image.fromarray(values).convert(mode)
    others = {"save_all": True, "append_images": [picture] * (pages - 1)} if pages > 1 else {}
    buffer = io.BytesIO()
    picture.save(buffer, {"png": "PNG", "tif": "TIFF"}[suffix], **others)
    return buffer.getvalue()


@bounded(200)
@given(pictures())
def test_a_picture_of_any_mode_keeps_the_order_of_its_values_or_is_refused_by_name(drawn):
    mode, values, suffix, pages = drawn
    with a_folder() as folder:
        path = folder / f"p.{suffix}"
        path.write_bytes(as_file(*drawn))
        if pages > 1:
            with pytest.raises(BadInput, match=rf"p\.{suffix} holds {pages} pictures"):
                read_grey(path)
            return
        grey = read_grey(path)
    assert (grey.shape, grey.dtype) == (values.shape, np.uint8)
    order = np.argsort(values, axis=None)
    if mode in WIDE:
        assert (np.diff(grey.flatten()[order].astype(int)) >= 0).all()
        assert (int(grey.max()) == 255) == (len(np.unique(values)) > 1)
    elif mode == "L":
        assert grey.tolist() == values.tolist()


@bounded(400)
@given(
    pictures(),
    st.lists(st.tuples(st.integers(0, 140), st.integers(0, 255)), max_size=6),
    st.one_of(st.none(), st.integers(0, 200)),
)
def test_a_damaged_header_gives_an_array_or_one_line_that_names_the_file(drawn, changes, length):
    content = bytearray(as_file(*drawn))
    for position, value in changes:
        if position < len(content):
            content[position] = value
    with a_folder() as folder:
        path = folder / "p.png"
        path.write_bytes(content[:length])
        grey = attempt(read_grey, path)
    if isinstance(grey, BadInput):
        assert str(grey).startswith(str(path))
        assert len(str(grey).splitlines()) == 1
    else:
        assert (grey.ndim, grey.dtype) == (2, np.uint8)


@bounded(150)
@given(st.sets(st.integers(0, 255), min_size=1, max_size=5), st.integers(0, 3), st.integers(0, 99))
def test_a_mask_of_any_values_marks_what_is_not_zero_or_is_refused(values, classes, seed):
    pixels = np.random.default_rng(seed).choice(sorted(values), (8, 9)).astype(np.uint8)
    with a_folder() as folder:
        Image.fromarray(pixels).save(folder / "m.png")
        reader = Dataset(folder)
        reader.mask_classes = tuple("abc"[:classes])
        mask = attempt(reader.read_mask, Sample("1", 0, "", "m.png"))
    if isinstance(mask, BadInput):
        assert f"{folder / 'm.png'} is no mask: its values are " in str(mask)
        return
    assert ((mask > 0) == (pixels > 0)).all()
    assert int(mask.max()) <= max(classes, 1)


def noise(seed: int, depth: type = np.uint8) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 250, (9, 8)).astype(depth))


def symlink(path: Path, target: object) -> None:
    path.symlink_to(str(target))


SOUND = {
    "picture": lambda path: noise(77).save(path, "PNG"),
    "16 bit": lambda path: noise(78, np.uint16).save(path, "PNG"),
    "link": lambda path: symlink(path, path.parent / "0.png"),
    "tiny": lambda path: Image.fromarray(np.array([[0, 90]], np.uint8)).save(path, "PNG"),
}
UNREADABLE = {
    "empty": Path.touch,
    "text": lambda path: path.write_text("<html>404</html>"),
    "truncated": lambda path: path.write_bytes(as_file("L", np.asarray(noise(3)), "png", 1)[:50]),
    "bomb": lambda path: Image.new("1", (15_000, 15_000)).save(path, "PNG"),
    "black": lambda path: Image.new("L", (9, 8)).save(path, "PNG"),
    "white": lambda path: Image.new("L", (9, 8), 255).save(path, "PNG"),
    "animation": lambda path: noise(4).save(path, "GIF", save_all=True, append_images=[noise(5)]),
}
NO_FILE = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: symlink(path, "/dev/zero"),
    "loop": lambda path: symlink(path, path),
    "dangling": lambda path: symlink(path, "nowhere"),
}
HIDDEN = ("._0.png", ".x.jpg", ".DS_Store", "Thumbs.db", "read me.txt")
NAMES = ("a.png", "b b.JPG", "Zürich.jpeg", "c(1).jpg", "T\udce9.jpg", "d\x1b[2J.png")
extras = st.lists(
    st.tuples(
        st.sampled_from(["yes", "no"]),
        st.sampled_from([*NAMES, *HIDDEN]),
        st.sampled_from([*SOUND, *UNREADABLE, *NO_FILE]),
    ),
    max_size=3,
    unique_by=lambda each: each[:2],
)


def command(*arguments: object) -> tuple[int, str, str]:
    """(code, stdout, stderr) of one call of the command line."""
    from tumorbench.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as leaving:
        main([str(each) for each in arguments])
    return int(leaving.value.code or 0), out.getvalue(), err.getvalue()


def shown(name: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)


def is_named(name: str, problems: list[str]) -> bool:
    return any(shown(name) in problem or ascii(name)[1:-1] in problem for problem in problems)


@bounded(80)
@given(extras)
def test_whatever_lies_in_a_class_folder_is_read_left_out_by_rule_or_named(extra):
    makers = SOUND | UNREADABLE | NO_FILE
    with a_folder() as root:
        for number in range(8):
            path = root / "yesno253" / ("no" if number % 2 else "yes") / f"{number // 2}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(number).save(path)
        for folder, name, kind in extra:
            makers[kind](root / "yesno253" / folder / name)
        code, out, err = command("data", "verify", "yesno253", "--json", "--data-root", root)
    assert code == 1, err  # the counts are not the published ones
    assert "fault of tumorbench" not in err
    report = json.loads(out)
    problems = report["problems"]
    seen = [(name, kind) for _, name, kind in extra if name not in HIDDEN]
    unlisted = [name for name, kind in seen if kind in NO_FILE or "\udce9" in name]
    if unlisted:
        assert any(is_named(name, problems) for name in unlisted)
        return
    assert sum(report["counts"]["all"].values()) == 8 + len(seen)
    assert [is_named(name, problems) for name, kind in seen if kind in UNREADABLE] == [True] * sum(
        kind in UNREADABLE for _, kind in seen
    )
    sound = {name for name, kind in seen if kind in SOUND} - {name for name, kind in seen if kind in UNREADABLE}
    assert not [name for name in sound if is_named(name, problems)]


spellings = st.sampled_from([str, str.lower, str.upper, str.title])
levels = st.lists(st.sampled_from(["archive", "brain tumour", "data-set", "1"]), max_size=3)


@bounded(60)
@given(levels, st.tuples(spellings, spellings), st.sampled_from(["", "notes.txt", "archive.zip"]))
def test_a_set_in_another_place_is_recognised_or_told_with_what_was_found(above, spelled, beside):
    with a_folder() as root:
        base = root.joinpath("yesno253", *above)
        for name, spell in zip(("yes", "no"), spelled, strict=True):
            assume(spell(name) not in above)
            (base / spell(name)).mkdir(parents=True, exist_ok=True)
            for number in range(3):
                noise(number).save(base / spell(name) / f"{number}.png")
        if beside:
            (root / "yesno253" / beside).touch()
        spec = registry.find().dataset("yesno253")
        listed = attempt(open_dataset(spec, root).samples)
    if isinstance(listed, TumorbenchError):
        assert len(above) > 2
        assert above[0] in str(listed) or beside in str(listed)
    else:
        assert [each.id for each in listed] == [f"{name}/{n}.png" for name in ("no", "yes") for n in range(3)]
