"""Files of weights that a user gives: which model starts from one, and what its recipe calls it."""

from __future__ import annotations

from pathlib import Path

from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.files.weights_file import kind_of
from tumorbench.errors import BadInput
from tumorbench.run.context import Context
from tumorbench.store import file_sha256

__all__ = ["FILE", "name_of_file", "with_weights"]

FILE = "sha256:"  # in a recipe's ``pretrained``: a file by its content


def with_weights(context: Context, models: list[ModelSpec]) -> list[ModelSpec]:
    """The models, of which one starts from the file that was given: the only one, or the only pretrained one.

    Raises: BadInput where that is not one.
    """
    file = context.given_weights
    if file is None:
        return models
    takers = [model.id for model in models if model.recipe.pretrained or len(models) == 1]
    if len(takers) != 1:
        raise BadInput(
            f"--weights {file} is for one pretrained model, and {len(takers)} are selected "
            f"({', '.join(sorted(takers)) or 'none'}); name it with -m"
        )
    name = name_of_file(file)
    context.weights[name] = file
    return [_starting_from(model, name) if model.id == takers[0] else model for model in models]


def _starting_from(model: ModelSpec, name: str) -> ModelSpec:
    return model.model_copy(update={"recipe": model.recipe.model_copy(update={"pretrained": name})})


def name_of_file(file: Path) -> str:
    """What a recipe calls the weights in ``file``: their SHA-256, wherever the file lies.

    Raises: BadInput where it cannot be read, or is no file of weights.
    """
    kind_of(file)
    try:
        return f"{FILE}{file_sha256(file)}"
    except OSError as error:
        raise BadInput(
            f"--weights {file} cannot be read ({error.strerror}); give a file that torch.save or safetensors wrote"
        ) from None
