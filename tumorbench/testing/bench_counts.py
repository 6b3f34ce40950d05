"""What one step of a model does, as numbers that are the same in every run: operations, waits, opened files.

Everything is in float32 on the CPU: counts in bf16 depend on the kind of processor. A wait is what would make the host
wait for a GPU: there every ``item``, ``tolist``, ``cpu``, ``nonzero`` stops the queue, whatever the CPU makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageFile
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import tumorbench
from tumorbench import training
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.data.batches import Slices, steps_in_epoch, training_batches
from tumorbench.speed.memory import peak_mib, reset_peak_mib
from tumorbench.speed.subject import Subject, flops_of
from tumorbench.testing.models import tiny_problem
from tumorbench.training.arithmetic import arranged
from tumorbench.training.networks import build, count_parameters

__all__ = ["BATCH", "exact_counts", "memory_of", "reads_of_an_epoch", "subject_of"]

BATCH, SLICES, STEPS = 4, 8, 4
WAITING_OPERATIONS = {  # of aten: their result's value or shape has to reach the host
    "_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_consecutive", "unique_dim", "bincount",
}  # fmt: skip
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}  # by a mask: how many it chooses is asked first
WAITING_CALLS = {"tolist", "numpy", "cpu", "__array__"}  # of which aten sees nothing on the CPU
OWN = tuple(str(Path(file).parent) for file in (torch.__file__, Image.__file__, tumorbench.__file__))


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is dispatched, and notes the waits."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        name = func._overloadpacket.__name__  # noqa: SLF001 - as torch's own counter
        if name in WAITING_OPERATIONS or (name in INDEXING and _by_mask(args[1])):
            self.waits.append(f"{name} {_where()}")
        return func(*args, **(kwargs or {}))


class _Calls(TorchFunctionMode):
    """Notes the waits that aten does not see on the CPU."""

    def __init__(self, waits: list[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = getattr(func, "__name__", ""), kwargs or {}
        to_host = name == "to" and "cpu" in (
            *args[1:2],
            given.get("device"),
        )  # a torch.device is where weights lie, here
        if name in WAITING_CALLS or to_host:
            self.waits.append(f"{name} {_where()}")
        before, found = len(self.waits), func(*args, **given)
        if name == "one_hot" and (args[1:2] or given.get("num_classes")):
            del self.waits[before:]  # torch checks the labels' range on the CPU only
        return found


def subject_of(spec: ModelSpec, pixels: int) -> Subject:
    """A fresh network of the card with its optimizers, on a problem of its own kind, in float32 on the CPU."""
    torch.manual_seed(0)
    problem, recipe = tiny_problem(spec, pixels), _recipe(spec)
    return Subject(lambda: build(spec, problem, recipe), problem, recipe, "cpu", "fp32")


def exact_counts(spec: ModelSpec, pixels: int) -> tuple[dict[str, float | None], list[str]]:
    """(counts of a training step and of an inference on four images, where the host waits in the step)."""
    subject = subject_of(spec, pixels)
    batch = subject.batch(BATCH)
    for _ in range(2):  # an optimizer's first step makes its state
        subject.train(batch)
    counts: dict[str, float | None] = {
        "parameters": count_parameters(spec, subject.problem, subject.recipe)["total"],
        "training.flops": flops_of(lambda: subject.train(batch)),
    }
    seen = _seen(lambda: subject.train(batch))
    counts |= {"training.operations": seen.operations, "training.synchronisations": len(seen.waits)}
    subject.network.eval()
    subject.infer(batch)
    counts["inference.flops"] = flops_of(lambda: subject.infer(batch))
    inferred = _seen(lambda: subject.infer(batch))
    counts |= {"inference.operations": inferred.operations, "inference.synchronisations": len(inferred.waits)}
    return counts, seen.waits + inferred.waits


def memory_of(spec: ModelSpec, pixels: int) -> dict[str, float]:
    """``page_faults`` of the calmest of four training steps, and ``peak_memory_mib`` of training above what was held."""
    import resource

    held_mib = reset_peak_mib("cpu")
    subject = subject_of(spec, pixels)
    batch = subject.batch(BATCH)
    for _ in range(STEPS):
        subject.train(batch)
    faults = []
    for _ in range(STEPS):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        subject.train(batch)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return {"page_faults": min(faults), "peak_memory_mib": round(peak_mib("cpu") - held_mib, 1)}


def reads_of_an_epoch(spec: ModelSpec, pixels: int, folder: Path) -> list[str]:
    """What the second epoch of the training loop decodes and opens, one entry each; the first one warms up.

    folder: an empty one, for the checkpoint, which is written after the third.
    """
    problem, recipe = tiny_problem(spec, pixels), _recipe(spec)
    slices, noticed = _random_slices(problem, recipe), list[str]()
    torch.manual_seed(0)
    with _reading(noticed) as switch:

        def on_epoch(entry: dict[str, float], _epochs: int) -> None:
            switch["on"] = entry["epoch"] == 1

        training.fit(
            arranged(build(spec, problem, recipe), "cpu", "fp32"),
            lambda epoch: training_batches(slices, recipe, 0, epoch),
            recipe,
            seed=0,
            device="cpu",
            checkpoint=folder / "progress.pt",
            steps_per_epoch=steps_in_epoch(len(slices), recipe),
            checkpoint_every_s=float("inf"),
            on_epoch=on_epoch,
        )
    return noticed


def _recipe(spec: ModelSpec) -> Recipe:
    return spec.recipe.model_copy(
        update={
            "precision": "fp32",
            "batch_size": BATCH,
            "epochs": 3,
            "steps_per_epoch": None,
            "early_stopping": None,
            "monitor": None,
            "keep": "last",
        }
    )


def _random_slices(problem: Problem, recipe: Recipe) -> Slices:
    images = torch.randint(256, (SLICES, problem.size, problem.size), dtype=torch.uint8)
    labels = torch.arange(SLICES) % len(problem.classes)
    kinds = problem.outputs if problem.task == "segmentation" else 2
    masks = images % kinds if problem.task == "segmentation" or recipe.mask_supervision else None
    return Slices(images, labels, masks)


def _seen(action: Callable[[], object]) -> _Operations:
    operations = _Operations()
    with operations, _Calls(operations.waits):
        action()
    return operations


def _by_mask(indices: Any) -> bool:
    return any(isinstance(each, Tensor) and each.dtype in (torch.bool, torch.uint8) for each in indices)


def _where() -> str:
    """The line that asked, as "at my_models.py:12": the innermost that is not torch's, Pillow's or tumorbench's."""
    frame: Any = sys._getframe(2)  # noqa: SLF001 - the way to a caller's line
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*OWN, "<")):
            return f"at {Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return "in torch, Pillow or tumorbench"


_listeners: list[Callable[[str], None]] = []


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _listeners and event == "open":
        for listener in tuple(_listeners):
            listener(str(arguments[0]))


_hooked: list[bool] = []


@contextmanager
def _reading(noticed: list[str]) -> Iterator[dict[str, bool]]:
    """While its switch is on, what Python opens and what Pillow decodes is noted.

    An audit hook stays for ever: there is one.
    """
    switch, load = {"on": False}, ImageFile.ImageFile.load
    if not _hooked:
        sys.addaudithook(_heard)
        _hooked.append(True)

    def opened(path: str) -> None:
        if switch["on"]:
            noticed.append(f"open {Path(path).name} {_where()}")

    def loaded(image: ImageFile.ImageFile) -> Any:
        if switch["on"] and image.tile:
            noticed.append(f"decode {Path(str(getattr(image, 'filename', '') or 'of bytes')).name} {_where()}")
        return load(image)

    _listeners.append(opened)
    ImageFile.ImageFile.load = loaded  # type: ignore[method-assign,assignment]
    try:
        yield switch
    finally:
        ImageFile.ImageFile.load = load  # type: ignore[method-assign]
        _listeners.remove(opened)
