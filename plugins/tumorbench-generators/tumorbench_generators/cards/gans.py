"""The GANs of the report robles: conditional GAN and Wasserstein GANs with gradient penalty."""

from __future__ import annotations

from tumorbench import ModelSpec, Optimizer, ParameterCount, Preprocessing, Quick, Range, Recipe
from tumorbench_generators.cards.robles import PROBLEM, judged, paper

__all__ = ["ALL", "ROBLES_CGAN", "ROBLES_WCGAN_GP", "ROBLES_WGAN_GP"]

KEPT = (
    "The epoch with the smallest distance to held-out real images (Wasserstein-1 between means and deviations of 16 x 16 blocks, val_block_distance) counts; where nothing is held out for validation, "
    "as on the report's own split, the last one does."
)
LAYERS = (
    "The report names the layers of its two generators and two critics and no width, kernel, depth or image size. Generator 2 and critic 1 are those of Keras' "
    "WGAN-GP example, generator 1 and critic 2 DCGAN's, here with four halvings and widths from 32 to 256."
)
CHOSEN = (
    "Not in the report, chosen here: 128 x 128 pixels in [-1, 1], batches of 32, LeakyReLU slope 0.2, dropout 0.3, an activation after "
    "generator 2's norms, and DCGAN's initial weights (normal, deviation 0.02)."
)
CLASS = "The class enters the generator as an embedding beside the latent, and the network that judges as a projection (Miyato and Koyama 2018)."
NORM = (
    "The report's critic 2 has BatchNorm, which makes the gradient of one image's verdict depend on its batch: the penalty is then not what it says. It is layer "
    "normalisation here, which Gulrajani et al. recommend in its place; the report's own losses with critic 2 are the largest of its grid (951 and -2400)."
)
STEPS = (
    "As Gulrajani et al. 2017 have it: penalty weight 10, five critic steps a generator step, Adam 0.0001 (0, 0.9). The five see the same real batch, with new "
    "latents and interpolates."
)
LOSSES = (
    "The report's final losses at latent 128, critic (d_loss) and generator (g_loss), after 300 epochs: generator 1 and critic 1 -10.69 and -19.41, generator 1 "
    "and critic 2 -23.37 and 10.08, generator 2 and critic 1 -23.9 and 1829, generator 2 and critic 2 951 and -2400. They are on the scale of each critic and "
    "compare with nothing."
)


def _recipe(optimizer: Optimizer, quick: Quick, **params: int) -> Recipe:
    return Recipe(
        preprocessing=Preprocessing(size=128, channels=1, normalisation="symmetric"),
        epochs=300,
        batch_size=32,
        optimizer=optimizer,
        monitor="val_block_distance",
        keep="best",
        quick=quick,
        params=dict(params),
    )


GULRAJANI = Optimizer(name="adam", learning_rate=1e-4, betas=(0.0, 0.9))
WGAN_RECIPE = _recipe(
    GULRAJANI, Quick(epochs=8, steps_per_epoch=60, batch_size=8, size=64), generator=1, critic=1, latent=128
)

LATENT = Range(ge=1, le=65_536)
FIRST_OR_SECOND = Range(one_of=(1, 2))
WGAN_RANGES = {"generator": FIRST_OR_SECOND, "critic": FIRST_OR_SECOND, "latent": LATENT}

ROBLES_WCGAN_GP = ModelSpec(
    id="robles-wcgan-gp",
    in_all="real",
    title="robles WCGAN-GP (conditional WGAN with gradient penalty)",
    version="1",
    task="generation",
    licence="MIT",
    paper=paper(
        "One card for the report's grid of twelve: generator 1 or 2, critic 1 or 2, latent 64, 128 or 256. By default generator 1, critic 1 and latent 128.",
        LOSSES,
        LAYERS,
        CLASS,
        NORM,
        STEPS,
        CHOSEN,
        KEPT,
        reported=judged(
            generated=(0.446483, 0.986721, 0.407214),  # 146 of 327, 2,898 of 2,937
            mixed=(0.935780, 0.979571, 0.93953),  # 306 of 327, 5,754 of 5,874
            unnamed="which of its twelve networks made the images",
        ),
    ),
    recipe=WGAN_RECIPE,
    ranges=WGAN_RANGES,
    conditional=True,
    parameters=ParameterCount(total=4_378_153, trainable=4_377_193, problem=PROBLEM),
    factory="tumorbench_generators.robles_wgan_gp:WCGANGP",
)

ROBLES_WGAN_GP = ModelSpec(
    id="robles-wgan-gp",
    in_all="never",
    title="robles WGAN-GP (unconditional)",
    version="1",
    task="generation",
    licence="MIT",
    paper=paper(
        "One of the two GANs that the report tried first; it gives no figure. Unconditional: trained on the images of all classes at once.",
        "Layers, parameters and recipe are robles-wcgan-gp's, less all that knows the class. The report gives none of its own.",
        LAYERS,
        NORM,
        STEPS,
        CHOSEN,
        KEPT,
    ),
    recipe=WGAN_RECIPE,
    ranges=WGAN_RANGES,
    parameters=ParameterCount(total=3_493_217, trainable=3_492_257, problem=PROBLEM),
    factory="tumorbench_generators.robles_wgan_gp:WGANGP",
)

ROBLES_CGAN = ModelSpec(
    id="robles-cgan",
    in_all="never",
    title="robles cGAN (conditional GAN)",
    version="1",
    task="generation",
    licence="MIT",
    paper=paper(
        "One of the two GANs that the report tried first. It finds it highly unstable ('altamente inestable') and gives no figure.",
        "By default the networks of robles-wcgan-gp, so that the two differ in the loss; discriminator 2 has the report's BatchNorm here.",
        LAYERS,
        CLASS,
        "Neither epochs nor optimizer of this one are in the report: 300 as for the others, and DCGAN's Adam 0.0002 (0.5, 0.999), one step a network and batch.",
        CHOSEN,
        KEPT,
    ),
    recipe=_recipe(
        Optimizer(name="adam", learning_rate=2e-4, betas=(0.5, 0.999)),
        Quick(epochs=5, steps_per_epoch=200, batch_size=8, size=64),
        generator=1, discriminator=1, latent=128,
    ),
    ranges={"generator": FIRST_OR_SECOND, "discriminator": FIRST_OR_SECOND, "latent": LATENT},
    conditional=True,
    parameters=ParameterCount(total=4_378_154, trainable=4_377_194, problem=PROBLEM),
    factory="tumorbench_generators.robles_cgan:CGAN",
)  # fmt: skip

ALL = (ROBLES_CGAN, ROBLES_WGAN_GP, ROBLES_WCGAN_GP)
