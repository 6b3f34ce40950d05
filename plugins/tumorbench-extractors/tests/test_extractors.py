"""The two extractors: what they give, and what they say where their weights are not to be had."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.layers import BatchNormAct2d

import tumorbench as tb
import tumorbench_extractors
from tumorbench.contracts.factory import load
from tumorbench.metrics.features import extract
from tumorbench_extractors.efficientnet import EfficientNetLite0
from tumorbench_extractors.inception import inception_v3_compat
from tumorbench_extractors.lite import NAMES, lite_weights


@pytest.fixture(scope="module")
def lite0():
    return EfficientNetLite0()


def striped_image():
    return (torch.arange(3 * 224 * 224).reshape(1, 3, 224, 224) * 7 % 256).to(torch.uint8)


def test_listing_the_extractors_imports_no_torch():
    program = "import sys, tumorbench_extractors as e; print(len(list(e.tumorbench_extractors())), {'torch', 'timm', 'numpy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "2 set()"


def test_only_the_literatures_extractor_is_comparable():
    comparable = {spec.id: spec.comparable for spec in tumorbench_extractors.tumorbench_extractors()}
    assert comparable == {"inception-v3-compat": True, "efficientnet-lite0": False}


def test_every_factory_is_there():
    modules = {spec.factory.partition(":")[0] for spec in tumorbench_extractors.tumorbench_extractors()}
    assert modules == {"tumorbench_extractors.inception", "tumorbench_extractors.efficientnet"}
    assert all(
        hasattr(sys.modules[spec.factory.partition(":")[0]], spec.factory.partition(":")[2])
        for spec in tumorbench_extractors.tumorbench_extractors()
    )


@pytest.fixture(scope="module")
def unfolded():
    """The network as timm builds it, with its batch norms, and the weights of the package."""
    network = timm.create_model(NAMES[0], pretrained=False).eval()
    network.load_state_dict(lite_weights(NAMES[0]))
    return network


def test_lite0_has_the_published_number_of_parameters(unfolded):
    assert sum(parameter.numel() for parameter in unfolded.parameters()) == 4_652_008


def test_lite0_folds_every_batch_norm_and_that_changes_nothing_but_rounding(lite0, unfolded):
    kinds = {type(module) for module in lite0.modules()}
    assert BatchNormAct2d not in kinds
    assert BatchNormAct2d in {type(module) for module in unfolded.modules()}
    images = torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(lite0.network(images), unfolded(images), rtol=1e-5, atol=1e-4)


def test_lite0_gives_the_logits_of_the_checkpoints_own_network(lite0):
    # Computed once by efficientnet-lite-pytorch 0.1.0, the network that the checkpoint was converted for, on (image - 127) / 128.
    expected = [-1.29267287, -0.05893287, -0.85343438, -1.51765203, -0.85016507, -0.26514781, -1.22402847, 0.71139252]
    with torch.inference_mode():
        logits = lite0(striped_image())[1][0]
    np.testing.assert_allclose(logits[:8], expected, atol=1e-4)
    assert logits.argmax() == 905


def test_both_names_of_the_weights_give_the_extractor_s_own(unfolded):
    cards = tumorbench_extractors.tumorbench_weights()
    assert [card.id for card in cards] == [
        f"timm/tf_efficientnet_lite{number}{tag}" for number in range(3) for tag in ("", ".in1k")
    ]
    held = unfolded.state_dict()
    for card in cards[:2]:
        weights = load(card.factory)(card.id)
        assert list(weights) == list(held)
        assert all(torch.equal(weights[name], held[name]) for name in held)


def test_lite0_recognises_a_flower(lite0):
    from sklearn.datasets import load_sample_image

    photograph = torch.from_numpy(
        np.array(load_sample_image("flower.jpg"))[:, 100:527]
    )  # a dahlia; ImageNet's nearest class is 985, daisy
    with torch.inference_mode():
        logits = lite0(photograph.permute(2, 0, 1)[None])[1]
    assert logits.argmax() == 985


def test_lite0_logits_follow_from_its_features(lite0):
    with torch.inference_mode():
        features, logits = lite0(striped_image())
        expected = features @ lite0.network.classifier.weight.T + lite0.network.classifier.bias
    assert features.shape == (1, 1280)
    torch.testing.assert_close(logits, expected)


def test_the_layout_in_which_lite0_computes_changes_nothing_but_rounding(lite0):
    other = EfficientNetLite0().to(memory_format=torch.contiguous_format)
    with torch.inference_mode():
        (features, logits), (expected, expected_logits) = lite0(striped_image()), other(striped_image())
    assert lite0.network.conv_stem.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-5, atol=1e-5)


def test_lite0_learns_nothing(lite0):
    lite0.eval()
    assert not any(parameter.requires_grad for parameter in lite0.parameters())


def test_lite0_refuses_images_that_are_not_uint8(lite0):
    with pytest.raises(ValueError, match="not uint8"):
        lite0(torch.zeros(1, 3, 64, 64))


def test_grey_images_come_out_as_features_and_logits_of_the_named_extractor(lite0):
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    features = extract(images, lite0)
    assert (features.features.shape, features.logits.shape, features.extractor) == (
        (3, 1280),
        (3, 1000),
        "efficientnet-lite0",
    )


@pytest.fixture
def empty_hub(tmp_path, monkeypatch):
    """A torch hub cache without weights, in which downloads are allowed: the tests' own addresses are files of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("TUMORBENCH_OFFLINE", raising=False)
    return tmp_path


def test_inception_without_weights_offline_is_unavailable_before_any_download(empty_hub, monkeypatch):
    monkeypatch.setenv("TUMORBENCH_OFFLINE", "1")
    published = empty_hub / "published-6726825d.pth"
    published.write_bytes(b"half a file")
    with pytest.raises(tb.Unavailable, match="TUMORBENCH_OFFLINE forbids"):
        inception_v3_compat(published.as_uri())
    assert not (empty_hub / "hub").exists()


def test_inception_without_weights_and_network_is_unavailable_and_says_where_to_put_them(empty_hub):
    with pytest.raises(tb.Unavailable, match="put it into") as refusal:
        inception_v3_compat((empty_hub / "nowhere" / "weights-6726825d.pth").as_uri())
    assert "\n" not in str(refusal.value)


def test_a_download_that_is_not_the_published_file_is_refused_and_not_kept(empty_hub):
    published = empty_hub / "published-6726825d.pth"
    published.write_bytes(b"half a file")
    with pytest.raises(tb.Unavailable, match="not the published file"):
        inception_v3_compat(published.as_uri())
    assert list((empty_hub / "hub" / "checkpoints").iterdir()) == []


def test_a_damaged_file_in_the_cache_is_refused_by_name(empty_hub):
    cached = empty_hub / "hub" / "checkpoints" / "weights-6726825d.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half a file")
    with pytest.raises(tb.Unavailable, match=r"weights-6726825d\.pth is damaged"):
        inception_v3_compat("unused/weights-6726825d.pth")


def test_inception_gives_2048_features_and_unbiased_logits():
    if not (Path(torch.hub.get_dir()) / "checkpoints" / "weights-inception-2015-12-05-6726825d.pth").exists():
        pytest.skip("the Inception v3 weights are not in the torch hub cache")
    features = extract(np.zeros((2, 64, 64), np.uint8), inception_v3_compat())
    assert (features.features.shape, features.logits.shape, features.extractor) == (
        (2, 2048),
        (2, 1008),
        "inception-v3-compat",
    )
