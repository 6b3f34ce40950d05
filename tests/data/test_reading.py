"""What is wrong with a data set plugin, or with what it lists, is one line that names its factory and what it gave."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tumorbench as tb
from tumorbench.data import decode
from tumorbench.data.fetch import verify
from tumorbench.data.reading import list_samples, open_dataset, read_slice
from tumorbench.errors import BadInput

FIX = "fix the plugin, or report it to its author"
SOUND = [tb.Sample("a", 0, "", patient="p"), tb.Sample("b", 1, "")]


class Sound(tb.Dataset):
    def samples(self):
        return list(SOUND)

    def read_image(self, sample):
        return np.arange(20, dtype=np.uint8).reshape(4, 5) * 9

    def read_mask(self, sample):
        return np.eye(4, 5, dtype=np.uint8)


def gives(value):
    return lambda self, *_: value


def raises(error):
    def method(self, *_):
        raise error

    return method


@pytest.fixture
def spec_of(monkeypatch):
    """A card whose factory is ``Sound`` with other methods; or whatever is given for it."""

    def make(factory=None, **methods):
        module = ModuleType("strange_set")
        module.Strange = factory or type("Strange", (Sound,), methods)
        monkeypatch.setitem(sys.modules, "strange_set", module)
        return tb.DatasetSpec(
            id="strange", title="t", version="1", tasks=("segmentation",), classes=("x", "y"), mask_classes=("tumour",), licence="MIT",
            citation="none", source=tb.Source(homepage="none"), patients_known=False, counts={}, factory="strange_set:Strange",
        )  # fmt: skip

    return make


def refusal(call, *arguments) -> str:
    with pytest.raises(BadInput) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (lambda _: None, "gives None, not a tumorbench.Dataset"),
        (lambda _: 3, "gives an int, not a tumorbench.Dataset"),
        (lambda: 3, "raised TypeError: "),
        (raises(SystemExit(0)), "raised SystemExit: 0"),
        (raises(KeyboardInterrupt()), "raised KeyboardInterrupt: "),
        (type("Rootless", (Sound,), {"__init__": lambda *_: None}), "gives a Dataset without its folder in root"),
    ],
)
def test_a_factory_that_gives_no_data_set_is_named(spec_of, tmp_path, factory, told):
    assert refusal(open_dataset, spec_of(factory), tmp_path).startswith(f"strange: strange_set:Strange {told}")


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (gives(None), f"gives None, not a sequence of Sample; {FIX}"),
        (gives("abc"), f"gives a str, not a sequence of Sample; {FIX}"),
        (gives([*SOUND, ("c", 1)]), f"gives a tuple as its item 2, not a Sample; {FIX}"),
        (lambda self: iter([*SOUND, None]), f"gives None as its item 2, not a Sample; {FIX}"),
        (raises(ZeroDivisionError("by zero")), f"raised ZeroDivisionError: by zero; {FIX}"),
        (raises(SystemExit(0)), f"raised SystemExit: 0; {FIX}"),
        (raises(KeyboardInterrupt()), f"raised KeyboardInterrupt: ; {FIX}"),
        (lambda self: (1 / 0 for _ in "a"), f"raised ZeroDivisionError: division by zero; {FIX}"),
    ],
)
def test_samples_that_are_none_are_told_with_what_came(spec_of, tmp_path, samples, told):
    spec = spec_of(samples=samples)
    told = f"strange: samples() of strange_set:Strange {told}"
    assert refusal(decode.decode, spec, tmp_path, tmp_path / "cache") == told
    assert verify(spec, tmp_path).problems == (told,)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id": 7}, "7 has an int as its id, not a text"),
        ({"id": ""}, " has an empty id"),
        ({"image": Path("a.png")}, "c has a PosixPath as its image, not a text"),
        ({"label": 2}, "c has label 2, not one of 0..1 for 2 classes"),
        ({"label": np.int64(1)}, "c has label np.int64(1), not one of 0..1 for 2 classes"),
        ({"label": "x"}, "c has label 'x', not one of 0..1 for 2 classes"),
        ({"split": "val"}, "c has split 'val', not train, test or None"),
        ({"fold": 0}, "c has fold 0, and its card has official_folds=0"),
        ({"id": "a"}, "a is listed twice"),
        ({"patient": 17}, "c has an int as its patient, not a text"),
        ({"image": "Y\udce9.jpg"}, "c has a file name or image that is not UTF-8 (Y\\udce9.jpg); rename the file"),
        ({"id": "Y\udce9.jpg"}, "Y\\udce9.jpg has a file name or id that is not UTF-8 (Y\\udce9.jpg); rename the file"),
    ],
)
def test_a_sample_that_no_record_could_name_is_refused_before_anything_is_decoded(spec_of, tmp_path, changes, told):
    sample = tb.Sample(**({"id": "c", "label": 1, "image": ""} | changes))
    spec = spec_of(samples=gives([*SOUND, sample]), read_image=raises(AssertionError("it is decoded")))
    line = refusal(decode.decode, spec, tmp_path, tmp_path / "cache")
    assert line.startswith(f"strange: samples() of strange_set:Strange: sample {told}")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("method", ["read_image", "read_mask"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (gives([[1]]), f"gives for sample a a list, not an array; {FIX}"),
        (gives(np.zeros((4, 5), bool)), f"gives for sample a bool (4, 5), not uint8 (height, width); {FIX}"),
        (gives(np.zeros((4, 5, 3), np.uint8)), f"gives for sample a uint8 (4, 5, 3), not uint8 (height, width); {FIX}"),
        (gives(np.zeros((0, 5), np.uint8)), f"gives for sample a uint8 (0, 5), not uint8 (height, width); {FIX}"),
        (raises(KeyError("x")), f", for sample a, raised KeyError: 'x'; {FIX}"),
        (raises(SystemExit(3)), f", for sample a, raised SystemExit: 3; {FIX}"),
        (raises(KeyboardInterrupt()), f", for sample a, raised KeyboardInterrupt: ; {FIX}"),
    ],
)
def test_pixels_that_are_none_are_told_with_what_came(spec_of, tmp_path, method, answer, told):
    spec = spec_of(**{method: answer})
    told = f"strange: {method} of strange_set:Strange{'' if told[0] == ',' else ' '}{told}"
    assert refusal(decode.decode, spec, tmp_path, tmp_path / "cache") == told
    assert not list((tmp_path / "cache").rglob("*.json"))
    assert verify(spec, tmp_path).problems == (told, told.replace("sample a", "sample b"))


def test_an_image_is_due_and_a_mask_is_not(spec_of, tmp_path):
    assert "read_image of strange_set:Strange gives for sample a None" in refusal(
        decode.decode, spec_of(read_image=gives(None)), tmp_path, tmp_path / "cache"
    )
    spec = spec_of(read_mask=gives(None))
    assert read_slice(spec, open_dataset(spec, tmp_path), SOUND[0])[1] is None


def test_a_mask_value_beyond_the_card_is_refused(spec_of, tmp_path):
    spec = spec_of(read_mask=gives(np.full((4, 5), 4, np.uint8)))
    assert refusal(decode.decode, spec, tmp_path, tmp_path / "cache") == (
        "mask (computed) of sample a has the value 4, but the card of strange has 1 mask_classes; replace the mask, or name every class on the card"
    )


def test_a_sound_reader_is_listed_and_knows_the_mask_classes_of_its_card(spec_of, tmp_path):
    reader = open_dataset(spec_of(), tmp_path)
    assert list_samples(spec_of(), reader) == tuple(SOUND)
    assert reader.mask_classes == ("tumour",)
