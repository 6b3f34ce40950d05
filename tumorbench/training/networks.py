"""From a model's card to its network: the problem it is given, the network itself, and its parameters counted without memory."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.factory import load
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.strangers import described, is_out_of_memory, is_strangers
from tumorbench.errors import BadInput, one_line

if TYPE_CHECKING:
    from torch import nn

    from tumorbench.contracts.families import Network

__all__ = ["build", "count_network", "count_parameters", "problem_for"]


def problem_for(spec: ModelSpec, dataset: DatasetSpec | None, recipe: Recipe) -> Problem:
    """The problem that ``spec`` is given on ``dataset``, at the recipe's size and channels.

    Without a data set: the classes for which the card states its parameter count, or two classes and one kind of lesion where it states none.
    Raises: BadInput where the data set does not offer the model's task.
    """
    if dataset is not None:
        if spec.task not in dataset.tasks:
            raise BadInput(f"{spec.id} needs data for {spec.task}, and {dataset.id} offers {', '.join(dataset.tasks)}")
        classes, mask_classes = dataset.classes, dataset.mask_classes if recipe.masks == "lesions" else dataset.classes
    elif spec.parameters is not None:
        classes, mask_classes = spec.parameters.problem.classes, spec.parameters.problem.mask_classes
    else:
        classes, mask_classes = (
            ("no_tumour", "tumour"),
            ("tumour",) if recipe.masks == "lesions" else ("no_tumour", "tumour"),
        )
    if spec.task != "segmentation":
        mask_classes = ()
    return Problem(spec.task, classes, recipe.preprocessing.channels, recipe.preprocessing.size, mask_classes)


def build(spec: ModelSpec, problem: Problem, recipe: Recipe) -> Network:
    """The card's network for ``problem``, initialised from torch's global random state, in training mode.

    Raises: BadInput where the factory cannot be imported, does not take the recipe's parameters, refuses their values, or
    returns what is no network of the card's task.
    """
    factory = load(spec.factory)
    _require_signature(spec, factory, problem, recipe)
    try:
        network = factory(problem, **recipe.params)
    except BaseException as error:
        if not is_strangers(error) or is_out_of_memory(error):
            raise
        given = ", ".join(f"{name}={value}" for name, value in recipe.params.items())
        reason = str(error) if isinstance(error, TypeError | ValueError) else one_line(error)
        name = f"{spec.id}[{given}]" if given else spec.id
        raise BadInput(f"{name} cannot be built for {problem.size} x {problem.size} images: {reason}") from error
    found = _require_network(spec, network, problem)
    found.label_smoothing = recipe.label_smoothing
    return found


def _require_signature(spec: ModelSpec, factory: Any, problem: Problem, recipe: Recipe) -> None:
    """The factory can be called with the problem and the recipe's parameters. Raises: BadInput."""
    if not callable(factory):
        raise BadInput(f"{spec.id}: its factory {spec.factory} is {described(factory)}, which cannot be called")
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # of some functions that are written in C
        return
    try:
        signature.bind(problem, **recipe.params)
    except TypeError as error:
        accepted = list(signature.parameters)[1:]
        unknown = sorted(set(recipe.params) - set(accepted))
        if not unknown:
            raise BadInput(
                f"{spec.id}: its factory {spec.factory} is called with the problem and the recipe's params, and "
                f"that does not fit ({error})"
            ) from None
        raise BadInput(
            f"{spec.id} does not take the parameter {', '.join(unknown)}; it takes {', '.join(accepted) or 'none'}"
        ) from None


def _require_network(spec: ModelSpec, network: object, problem: Problem) -> Network:
    """What the factory returned is a network of the card's task, for the problem that it was given. Raises: BadInput."""
    from tumorbench.contracts import families

    if not isinstance(network, families.Network):
        raise BadInput(f"{spec.id}: its factory returns {described(network)}, not one of tumorbench's families")
    of_task = {
        "classification": families.Classifier,
        "segmentation": families.Segmenter,
        "generation": families.Generator,
    }
    other = tuple(family for task, family in of_task.items() if task != spec.task)
    if isinstance(network, other) and not isinstance(network, of_task[spec.task]):
        raise BadInput(f"{spec.id}: its factory returns {described(network)}, which is not for {spec.task}")
    if getattr(network, "problem", None) != problem:
        raise BadInput(
            f"{spec.id}: its network keeps another problem than it was given; call super().__init__(problem)"
        )
    return network


def count_parameters(spec: ModelSpec, problem: Problem, recipe: Recipe | None = None) -> dict[str, int]:
    """``total`` and ``trainable`` parameters of the card's network, counted on torch's meta device: no weight is allocated.

    recipe: whose ``params`` count; the card's own by default. Raises: BadInput, as ``build`` does.
    """
    with _no_weights():
        return count_network(build(spec, problem, recipe or spec.recipe))


def count_network(network: nn.Module) -> dict[str, int]:
    """``total`` and ``trainable`` parameters of ``network``, as Keras counts.

    Running statistics, as every floating-point buffer that is saved with the weights, belong to the total and do not train; a BatchNorm's count of
    batches is an integer and no parameter.
    """
    parameters = list(network.parameters())
    saved = network.state_dict(keep_vars=True)
    statistics = [buffer for name, buffer in network.named_buffers() if name in saved and buffer.is_floating_point()]
    return {
        "total": sum(tensor.numel() for tensor in (*parameters, *statistics)),
        "trainable": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
    }


@contextmanager
def _no_weights() -> Iterator[None]:
    """Tensors that are made here have a shape and nothing else."""
    import torch
    from torch.overrides import TorchFunctionMode

    class NothingToFill(TorchFunctionMode):
        """``normal_`` on the meta device would import torch's compiler, for seconds and to no effect."""

        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            named = kwargs or {}
            return (*args, *named.values())[0] if getattr(func, "__name__", "") == "normal_" else func(*args, **named)

    with torch.device("meta"), NothingToFill():
        yield
