"""A torch module of the calling process as a model: its card, its identity, and how the harness builds it.

Nothing but this process can import such a module (it may be defined in a notebook), so its cells are computed here.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from tumorbench.contracts.cards import ModelSpec, Paper
from tumorbench.contracts.cell import OWN
from tumorbench.contracts.families import Classifier, Network, Segmenter
from tumorbench.contracts.problem import Problem, Task
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.strangers import described
from tumorbench.errors import BadInput

__all__ = ["OwnClassifier", "OwnSegmenter", "card_of_module", "digest_of"]

Maker = Callable[..., nn.Module]
MADE_HERE: dict[str, Callable[[Problem], Network]] = {}
"""Attribute of this module -> what makes the network: where the factory of such a card leads."""
INSTALLED = ("torch", "torchvision", "timm", "segmentation_models_pytorch", "tumorbench", "builtins")
CONSTANTS = (bool, int, float, str, tuple, type(None))


class OwnClassifier(Classifier):
    """A module whose ``forward`` gives logits ``(batch, classes)``."""

    def __init__(self, problem: Problem, module: nn.Module) -> None:
        super().__init__(problem)
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images, as the module gives them."""
        return self.module(images)  # type: ignore[no-any-return]


class OwnSegmenter(Segmenter):
    """A module whose ``forward`` gives logits ``(batch, 1 + foreground classes, size, size)``."""

    def __init__(self, problem: Problem, module: nn.Module) -> None:
        super().__init__(problem)
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images' pixels, as the module gives them."""
        return self.module(images)  # type: ignore[no-any-return]


def __getattr__(name: str) -> Any:
    if name in MADE_HERE:
        return MADE_HERE[name]
    if name.startswith("made_"):
        raise AttributeError("the module is in the process alone that called tumorbench.run with it")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def card_of_module(module: nn.Module | Maker, recipe: Recipe | None, task: Task, name: str | None = None) -> ModelSpec:
    """The card of a module, ``own/NAME``, whose version is the ``digest_of`` the module.

    module: a class or function, called with the ``Problem`` (or with nothing, where it takes nothing) once a cell, so
    that the cell's seed draws the weights; or an instance, from whose weights every cell starts.
    Raises: BadInput where there is no recipe, or no name can be made.
    """
    if recipe is None:
        raise BadInput("a torch module is trained by a recipe; give recipe=tumorbench.Recipe(...)")
    digest = digest_of(module)
    attribute = f"made_{digest[:16]}_{task}"
    MADE_HERE[attribute] = _maker(module, task)
    own = module if isinstance(module, type) or not isinstance(module, nn.Module) else type(module)
    words = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", getattr(own, "__name__", type(own).__name__))
    slug = re.sub("[^a-z0-9._-]+", "-", words.lower()).strip("-_.")
    if not slug:
        raise BadInput(f"no id can be made of {words!r}; give name=, with small letters or digits")
    try:
        return ModelSpec(
            id=f"{OWN}{slug}",
            title=name or words,
            version=digest[:12],
            task=task,
            licence="not known",
            paper=Paper(title="none"),
            recipe=recipe,
            in_all="never",
            factory=f"{__name__}:{attribute}",
        )
    except ValidationError as error:
        raise BadInput(f"no card can be made of {words}: {error.errors()[0]['msg']}; change its recipe") from None


def _maker(module: nn.Module | Maker, task: Task) -> Callable[[Problem], Network]:
    """What the harness calls for a network. It keeps an instance as it is now, whatever is done to that later."""
    if isinstance(module, nn.Module):
        kept = copy.deepcopy(module)
        return lambda problem: _as_network(copy.deepcopy(kept), problem, task)
    takes = _takes_problem(module)
    return lambda problem: _as_network(module(problem) if takes else module(), problem, task)


def _takes_problem(maker: Maker) -> bool:
    """Whether it can be called with one positional argument that has no default."""
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(each.kind in positional and each.default is inspect.Parameter.empty for each in parameters)


def _as_network(made: object, problem: Problem, task: Task) -> Network:
    if isinstance(made, Network):
        return made
    if not isinstance(made, nn.Module):
        raise BadInput(f"the model gives {described(made)}, not a torch.nn.Module")
    if task == "generation":
        raise BadInput("a generator says how it learns and samples: make it a subclass of tumorbench.Generator")
    return OwnClassifier(problem, made) if task == "classification" else OwnSegmenter(problem, made)


def digest_of(module: nn.Module | Maker) -> str:
    """SHA-256 of what makes the module what it is, 64 hexadecimal digits.

    Of a class or function its source text; of an instance its structure, its weights, and the source text of each of
    its classes that is not torch's, timm's or another installed one's. Functions that the source only calls are not
    seen: give another ``name`` where one of them changed.
    """
    sha = hashlib.sha256()
    if isinstance(module, nn.Module):
        sha.update(repr(module).encode())
        for kind in sorted({type(each) for each in module.modules()}, key=_qualified):
            sha.update(_text_of_class(kind).encode())
        for name, tensor in module.state_dict().items():
            sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            sha.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.ndim else b"")
            sha.update(repr(tensor.item()).encode() if not tensor.ndim else b"")
    else:
        sha.update((_text_of_class(module) if isinstance(module, type) else _text(module)).encode())
    return sha.hexdigest()


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _text_of_class(kind: type) -> str:
    """The source text of the class and of those that it inherits from; of an installed one its name alone."""
    return "\n".join(part for each in kind.__mro__ for part in _of_one_class(each))


def _of_one_class(kind: type) -> Iterator[str]:
    yield _qualified(kind)
    if kind.__module__.partition(".")[0] in INSTALLED:
        return
    for name, value in sorted(vars(kind).items()):
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if inspect.isfunction(function):
            yield f"{name} {_text(function)}"
        elif isinstance(value, CONSTANTS) and name not in ("__module__", "__doc__", "__firstlineno__"):
            yield f"{name} {value!r}"


def _text(function: Any) -> str:
    """The source text of a function, wherever it was defined; what it compiles to, where no text is kept."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return f"{code.co_code!r} {code.co_consts!r} {code.co_names!r}" if code else repr(type(function))
