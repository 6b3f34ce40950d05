"""Every name either works at its card's sizes or is refused when its card is made: all architectures of
segmentation-models-pytorch on 30 encoders, and 150 networks of timm. No weight is allocated. The default run has a sample.
"""

import pytest
import timm

import tumorbench as tb
from tumorbench.training.networks import build, problem_for
from tumorbench_zoo import names
from tumorbench_zoo.by_name import smp_card, timm_card
from tumorbench_zoo.classifier import timm_classifier
from tumorbench_zoo.trial import shape_at, shapes_only

NOT_DILATED = "deeplabv3 deeplabv3plus pan"
ALL = " ".join(names.architectures())
REFUSED_ON = {  # encoder -> the architectures that do not work on it
    "resnet18": "dpt",
    "vgg11": f"{NOT_DILATED} dpt",
    "densenet121": f"{NOT_DILATED} dpt",
    "inceptionv4": f"{NOT_DILATED} dpt",
    "efficientnet-b0": "dpt",
    "mobilenet_v2": "dpt",
    "xception": f"{NOT_DILATED} dpt",
    "mit_b0": "dpt linknet unetplusplus",
    "mobileone_s0": "dpt",
    "tu-bat_resnext26ts": "",
    "tu-coatnet_pico_rw_224": NOT_DILATED,
    "tu-convnext_atto": "",
    "tu-edgenext_xx_small": NOT_DILATED,
    "tu-efficientformer_l1": NOT_DILATED,
    "tu-halonet26t": "",
    "tu-hiera_tiny_224": NOT_DILATED,
    "tu-inception_v3": f"{NOT_DILATED} dpt fpn linknet manet unetplusplus",
    "tu-levit_128s": ALL,
    "tu-mixer_b16_224": ALL.replace("dpt ", ""),
    "tu-mobilenetv3_small_050": "",
    "tu-mobilevitv2_050": "",
    "tu-nest_tiny": ALL.replace("pspnet ", ""),
    "tu-regnetx_002": "",
    "tu-rexnet_100": "pspnet",
    "tu-samvit_base_patch16": ALL.replace("dpt ", ""),
    "tu-swin_tiny_patch4_window7_224": NOT_DILATED,
    "tu-tresnet_m": f"{NOT_DILATED} dpt",
    "tu-vgg11": NOT_DILATED,
    "tu-vit_small_patch14_dinov2": ALL,
    "tu-vit_tiny_patch16_224": ALL.replace("dpt ", ""),
}
FAMILIES = """
    bat_resnext26ts beitv2_base_patch16_224 botnet26t_256 cait_xxs24_224 coat_lite_mini coatnet_pico_rw_224
    convformer_s18 convit_small convit_tiny convmixer_1024_20_ks9_p14 convmixer_768_32 convnext_atto convnext_femto
    cpubone_nano cpubone_t0 crossvit_9_dagger_240 cs3darknet_m csatv2 cspnext_s davit_tiny deepseek_vit_412m
    deepseek_vit_412m_enc deit_base_patch16_384 deit_small_patch16_224 deit_tiny_distilled_patch16_224
    densenetblur121d dla34 dla46x_c dm_nfnet_f0 dpn68 dpn98 eca_halonext26ts eca_nfnet_l0 eca_resnext26ts
    edgenext_base edgenext_small_rw efficientformer_l1 efficientformer_l3 efficientformerv2_s1 efficientnet_b0
    efficientnet_blur_b0 efficientvim_m1 efficientvim_m1_dist efficientvit_b0 efficientvit_b1 efficientvit_m3
    efficientvit_m4 ese_vovnet19b_slim ese_vovnet19b_slim_dw eva02_base_patch14_224 eva02_base_patch14_448
    fasternet_t0 fasternet_t1 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m_enc gemma4_vit_570m
    ghostnet_130 gmixer_12_224 gmlp_ti16_224 halo2botnet50ts_256 halonet26t hardcorenas_b hgnet_tiny hgnetv2_b0
    hiera_base_224 hrnet_w18_small iformer_m inception_next_atto inception_next_tiny inception_resnet_v2 inception_v3
    inception_v4 lambda_resnet26t lcnet_035 lcnet_075 lcnetv2_small legacy_seresnet18 legacy_xception levit_conv_192
    lowformer_e1 mambaout_base maxxvitv2_nano_rw_256 mobilenetv5_300m_enc mobilenetv5_base mobilevit_s mvitv2_tiny
    naflexvit_base_patch16_parfac_gap nasnetalarge nest_tiny nextvit_small nfnet_l0 pit_s_224 pnasnet5large pvt_v2_b0
    qwen3_vit_88m_enc qwen3_vit_88m_merge rdnet_tiny regnetx_006 regnetx_008 regnetz_005 repghostnet_130
    repghostnet_150 repvit_m1_1 res2net50_48w_2s resnest14d resnet10t resnet18 resnet33ts resnetv2_18 resnetv2_50
    rexnet_100 sam2_hiera_tiny samvit_base_patch16 sehalonet33ts selecsls42 sequencer2d_s shvit_s1 skresnet18
    starnet_s050 swiftformer_l1 swin_s3_tiny_224 swinv2_base_window12to24_192to384 swinv2_cr_tiny_384
    swinv2_cr_tiny_ns_224 test_vit4 test_vit_relpos tf_efficientnet_lite0 tiny_vit_11m_224 tiny_vit_5m_224
    tnt_s_patch16_224 tresnet_m twins_pcpvt_small vgg11 vgg11_bn visformer_small vit_base_mci_224
    vit_base_patch16_sapiens2 vit_base_patch16_siglip_224 vit_base_patch32_clip_224 vit_base_patch32_clip_256
    vit_small_patch14_dinov2 vit_small_patch16_dinov3 vit_tiny_patch16_224 vit_tiny_r_s16_p8_224 vitamin_base_224
    volo_d1_224 xception41 xcit_nano_12_p8_224
""".split()  # noqa: SIM905 - a list of 150 texts would be as many lines
ENCODE_ONLY = {"deepseek_vit_412m_enc", "gemma4_vit_167m_enc", "mobilenetv5_300m_enc", "qwen3_vit_88m_enc"}
SAMPLE = (
    "resnet18",
    "tu-vit_tiny_patch16_224",
    "halonet26t",
    "qwen3_vit_88m_enc",
    "vgg11",
    "convit_tiny",
    "regnetx_006",
)


def sampled(items):
    """Every item a case, and all but a few of them slow."""
    return [item if item in SAMPLE else pytest.param(item, marks=pytest.mark.slow) for item in items]


def card_or_none(make, name):
    try:
        return make(name)
    except tb.BadInput as error:
        told = str(error)
    assert told.isprintable()
    assert len(told) < 400
    return None


def working_network(card):
    """The card's network, which gives logits of the right shape at the full size and at the quick one."""
    full, quick = (problem_for(card, None, card.recipe.for_budget(budget)) for budget in ("full", "quick"))
    with shapes_only():
        network = build(card, full, card.recipe)
    for problem, training in ((full, True), (quick, False)):
        area = (problem.size, problem.size) if card.task == "segmentation" else ()
        assert shape_at(network, problem.size, training=training) == (2, *area)
    return network


def test_the_sweep_is_over_what_it_says():
    assert len(REFUSED_ON) == 30
    assert len(set(FAMILIES)) == 150
    assert len(names.architectures()) == 12


@pytest.mark.parametrize("encoder", sampled(REFUSED_ON))
def test_an_architecture_of_smp_works_at_its_card_s_sizes_or_is_refused(encoder):
    cards = {each: card_or_none(smp_card, f"smp/{each}-{encoder}") for each in names.architectures()}
    assert {each for each, card in cards.items() if card is None} == set(REFUSED_ON[encoder].split())
    networks = [working_network(card) for card in filter(None, cards.values())]
    if encoder.startswith("tu-"):
        with shapes_only():
            weights = timm.create_model(encoder.removeprefix("tu-")).state_dict()
            for network in {type(network.network.encoder): network for network in networks}.values():
                network.load_pretrained(weights)


@pytest.mark.parametrize("name", sampled(FAMILIES))
def test_a_network_of_timm_works_at_its_card_s_sizes_and_takes_its_weights_or_is_refused(name):
    card = card_or_none(timm_card, f"timm/{name}")
    assert (card is None) == (name in ENCODE_ONLY)
    if card is None:
        return
    network = working_network(card)
    with shapes_only():
        weights = timm.create_model(name).state_dict()
        network.load_pretrained(weights)
        timm_classifier(network.problem, card.recipe.params["architecture"], frozen=True).load_pretrained(weights)
