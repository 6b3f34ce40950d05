"""What holds on a GPU alone: no step waits for it, compiled steps are the steps as written, memory is given back.

Elsewhere every test of this file is skipped.
"""

from __future__ import annotations

import gc
from functools import partial

import numpy as np
import pytest
import torch
from small_fits import batches, fresh, recipe

import tumorbench as tb
from tumorbench import hardware, training
from tumorbench.data.batches import Slices, training_batches
from tumorbench.registry import find
from tumorbench.run.cell import attempt
from tumorbench.testing.models import tiny_problem
from tumorbench.training.arithmetic import arranged
from tumorbench.training.compiling import MIN_STEPS, CompiledStep, Plan, plan_of
from tumorbench.training.loop import losses_in_precision
from tumorbench.training.networks import build

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU"),
    pytest.mark.filterwarnings("default"),  # torch says of its debug mode and of its compiler what no test is about
]

SIZE, BATCH, SLICES = 64, 8, 32
MODELS = {  # one of each family, loss and kind of optimizer step
    "classifier": "pose-cnn",
    "head of a frozen backbone": "robles-baseline",
    "depthwise": "timm/tf_efficientnet_lite0",
    "segmenter": "pose-unet",
    "GAN": "tumorsynth1",
    "GAN with spectral norms": "resnet-gan",
    "conditional GAN": "robles-cgan",
    "WGAN-GP": "robles-wcgan-gp",
    "VAE": "robles-cvae",
    "diffusion": "edm",
}
PROMISED = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def as_written(_family, _device, **_how) -> Plan:
    return Plan()


def as_planned(family, device, **_how) -> Plan:
    """What a long training on a GPU runs, from its first epoch on."""
    return plan_of(family, device, deterministic=False, steps=MIN_STEPS)


class Trained:
    """A model of the installed ones on random slices on the GPU, as the loop trains it. plan: of its step."""

    def __init__(self, model: str, plan, precision: str = "bf16", augmentation: tb.Augmentation | None = None):
        hardware.set_determinism(False)
        torch.manual_seed(0)
        spec = find().model(model)
        problem = tiny_problem(spec, SIZE)
        self.recipe = spec.recipe.model_copy(
            update={
                "precision": precision,
                "batch_size": BATCH,
                "steps_per_epoch": None,
                "preprocessing": spec.recipe.preprocessing.model_copy(update={"size": SIZE, "crop": "none"}),
                "augmentation": augmentation,
            }
        )
        self.network = arranged(build(spec, problem, self.recipe), "cuda", precision)
        self.network.train()
        rng = np.random.default_rng(0)
        images = rng.integers(256, size=(SLICES, SIZE, SIZE), dtype=np.uint8)
        masks = images % problem.outputs if problem.task == "segmentation" else None
        self.slices = Slices.of(images, np.arange(SLICES) % len(problem.classes), masks, "cuda")
        self.optimizers = self.network.optimizers(self.recipe)
        losses = partial(losses_in_precision, self.network, names=self.optimizers, recipe=self.recipe, device="cuda")
        self.step = CompiledStep(self.network, losses, BATCH, "cuda", plan)
        self.step.prepare(partial(self.batches, 1), 1)

    def batches(self, epoch: int):
        return training_batches(self.slices, self.recipe, 0, epoch)

    def epoch(self, epoch: int) -> None:
        for batch in self.batches(epoch):
            with self.step.on(batch):
                for name, loss in self.step.losses(batch):
                    self.optimizers[name].zero_grad(set_to_none=True)
                    loss.backward()
                    self.optimizers[name].step()

    def first_losses(self) -> dict[str, torch.Tensor]:
        """The losses of a batch and the whole gradient that each leaves, without a step of an optimizer."""
        found, batch = {}, next(self.batches(1))
        torch.manual_seed(1)
        with self.step.on(batch):
            for number, (name, loss) in enumerate(self.step.losses(batch)):
                self.network.zero_grad(set_to_none=True)
                loss.backward()
                found[f"{number} {name}"] = loss.detach().clone()
                left = [weight.grad.flatten() for weight in self.network.parameters() if weight.grad is not None]
                found[f"{number} gradient"] = torch.cat(left)
        return found


@PROMISED
@pytest.mark.parametrize("plan", [as_written, as_planned])
def test_no_step_waits_for_the_gpu(model, plan):
    turned = tb.Augmentation(rotation_degrees=10, zoom=0.1, shift=0.1, horizontal_flip=True)
    trained = Trained(model, plan, augmentation=turned)
    try:
        for epoch in (1, 2):  # which load kernels, choose algorithms and record graphs
            trained.epoch(epoch)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        trained.epoch(3)
    finally:
        torch.cuda.set_sync_debug_mode("default")
        trained.step.close()


@PROMISED
def test_what_is_compiled_has_the_losses_and_gradients_of_what_is_written(model):
    from torch._inductor import config

    expected = Trained(model, as_written, "fp32").first_losses()
    with config.patch(fallback_random=True):  # the same dropout and noise both ways
        trained = Trained(model, as_planned, "fp32")
        assert trained.step.told == str(as_planned(type(trained.network), "cuda"))  # and no fault
        found = trained.first_losses()
        trained.step.close()
    assert list(found) == list(expected)
    for name, values in expected.items():
        tolerance = 0.05 if name.endswith("gradient") else 1e-3  # small batches and norms: rounding adds up
        assert (found[name] - values).norm() <= tolerance * values.norm(), name


@PROMISED
def test_compiled_training_keeps_its_names_and_gives_its_memory_back(model):
    Trained(model, as_written).epoch(1)  # the libraries' workspaces stay
    gc.collect()
    torch.cuda.empty_cache()
    allocated, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    trained = Trained(model, as_planned)
    names = list(trained.network.state_dict())
    trained.epoch(1)
    assert list(trained.network.state_dict()) == names
    assert all(values.isfinite().all() for values in trained.network.state_dict().values())
    trained.step.close()
    del trained
    gc.collect()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() - allocated <= 2**20
    assert torch.cuda.memory_reserved() - reserved <= 64 * 2**20  # cuBLAS keeps a workspace for each stream


def test_an_average_and_a_last_batch_of_another_size_train_beside_a_compiled_step(tmp_path):
    def on_the_gpu(epoch):
        for batch in (*batches(epoch), tb.Batch(torch.zeros(5, 1, 4, 4), torch.zeros(5, dtype=torch.int64))):
            yield tb.Batch(batch.images.cuda(), batch.labels.cuda())

    network = fresh().cuda()
    fitted = training.fit(
        network, on_the_gpu, recipe(epochs=3, monitor=None, ema_decay=0.9), seed=0, device="cuda",
        checkpoint=tmp_path / "progress.pt", plan=as_planned,
    )  # fmt: skip
    assert fitted.compiled == "forward by inductor, mode default"
    assert [np.isfinite(entry["loss"]) for entry in fitted.history] == [True] * 3


def test_more_memory_than_the_gpu_has_is_out_of_memory(tmp_path):
    status, reason = attempt(lambda: torch.empty(2**50, dtype=torch.uint8, device="cuda"), tmp_path)
    assert (status, "out of memory" in reason) == ("oom", True)
