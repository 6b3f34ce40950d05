"""The generators of B. Esteve Molner's course work (TumorSynth): its two, those it tried without success, and those it leaves to future work."""

from __future__ import annotations

from tumorbench import (
    Augmentation,
    ModelSpec,
    Optimizer,
    Paper,
    ParameterCount,
    Preprocessing,
    Problem,
    Quick,
    Range,
    Recipe,
    SplitRule,
)

__all__ = ["ALL", "RESNET_GAN", "SAGAN", "TUMORSYNTH1", "TUMORSYNTH1_AUGMENTED", "TUMORSYNTH2", "UNET_GAN", "VGG16_GAN"]

TITLE = "B. Esteve Molner, TumorSynth: sintesis de imagenes de tumores cerebrales con GAN (Aprendizaje profundo 1 y 2)"
PROBLEM = Problem("generation", ("no_tumor", "tumor"), channels=1, size=128)
SLICES = Preprocessing(size=128, channels=1, normalisation="symmetric")
ADAM = Optimizer(name="adam", learning_rate=2e-4, betas=(0.5, 0.999))  # the report's, of both its GANs
UNCONDITIONAL = "Unconditional: trained on the images of all classes at once."
KEPT = (
    "The epoch with the smallest distance to held-out real images (Wasserstein-1 between means and deviations of 16 x 16 blocks, val_block_distance) counts, a criterion that can be repeated; where "
    "nothing is held out, as on the report's own split, the last one does."
)
LOGITS = "The discriminator ends in logits: its sigmoid and the binary cross-entropy are computed as one function."
CHOSEN = "Not in the report, chosen here: images in [-1, 1] (the range of its tanh), LeakyReLU slope 0.2, Glorot-uniform weights."
NO_SUCCESS = "The report tried this without success and gives neither figure, picture nor table of layers; all but the idea is chosen here."
FUTURE = "The report names this as future work, in one word, and did not run it; all but the idea is chosen here."
AS_MANY_IMAGES = "18 epochs of 1,000 batches of 16 show it 288,000 images, about as many as TumorSynth1 sees."

RANGES = {"latent": Range(ge=1, le=65_536), "discriminator_speed": Range(gt=0)}


def _paper(*notes: str) -> Paper:
    return Paper(
        title=TITLE,
        report="tumorsynth",
        splits={"yesno253": SplitRule(kind="everything")},
        notes=(*notes, UNCONDITIONAL, KEPT),
    )


def _gan(
    name: str,
    title: str,
    factory: str,
    trainable: int,
    recipe: Recipe,
    notes: tuple[str, ...],
    total: int | None = None,
    licence: str = "MIT",
) -> ModelSpec:
    counted = ParameterCount(total=total or trainable, trainable=trainable, problem=PROBLEM)
    model = f"tumorbench_generators.{factory}"
    return ModelSpec(
        id=name, title=title, version="1", task="generation", licence=licence, paper=_paper(*notes), recipe=recipe, parameters=counted, factory=model,
        ranges={each: allowed for each, allowed in RANGES.items() if each in recipe.params},
        in_all="always" if name == "tumorsynth1" else "never",
    )  # fmt: skip


TUMORSYNTH1 = _gan(
    "tumorsynth1",
    "TumorSynth1",
    "tumorsynth1:TumorSynth1",
    trainable=27_848_066,
    recipe=Recipe(
        preprocessing=SLICES,
        epochs=18,
        steps_per_epoch=3750,
        batch_size=4,
        optimizer=ADAM,
        monitor="val_block_distance",
        keep="best",
        quick=Quick(epochs=5, steps_per_epoch=200, batch_size=4, size=64),
        params={"latent": 100},
    ),
    notes=(
        "The report states no figure. It finds the samples better looking than TumorSynth2's and suspects mode collapse.",
        "The report picked epoch 8 of 18 by eye.",
        CHOSEN,
        LOGITS,
    ),
)

TUMORSYNTH1_AUGMENTED = _gan(
    "tumorsynth1-augmented",
    "TumorSynth1 on augmented images (tried without success in the report)",
    "tumorsynth1:TumorSynth1",
    trainable=27_848_066,
    recipe=TUMORSYNTH1.recipe.model_copy(
        update={"augmentation": Augmentation(rotation_degrees=10, zoom=0.1, shift=0.05, horizontal_flip=True)}
    ),
    notes=(
        NO_SUCCESS,
        (
            "It says no more than 'a more complex preprocessing'. This card differs from tumorsynth1 in nothing but horizontal flips, rotation by up to 10 "
            "degrees, zoom by up to 10 % and shifts by up to 5 % of the side, of the real training images."
        ),
        "The generator learns the augmented images, turned ones and all; it is scored against plain ones.",
        LOGITS,
    ),
)

TUMORSYNTH2 = _gan(
    "tumorsynth2",
    "TumorSynth2",
    "tumorsynth2:TumorSynth2",
    trainable=427_362_946,
    recipe=Recipe(
        preprocessing=SLICES,
        epochs=30,
        steps_per_epoch=3750,
        batch_size=4,
        optimizer=ADAM,
        monitor="val_block_distance",
        keep="best",
        quick=Quick(epochs=3, steps_per_epoch=20, batch_size=4, size=64),
        params={"latent": 100},
    ),
    notes=(
        "The report states no figure. It finds that the intensity distribution fits better than TumorSynth1's and that the images look worse.",
        "The report picked epoch 27 of 30 by eye.",
        "The report's total is that of a discriminator without the convolution of 256 filters that it lists.",
        "In the quick budget the model has 109.5 million parameters, at 64 x 64 pixels, and takes 60 steps where tumorsynth1 takes 1,000: too few to judge it by.",
        CHOSEN,
        LOGITS,
    ),
)

SAGAN = _gan(
    "sagan",
    "SAGAN (tried without success in the report)",
    "sagan:SAGAN",
    trainable=4_297_091,
    total=4_329_614,
    recipe=Recipe(
        preprocessing=SLICES,
        epochs=18,
        steps_per_epoch=1000,
        batch_size=16,
        optimizer=Optimizer(name="adam", learning_rate=1e-4, betas=(0.0, 0.9)),
        monitor="val_block_distance",
        keep="best",
        quick=Quick(epochs=6, steps_per_epoch=60, batch_size=8, size=64),
        params={"latent": 128, "discriminator_speed": 4.0},
    ),
    notes=(
        NO_SUCCESS,
        "It infers that its images are too few for a SAGAN.",
        "After Zhang et al., Self-Attention Generative Adversarial Networks, 2019, without classes and with fewer channels.",
        "The learning rate on this card is the generator's; the discriminator's is four times that.",
        AS_MANY_IMAGES,
    ),
)

VGG16_GAN = _gan(
    "vgg16-gan",
    "VGG16-GAN (tried without success in the report)",
    "vgg16_gan:VGG16GAN",
    trainable=27_273_474,
    total=41_988_162,
    licence="MIT; weights: BSD-3-Clause",
    recipe=TUMORSYNTH1.recipe.model_copy(
        update={
            "pretrained": "timm/vgg16.tv_in1k",
            "quick": Quick(epochs=5, steps_per_epoch=40, batch_size=4, size=64),
        },
    ),
    notes=(
        NO_SUCCESS,
        "Read here as TumorSynth1 with another discriminator: VGG16's convolutions with ImageNet weights, frozen, under dropout and one dense layer.",
        "Weights: torchvision's, through timm. Where they are not to be had the cell is skipped.",
        LOGITS,
    ),
)

RESNET_GAN = _gan(
    "resnet-gan",
    "ResNet-GAN (future work of the report)",
    "resnet_gan:ResNetGAN",
    trainable=4_286_849,
    total=4_301_019,
    recipe=Recipe(
        preprocessing=SLICES,
        epochs=18,
        steps_per_epoch=1000,
        batch_size=16,
        optimizer=Optimizer(name="adam", learning_rate=2e-4, betas=(0.0, 0.9)),
        monitor="val_block_distance",
        keep="best",
        ema_decay=0.999,
        quick=Quick(epochs=6, steps_per_epoch=60, batch_size=8, size=64),
        params={"latent": 128},
    ),
    notes=(
        FUTURE,
        "After the ResNet of Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, with fewer channels.",
        AS_MANY_IMAGES,
    ),
)

UNET_GAN = _gan(
    "unet-gan",
    "UNet-GAN (future work of the report)",
    "unet_gan:UNetGAN",
    trainable=7_698_193,
    total=7_712_235,
    recipe=RESNET_GAN.recipe.model_copy(update={"params": {"latent": 100}}),
    notes=(
        FUTURE,
        "A U-Net needs an image to start from: a dense layer lays the latent out as one, as in TumorSynth2, of which this is the generator with skips.",
        "Discriminator, loss and recipe are resnet-gan's.",
        AS_MANY_IMAGES,
    ),
)

ALL = (TUMORSYNTH1, TUMORSYNTH1_AUGMENTED, TUMORSYNTH2, SAGAN, VGG16_GAN, RESNET_GAN, UNET_GAN)
