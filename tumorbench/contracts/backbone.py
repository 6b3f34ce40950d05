"""The weights of a network under another's last layer: taken by name, and refused where they are another network's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from tumorbench.contracts.files.weights_file import shown
from tumorbench.errors import BadInput

__all__ = ["HEADS", "PREFIXES", "load_backbone"]

# How the names of a last layer's tensors usually begin.
HEADS = (
    *("aux_head.", "classif.", "classifier.", "fc.", "_fc.", "head.", "head_dist.", "heads.", "heads_dist."),
    *("last_linear.", "linear.", "logits."),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
# The count of a norm: files of old versions of torch do not have it, and nothing here reads it.
BATCHES_SEEN = "num_batches_tracked"
AVERAGES = "n_averaged"  # beside the weights of torch's AveragedModel


def load_backbone(
    backbone: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    head: tuple[str, ...] = (),
    names: Mapping[str, str] | None = None,
    unused: Collection[str] = (),
) -> None:
    """Every tensor of ``backbone`` is that of the same name in ``weights``, and ``weights`` has no others but a last layer's.

    Where no name fits, the prefixes that all names of the weights carry (``PREFIXES``: of torch's wrappers, and of a
    network that was a part of another) are removed, one after the other, until one does.

    head: how the names of the last layer's tensors begin, which is for other classes. Those of the backbone stay as they
    are, those of the weights are left out. By default all of the backbone is taken, and what the weights have more is a
    last layer where its name begins as usual (``HEADS``).
    names: what the weights may call tensors that the backbone calls otherwise. unused: names of the weights that belong
    to the same network and that the backbone has no place for.

    Raises: BadInput, naming the first tensor that is missing, has another shape, or is of another network.
    """
    wanted = {name: tensor for name, tensor in backbone.state_dict().items() if not (head and name.startswith(head))}
    names = names or {}
    weights = _without_prefixes(weights, {*wanted, *names.values()})
    found = {name: name if name in weights else names.get(name, name) for name in wanted}
    for name, tensor in wanted.items():
        _require_fitting(found[name], tensor, weights)
    known = {*found.values(), *unused}
    for name, tensor in weights.items():
        if name not in known and not name.startswith(head or HEADS):
            raise BadInput(
                f"the weights have {shown(name)}, {_shape(tensor)}, and the network has no such tensor: they are those "
                "of another architecture; give others with --weights"
            )
    taken = {name: weights[other] for name, other in found.items() if other in weights}
    backbone.load_state_dict({**backbone.state_dict(), **taken})


def _require_fitting(name: str, tensor: Tensor, weights: Mapping[str, Tensor]) -> None:
    """``weights[name]`` has the shape of ``tensor``, or is a count that may be missing. Raises: BadInput."""
    if name not in weights:
        if name.endswith(BATCHES_SEEN):
            return
        first = ", ".join(map(shown, list(weights)[:3])) or "none"
        raise BadInput(
            f"the weights have no {name} (their first: {first}): they are not those of this architecture; give others with "
            "--weights"
        )
    if weights[name].shape != tensor.shape:
        raise BadInput(
            f"the weights' {name} is {_shape(weights[name])}, and the network's {_shape(tensor)}; give others with --weights"
        )


def _without_prefixes(weights: Mapping[str, Tensor], known: Collection[str]) -> Mapping[str, Tensor]:
    """The weights under names of which at least one is known; as they are where no removal of ``PREFIXES`` gives that."""
    shorter = {name: tensor for name, tensor in weights.items() if name != AVERAGES}
    while not any(name in known for name in shorter):
        prefix = next((each for each in PREFIXES if all(name.startswith(each) for name in shorter)), None)
        if prefix is None or not shorter:
            return weights
        shorter = {name.removeprefix(prefix): tensor for name, tensor in shorter.items()}
    return shorter


def _shape(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}"
