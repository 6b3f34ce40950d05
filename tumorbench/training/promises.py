"""What a model's methods promise, checked where the harness calls them: whatever else they return is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.strangers import described
from tumorbench.errors import BadInput

__all__ = ["Finite", "images_of", "logits_of", "losses_of", "optimizers_of"]


def optimizers_of(network: Network, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
    """The network's optimizers by name, at least one. Raises: BadInput, saying what ``optimizers`` returned."""
    found = network.optimizers(recipe)
    if not isinstance(found, Mapping):
        raise _broken(network, f"optimizers() returned {described(found)}, not a dict of optimizers by name")
    if not found:
        raise _broken(network, "optimizers() returned an empty dict: there is nothing that could train it")
    for name, optimizer in found.items():
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise _broken(network, f"optimizers() returned {described(optimizer)} as {name!r}, not a torch optimizer")
    return dict(found)


def losses_of(network: Network, batch: Batch, names: Mapping[str, object]) -> Iterator[tuple[str, Tensor]]:
    """The network's pairs (one of ``names``, scalar loss), one at a time. Raises: BadInput, saying what came instead."""
    found = network.losses(batch)
    try:
        pairs = iter(found)
    except TypeError:
        raise _broken(network, f"losses() returned {described(found)}, not pairs (optimizer's name, loss)") from None
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2):  # noqa: PLR2004 - a pair
            raise _broken(network, f"losses() gave {described(pair)}, not a pair (optimizer's name, loss)")
        name, loss = pair
        if name not in names:
            raise _broken(network, f"losses name the optimizer {name!r}, and its optimizers are {', '.join(names)}")
        if not (torch.is_tensor(loss) and loss.ndim == 0):
            what = f"a tensor of shape {tuple(loss.shape)}" if torch.is_tensor(loss) else described(loss)
            raise _broken(network, f"loss {name!r} is {what}, not a tensor of one number")
        if not loss.requires_grad:
            raise _broken(network, f"loss {name!r} depends on no weight that trains")
        yield name, loss


def logits_of(network: Network, images: Tensor) -> Tensor:
    """The network's logits of ``images``, in its family's shape. Raises: BadInput, saying what ``forward`` returned."""
    logits, problem = network(images), network.problem
    area = images.shape[2:] if problem.task == "segmentation" else ()
    return _of_shape(network, logits, (len(images), problem.outputs, *area), "logits", "forward()")


def images_of(network: Generator, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
    """``n`` images of the network, in its problem's shape. Raises: BadInput, saying what ``sample`` returned."""
    images, problem = network.sample(n, labels, rng), network.problem
    return _of_shape(network, images, (n, problem.channels, problem.size, problem.size), "samples", "sample()")


def _of_shape(network: Network, found: object, expected: tuple[int, ...], what: str, method: str) -> Tensor:
    if not isinstance(found, Tensor):
        raise _broken(network, f"{method} returned {described(found)}, not a tensor of {what}")
    if tuple(found.shape) != expected:
        raise _broken(network, f"{what} have the shape {tuple(found.shape)}, not {expected}")
    return found


class Finite:
    """Whether every tensor that was seen is finite, found out on the device: no batch waits for the host."""

    def __init__(self) -> None:
        self._all: Tensor | None = None

    def see(self, tensor: Tensor) -> Tensor:
        """The tensor, which was looked at."""
        finite = tensor.isfinite().all()
        self._all = finite if self._all is None else self._all & finite
        return tensor

    def require(self, network: Network, what: str) -> None:
        """All were finite. Raises: BadInput."""
        if self._all is not None and not bool(self._all):
            raise _broken(network, f"{what} are not finite")


def _broken(network: Network, fault: str) -> BadInput:
    return BadInput(f"the model {type(network).__name__}: its {fault}")
