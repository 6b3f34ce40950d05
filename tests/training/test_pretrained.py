"""A file of weights: unwrapped by a stated rule, refused in one line where it is none, and never another network's."""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tumorbench import BadInput, load_backbone
from tumorbench.contracts.backbone import PREFIXES
from tumorbench.run.weights import name_of_file
from tumorbench.training.pretrained import AVERAGED, PLAIN, read_weights

ONES, ZEROS = {"weight": torch.ones(2, 3)}, {"weight": torch.zeros(2, 3)}


class Code:
    def __reduce__(self):
        return (os.mkdir, ("it-ran",))


def network():
    """A backbone of three named layers, and its weights under a last layer for seven classes."""
    layers = [("stem", nn.Conv2d(1, 2, 3)), ("norm", nn.BatchNorm2d(2)), ("body", nn.Conv2d(2, 2, 3))]
    backbone = nn.Sequential(collections.OrderedDict(layers))
    weights = {name: torch.full_like(tensor, 2) for name, tensor in backbone.state_dict().items()}
    return backbone, {**weights, "fc.weight": torch.ones(7, 2), "fc.bias": torch.ones(7)}


def holds(backbone):
    return all(bool((tensor == 2).all()) for tensor in backbone.state_dict().values())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickle"])
@pytest.mark.parametrize("wrapper", [*AVERAGED, *PLAIN])
def test_a_checkpoint_of_a_training_program_is_unwrapped(tmp_path, wrapper, zipped):
    settings = argparse.Namespace(folder=pathlib.Path("runs"), rate=0.1)
    content = {"epoch": 3, "args": settings, "best": np.float64(0.5), "optimizer": {"state": {}}, wrapper: ONES}
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    assert torch.equal(read_weights(tmp_path / "w.pt")["weight"], ONES["weight"])


@pytest.mark.parametrize("average", AVERAGED)
def test_the_moving_average_is_taken_where_there_is_one(tmp_path, average):
    torch.save({"state_dict": ZEROS, "model": ZEROS, average: ONES}, tmp_path / "w.pt")
    assert torch.equal(read_weights(tmp_path / "w.pt")["weight"], ONES["weight"])
    torch.save({"state_dict": ONES, average: None}, tmp_path / "w.pt")
    assert torch.equal(read_weights(tmp_path / "w.pt")["weight"], ONES["weight"])


def test_wrappers_in_one_another_are_unwrapped_and_a_state_dict_is_taken_as_it_is(tmp_path):
    torch.save({"state_dict": {"model": ONES, "step": 3}}, tmp_path / "w.pt")
    assert list(read_weights(tmp_path / "w.pt")) == ["weight"]
    torch.save({"model": torch.ones(1), "weight": torch.ones(1)}, tmp_path / "w.pt")
    assert list(read_weights(tmp_path / "w.pt")) == ["model", "weight"]


def test_safetensors_are_known_by_their_content(tmp_path):
    save_file(ONES, tmp_path / "w.pth")
    assert torch.equal(read_weights(tmp_path / "w.pth")["weight"], ONES["weight"])


def script(path):
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(nn.Linear(2, 2)).save(path)


def cut(path, keep, **how):
    torch.save(ONES, path, **how)
    path.write_bytes(path.read_bytes()[:keep])


def archive(path):
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("notes.txt", "no weights")


UNREADABLE = {
    "nothing": (lambda path: None, "No such file"),
    "text": (lambda path: path.write_text("no weights"), "neither torch.save nor safetensors wrote it"),
    "passwords": (lambda path: path.symlink_to("/etc/passwd"), "neither torch.save nor safetensors wrote it"),
    "empty": (lambda path: path.write_bytes(b""), "it is empty"),
    "folder": (lambda path: path.mkdir(), "it is a folder"),
    "pipe": (os.mkfifo, "it is a pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "half a zip": (lambda path: cut(path, 300), "it is cut off"),
    "half a pickle": (lambda path: cut(path, 60, _use_new_zipfile_serialization=False), "or is damaged"),
    "half of safetensors": (
        lambda path: (save_file(ONES, path), path.write_bytes(path.read_bytes()[:-4])),
        "damaged or incomplete",
    ),
    "another zip": (archive, "or is damaged"),
    "code": (lambda path: torch.save({"model": ONES, "hook": Code()}, path), "reading that would run code"),
    "code in a pickle": (lambda path: path.write_bytes(pickle.dumps(Code())), "program or other objects"),
    "network": (lambda path: torch.save(nn.Linear(2, 2), path), r"torch\.nn\.modules\.linear\.Linear"),
    "script": (script, "program or other objects"),
    "list": (lambda path: torch.save([1, 2], path), "it holds an object of type list"),
    "tensor": (lambda path: torch.save(torch.ones(1), path), "it holds an object of type Tensor"),
    "no weights": (lambda path: torch.save({"epoch": 3}, path), "no state dict under any usual name, only epoch"),
    "a number among them": (lambda path: torch.save({**ONES, "step": 3}, path), "its step is of type int"),
    "numbered": (lambda path: torch.save({0: torch.ones(1)}, path), "only 0"),
    "empty dict": (lambda path: torch.save({"state_dict": {}}, path), "only state_dict"),
    "colours": (lambda path: torch.save({"\x1b[31mred\n": 3}, path), r"only '\\x1b\[31mred\\n'"),
    "shapes": (lambda path: torch.save({"a": torch.ones(1, device="meta")}, path), "has a shape and no values"),
}


@pytest.mark.parametrize("made", UNREADABLE)
def test_what_holds_no_weights_is_refused_in_one_plain_line(tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    make, reason = UNREADABLE[made]
    make(tmp_path / "w.pt")
    with pytest.raises(BadInput, match=reason) as refusal:
        read_weights(tmp_path / "w.pt")
    assert str(refusal.value).isprintable()
    assert "a state dict (name -> tensor), saved with torch.save" in str(refusal.value)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("made", ["text", "passwords", "empty", "folder", "pipe", "device", "half a zip"])
def test_a_file_that_cannot_hold_weights_is_refused_before_anything_runs(tmp_path, made):
    UNREADABLE[made][0](tmp_path / "w.pt")
    with pytest.raises(BadInput, match="cannot be used"):
        name_of_file(tmp_path / "w.pt")


def test_a_file_s_name_cannot_colour_the_terminal(tmp_path):
    path = tmp_path / "w\x1b[31m\n.pt"
    path.write_text("no weights")
    with pytest.raises(BadInput) as refusal:
        read_weights(path)
    assert str(refusal.value).isprintable()


def test_a_last_layer_for_other_classes_is_left_out():
    backbone, weights = network()
    load_backbone(backbone, weights)
    assert holds(backbone)


def test_a_surplus_tensor_that_is_no_last_layer_s_is_named():
    backbone, weights = network()
    with pytest.raises(BadInput, match=r"the weights have body2\.weight, of shape \(2, 2\).* another architecture"):
        load_backbone(backbone, {**weights, "body2.weight": torch.ones(2, 2), "body3.weight": torch.ones(1)})
    assert not holds(backbone)


def test_the_named_last_layer_of_the_network_stays_as_it_is():
    backbone, weights = network()
    before = backbone.body.weight.clone()
    load_backbone(backbone, {**weights, "body.weight": torch.ones(9, 9)}, head=("body.", "fc."))
    assert torch.equal(backbone.body.weight, before)
    assert torch.equal(backbone.stem.weight, weights["stem.weight"])
    with pytest.raises(BadInput, match=r"fc\.weight"):
        load_backbone(backbone, weights, head=("body.",))


@pytest.mark.parametrize(("change", "reason"), [("missing", "have no norm.bias"), ("shape", "of shape (5,)")])
def test_a_tensor_that_is_missing_or_of_another_shape_is_named(change, reason):
    backbone, weights = network()
    weights.pop("norm.bias")
    if change == "shape":
        weights["norm.bias"] = torch.ones(5)
    with pytest.raises(BadInput) as refusal:
        load_backbone(backbone, weights)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("prefix", [*PREFIXES, "module.model.", "_orig_mod.module.", "model.backbone.encoder."])
def test_prefixes_that_all_names_carry_are_removed(prefix):
    backbone, weights = network()
    load_backbone(backbone, {f"{prefix}{name}": tensor for name, tensor in weights.items()})
    assert holds(backbone)


def test_the_count_of_torch_s_averaged_model_is_no_weight():
    backbone, _ = network()
    averaged = torch.optim.swa_utils.AveragedModel(network()[0])
    averaged.load_state_dict({name: torch.full_like(each, 2) for name, each in averaged.state_dict().items()})
    load_backbone(backbone, averaged.state_dict())
    assert holds(backbone)


def test_a_prefix_that_the_network_has_itself_stays():
    inner, weights = network()
    backbone = nn.ModuleDict({"model": inner})
    named = {f"model.{name}": tensor for name, tensor in weights.items() if not name.startswith("fc")}
    load_backbone(backbone, named)
    assert holds(inner)


@pytest.mark.parametrize("prefix", ["student.", "encoder."])
def test_a_prefix_that_is_unknown_or_not_of_all_names_is_shown(prefix):
    backbone, weights = network()
    named = {f"{prefix}{name}": tensor for name, tensor in weights.items()} | {"decoder.weight": torch.ones(1)}
    with pytest.raises(BadInput, match=rf"have no stem\.weight \(their first: {prefix}stem\.weight"):
        load_backbone(backbone, named)


def test_files_of_old_versions_of_torch_have_no_counts_of_batches():
    backbone, weights = network()
    load_backbone(backbone, {name: tensor for name, tensor in weights.items() if "num_batches" not in name})
    assert torch.equal(backbone.norm.running_var, torch.full((2,), 2.0))


def test_tensors_that_the_weights_call_otherwise_are_found_and_those_without_a_place_are_left():
    backbone, weights = network()
    weights["features.0.weight"] = weights.pop("stem.weight")
    weights["tail.weight"] = torch.ones(3)
    load_backbone(backbone, weights, names={"stem.weight": "features.0.weight"}, unused={"tail.weight"})
    assert holds(backbone)


def test_a_name_in_the_file_cannot_colour_the_terminal():
    backbone, weights = network()
    with pytest.raises(BadInput) as refusal:
        load_backbone(backbone, {**weights, "\x1b[31mred": torch.ones(1)})
    assert str(refusal.value).isprintable()
