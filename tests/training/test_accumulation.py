"""A batch that is computed in parts moves the weights as one that is computed at once."""

from __future__ import annotations

import pytest
import torch
from small_fits import PROBLEM, Linear, batches, fit, fresh, recipe, weights
from torch import nn

import tumorbench as tb
from tumorbench.contracts.families import Mixed
from tumorbench.errors import BadInput
from tumorbench.training.stepping import part_size, parts_of


class Seen(tb.Classifier):
    """Notes how many images each of its losses is of, and reports one of their values."""

    def __init__(self):
        super().__init__(PROBLEM)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 2))
        self.sizes: list[int] = []

    def forward(self, images):
        return self.layers(images)

    def losses(self, batch):
        self.sizes.append(len(batch))
        self.observed = {"brightness": batch.images.mean().detach()}
        yield from super().losses(batch)


def trained(tmp_path, parts: int, **words: object) -> tuple[Seen, list[dict[str, float]]]:
    network, folder = fresh(Seen), tmp_path / str(parts)
    folder.mkdir()
    sgd = tb.Optimizer(name="sgd", learning_rate=0.1)
    how = recipe(gradient_accumulation=parts, optimizer=sgd, monitor=None, keep="last", **words)
    return network, fit(network, how, folder).history


@pytest.mark.parametrize("words", [{}, {"gradient_clip_norm": 0.01}], ids=str)
@pytest.mark.parametrize("parts", [2, 3, 4, 9])
def test_the_weights_and_the_history_are_those_of_whole_batches(parts, words, tmp_path):
    (whole, expected), (split, found) = trained(tmp_path, 1, **words), trained(tmp_path, parts, **words)
    assert set(whole.sizes) == {8}
    assert max(split.sizes) == -(-8 // parts)
    assert sum(split.sizes) == sum(whole.sizes)
    for name, tensor in weights(whole).items():
        assert torch.allclose(weights(split)[name], tensor, rtol=0, atol=1e-6), name
    for entry, other in zip(found, expected, strict=True):
        assert {name: other[name] for name in ("loss", "brightness")} == pytest.approx(
            {name: entry[name] for name in ("loss", "brightness")}, abs=1e-6
        )


def test_parts_keep_every_row_of_a_batch_and_weigh_what_they_hold():
    n, side = 5, 2
    batch = tb.Batch(
        torch.arange(n * side * side).reshape(n, 1, side, side).float(), torch.arange(n), torch.ones(n, side, side),
        Mixed(torch.linspace(0.5, 1, n), torch.arange(n) + 10, torch.zeros(n, side, side)),
    )  # fmt: skip
    parts = list(parts_of(batch, 2))
    assert [(len(piece), part.share, part.first, part.last) for piece, part in parts] == [
        (2, 0.4, True, False),
        (2, 0.4, False, False),
        (1, 0.2, False, True),
    ]
    for name in ("images", "labels", "masks"):
        assert torch.equal(torch.cat([getattr(piece, name) for piece, _ in parts]), getattr(batch, name))
    for name in ("share", "labels", "masks"):
        joined = torch.cat([getattr(piece.mixed, name) for piece, _ in parts])
        assert torch.equal(joined, getattr(batch.mixed, name))


def test_a_batch_that_fits_is_not_taken_apart():
    batch = next(iter(batches(1)))
    assert [piece is batch for piece, _ in parts_of(batch, len(batch))] == [True]


def test_the_quick_budget_has_parts_of_its_own():
    how = recipe(batch_size=300, gradient_accumulation=10)
    assert part_size(how) == 30
    assert part_size(how.for_budget("1of20")) == 30
    assert how.for_budget("quick").gradient_accumulation == 1


def test_a_generator_is_refused_where_it_is_declared():
    word = recipe(gradient_accumulation=2).misfit("generation")
    assert word == "gradient_accumulation is for classification and segmentation, and this is a generator; leave it out"
    assert recipe(gradient_accumulation=2).misfit("segmentation") == ""


@pytest.mark.parametrize("names", [("loss", "other"), ("loss", "loss")])
def test_losses_that_step_in_turns_are_refused(names, tmp_path):
    class Two(Linear):
        def optimizers(self, how):
            return {name: tb.build_optimizer(how.optimizer, self.parameters()) for name in names}

        def losses(self, batch):
            for name in names:
                yield name, self.cross_entropy(self(batch.images), batch)

    with pytest.raises(BadInput, match="gradient_accumulation is for one loss a batch, and Two gives several"):
        fit(fresh(Two), recipe(gradient_accumulation=2, monitor=None, keep="last"), tmp_path)
