"""What is compared: four models on images of a real data set, as files for those who read files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tumorbench import DatasetSpec, ModelSpec, Optimizer, Problem, Recipe
from tumorbench.api.place import context_at
from tumorbench.data.decode import Decoded
from tumorbench.data.locations import cache_root
from tumorbench.data.reading import data_folder
from tumorbench.errors import Unavailable
from tumorbench.hardware import choose_device, resolve_precision
from tumorbench.run.context import Context

if TYPE_CHECKING:
    from tumorbench import Network

__all__ = ["SETTINGS", "Job", "Setting", "jobs"]

PICTURES = {".jpg", ".jpeg", ".png"}  # that ImageFolder reads too
FALLBACK = "phantom"
SEED = 0
FIRST = 4  # slices of the batch whose loss must be equal
EPOCHS = 10**6  # whoever gives the turns says when it is over


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table. size: pixels a side of what the network is given."""

    model: str
    dataset: str
    size: int
    batch: int


SETTINGS = (
    Setting("pose-cnn", "figshare3064", 256, 16),
    Setting("pose-unet", "figshare3064", 128, 32),
    Setting("villegas-cnn2", "kaggle3264", 224, 16),
    Setting("timm/tf_efficientnet_lite0", "kaggle3264", 224, 16),
)


@dataclass(frozen=True, slots=True)
class Job:
    """What every way trains: the same network, from the same weights, by the same recipe, on the same slices.

    files: a folder of the slices as files, ``images/LABEL/NUMBER.jpg`` as ImageFolder wants them, and for segmentation
    ``masks/NUMBER.png``; NUMBER is the slice's in ``dataset``. first: the slices of the batch whose loss must be equal.
    """

    model: ModelSpec
    recipe: Recipe
    problem: Problem
    dataset: Decoded
    files: Path
    first: tuple[int, ...]
    device: str

    def network(self) -> Network:
        """A fresh network on the CPU; its weights are the same in every process."""
        from tumorbench.training import networks, seed_everything

        seed_everything(SEED)
        return networks.build(self.model, self.problem, self.recipe)

    def arrays(self) -> tuple[Any, Any, Any]:
        """(images, labels, masks or None) as the harness holds them: uint8, int64 and uint8 arrays."""
        size = self.recipe.preprocessing.size
        labels = np.array([sample.label for sample in self.dataset.samples], np.int64)
        masks = self.dataset.masks(size) if self.segments else None
        return self.dataset.images(size), labels, masks

    @property
    def segments(self) -> bool:
        """Whether the network gives a class to each pixel."""
        return self.problem.task == "segmentation"


def jobs(settings: tuple[Setting, ...], device: str) -> list[Job]:
    """A job for each setting; the phantom stands in for a data set that is not on disk.

    Raises: BadInput for a model that is not known, or a device that is not here.
    """
    context = context_at(None, None, choose_device(device))
    return [_job(setting, context) for setting in settings]


def _job(setting: Setting, context: Context) -> Job:
    from tumorbench.training import networks

    model, dataset = context.registry.model(setting.model), _decoded(setting.dataset, context)
    own = model.recipe
    recipe = own.model_copy(
        update={
            "preprocessing": own.preprocessing.model_copy(update={"size": setting.size}),
            "batch_size": setting.batch,
            "epochs": EPOCHS,
            "optimizer": Optimizer(name="adam", learning_rate=own.optimizer.learning_rate),
            "augmentation": None,
            "monitor": None,
            "keep": "last",
            "precision": resolve_precision(own.precision, context.device),
        }
    )
    first = np.linspace(0, len(dataset.samples) - 1, FIRST).astype(int).tolist()
    problem = networks.problem_for(model, dataset.spec, recipe)
    files = _as_files(dataset, data_folder(dataset.spec, context.data_root))
    return Job(model, recipe, problem, dataset, files, tuple(first), context.device)


def _decoded(name: str, context: Context) -> Decoded:
    def decoded(spec: DatasetSpec) -> Decoded:
        return context.decode(spec)

    try:
        return decoded(context.registry.dataset(name))
    except Unavailable:
        return decoded(context.registry.dataset(FALLBACK))


def _as_files(dataset: Decoded, published: Path) -> Path:
    """The folder of ``Job.files``: links to the data set's own pictures.

    What it has in other files is written as PNG.
    """
    folder = cache_root() / "compare" / f"{dataset.spec.id}-{dataset.fingerprint[:12]}"
    done = folder / "complete"
    if done.exists():
        return _read(folder)
    for number, sample in enumerate(dataset.samples):
        label = f"{sample.label}-{dataset.spec.classes[sample.label]}"  # ImageFolder sorts: the number keeps the order
        _picture(published, sample.image, dataset.image(number), folder / "images" / label / f"{number:05d}")
        if (mask := dataset.mask(number)) is not None:
            _picture(published, sample.mask or "", mask * 255, folder / "masks" / f"{number:05d}")
    done.touch()
    return _read(folder)


def _read(folder: Path) -> Path:
    """The folder, every file of which is in memory now: nobody is to wait for the disk in the first turn alone."""
    for path in folder.rglob("*.*"):
        path.read_bytes()
    return folder


def _picture(published: Path, name: str, pixels: Any, path: Path) -> None:
    """``path``, with the suffix of its format, is the published picture or is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = (published / name).resolve() if name and "!/" not in name else None
    if source is None or source.suffix.lower() not in PICTURES:
        Image.fromarray(np.asarray(pixels)).save(path.with_suffix(".png"))
        return
    link = path.with_suffix(source.suffix.lower())
    if not link.is_symlink():
        link.symlink_to(source)
