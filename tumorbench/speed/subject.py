"""What is timed: a fresh network, its training step and its inference, on random images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, shape_wrapper

from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import Diverged
from tumorbench.speed.roofline import Operations, operations_of
from tumorbench.training.arithmetic import arranged
from tumorbench.training.loop import losses_in_precision
from tumorbench.training.mirrored import mirrored
from tumorbench.training.stepping import Stepper

__all__ = ["Subject", "flops_of", "operations"]


class Subject:
    """A network in training mode with its optimizers. Neither ``train`` nor ``infer`` waits for the device."""

    def __init__(
        self,
        factory: Callable[[], Network],
        problem: Problem,
        recipe: Recipe,
        device: str,
        precision: str,
    ) -> None:
        self.problem, self.recipe, self.device, self.precision = problem, recipe, device, precision
        self.network = arranged(factory(), device, precision)
        self.network.train()
        self.stepper = Stepper(self.network, recipe.model_copy(update={"schedule": None}))  # which costs nothing
        self.predicting = mirrored(self.network, recipe)
        self.rng = torch.Generator().manual_seed(0)

    def batch(self, n: int) -> Batch:
        """``n`` random images in about the recipe's range, random labels, and masks where it learns from them."""
        side = (self.problem.size, self.problem.size)
        images = torch.rand(n, self.problem.channels, *side, device=self.device)
        if self.recipe.preprocessing.normalisation != "unit":
            images = images * 2 - 1
        labels = torch.randint(len(self.problem.classes), (n,), device=self.device)
        masks = (
            torch.randint(
                self.problem.outputs if self.problem.task == "segmentation" else 2, (n, *side), device=self.device
            )
            if self.problem.task == "segmentation" or self.recipe.mask_supervision
            else None
        )
        return Batch(images, labels, masks)

    def train(self, batch: Batch) -> list[Tensor]:
        """One step of every optimizer, just as the training loop takes it; the losses, still on the device."""
        how = self.recipe.model_copy(update={"precision": self.precision})
        losses = losses_in_precision(self.network, batch, names=self.stepper.optimizers, recipe=how, device=self.device)
        return [loss.detach() for _, loss in self.stepper.follow(losses)]

    def infer(self, batch: Batch) -> Tensor:
        """The output for the batch's images, or as many samples as the batch has labels. The network must be in evaluation mode."""
        with torch.inference_mode(), self._autocast():
            if isinstance(self.network, Generator):
                return self.network.sample(len(batch), batch.labels, self.rng)
            output: Tensor = self.predicting(batch.images)
            return output

    def check_losses(self, batch: Batch) -> None:
        """A step's losses are finite. Raises: Diverged."""
        if not all(bool(loss.isfinite().all()) for loss in self.train(batch)):
            raise Diverged("a loss on random images is not finite in the first steps")

    def check_output(self, batch: Batch) -> None:
        """The output is finite. Raises: Diverged."""
        if not bool(self.infer(batch).isfinite().all()):
            raise Diverged("the output for random images is not finite")

    def state_mib(self) -> float:
        """What stays the same for every batch: parameters, as much again for their gradients, buffers, and the optimizers' state."""
        parameters = list(self.network.parameters())
        held = [
            *parameters,
            *(parameter for parameter in parameters if parameter.requires_grad),
            *self.network.buffers(),
        ]
        for optimizer in self.stepper.optimizers.values():
            held += [
                value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)
            ]
        return sum(tensor.nbytes for tensor in held) / 2**20

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device, torch.bfloat16) if self.precision == "bf16" else nullcontext()


def flops_of(action: Callable[[], object]) -> float | None:
    """Floating-point operations of one call, a multiply-add as two, as torch counts them; None where it cannot (some double backward passes)."""
    counter = FlopCounterMode(display=False, custom_mapping=dict(COUNTS))
    try:
        with counter:
            action()
    except Exception:  # noqa: BLE001 - whatever a stranger's model does under the counter; a fault of its own shows again in the next step
        return None
    return float(counter.get_total_flops())


def operations(action: Callable[[], object]) -> Operations | None:
    """The operations of one call, from which its roofline follows; None where they cannot be told."""
    try:
        counts = {name: shape_wrapper(count) for name, count in COUNTS.items()}  # type: ignore[no-untyped-call]
        return operations_of(action, counts)
    except Exception:  # noqa: BLE001 - as ``flops_of``
        return None


def _convolution_backward_flop(
    grad_shape: list[int], images_shape: list[int], weight_shape: list[int], _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool, _output_padding: Any, _groups: int, wanted: list[bool], **_: Any,
) -> int:  # fmt: skip
    """Operations of a convolution's backward pass: as many as forward for each of the two gradients that are wanted.

    torch's own count multiplies a grouped convolution's weight gradient by the number of groups.
    """
    return (wanted[0] + wanted[1]) * conv_flop_count(images_shape, weight_shape, grad_shape, transposed=transposed)


COUNTS = {torch.ops.aten.convolution_backward: _convolution_backward_flop}  # of operations that torch counts otherwise
