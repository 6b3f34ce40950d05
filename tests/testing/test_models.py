from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench.testing import ContractBroken, check_card, check_model, plugin_cards, plugin_contract, tiny_problem

SIDE = 8


class Linear(tb.Classifier):
    def __init__(self, problem):
        super().__init__(problem)
        self.layer = nn.Linear(problem.channels * problem.size**2, problem.outputs)

    def forward(self, images):
        return self.layer(images.flatten(1))


class Unreachable(Linear):
    def __init__(self, problem):
        super().__init__(problem)
        self.forgotten = nn.Linear(2, 2)


class Thawed(Linear):
    def __init__(self, problem):
        super().__init__(problem)
        self.layer.bias.requires_grad_(False)

    def losses(self, batch):
        yield from super().losses(batch)
        with torch.no_grad():
            self.layer.bias += 1


class OneLogitTooMany(Linear):
    def forward(self, images):
        return nn.functional.pad(super().forward(images), (0, 1))


class LooksAround(Linear):
    def forward(self, images):
        logits = super().forward(images)
        return logits - logits.mean(0)


class Misnames(Linear):
    def losses(self, batch):
        for _, loss in super().losses(batch):
            yield "critic", loss


class Explodes(Linear):
    def losses(self, batch):
        for name, loss in super().losses(batch):
            yield name, loss * torch.inf


class Blind(Linear):
    def losses(self, batch):
        yield "loss", super().forward(batch.images).square().mean()

    def forward(self, images):
        return None


class OwnLoss(Linear):
    def losses(self, batch):
        yield "loss", nn.functional.cross_entropy(self(batch.images), batch.labels)


class Supervised(Linear):
    def losses(self, batch):
        logits = self(batch.images)
        loss = self.cross_entropy(logits, batch)
        yield "loss", loss if batch.masks is None else loss + logits.mean() * batch.masks.float().mean()


class Speechless(Linear):
    def losses(self, batch):
        return None


class Idle(Linear):
    def optimizers(self, recipe):
        return {}


class OwnPace(Linear):
    def optimizers(self, recipe):
        return {"loss": torch.optim.Adam(self.parameters(), 1e-3)}


class Pixels(tb.Segmenter):
    def __init__(self, problem):
        super().__init__(problem)
        self.layer = nn.Conv2d(problem.channels, problem.outputs, 1)

    def forward(self, images):
        return self.layer(images)


class Shrinks(Pixels):
    def losses(self, batch):
        yield "loss", super().forward(batch.images).square().mean()

    def forward(self, images):
        return super().forward(images)[..., 1:]


class Paints(tb.Generator):
    def __init__(self, problem):
        super().__init__(problem)
        self.layer = nn.Linear(3, problem.channels * problem.size**2)

    def paint(self, latent):
        return self.layer(latent).tanh().unflatten(1, (self.problem.channels, self.problem.size, self.problem.size))

    def losses(self, batch):
        yield "loss", (self.paint(torch.randn(len(batch), 3)) - batch.images).square().mean()

    def sample(self, n, labels, rng):
        return self.paint(torch.randn(n, 3, generator=rng))


class Misdirects(Paints):
    compilable = ("paint", "decoder.forward")


class Paintless(Paints):
    def sample(self, n, labels, rng):
        return None


class IgnoresRng(Paints):
    def sample(self, n, labels, rng):
        return self.paint(torch.randn(n, 3))


class SameForAll(Paints):
    def sample(self, n, labels, rng):
        return self.paint(torch.ones(n, 3))


class Unbounded(Paints):
    def sample(self, n, labels, rng):
        return 3 * super().sample(n, labels, rng)


def model(factory, task="classification", count=None, **words):
    recipe = tb.Recipe(
        **words,
        preprocessing=tb.Preprocessing(size=SIDE),
        epochs=1,
        batch_size=2,
        quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=2),
    )
    problem = tb.Problem(task, ("a", "b", "c"), 1, SIDE, ("lesion",) if task == "segmentation" else ())
    parameters = tb.ParameterCount(total=count, trainable=count, problem=problem) if count else None
    path = f"{__name__}:{factory.__name__}"
    paper = tb.Paper(title="t")
    return tb.ModelSpec(
        id="m",
        title="M",
        version="1",
        task=task,
        licence="MIT",
        paper=paper,
        recipe=recipe,
        parameters=parameters,
        factory=path,
    )


def refusal(spec):
    with pytest.raises(ContractBroken) as caught:
        check_model(spec, tiny_problem(spec, SIDE))
    return str(caught.value)


@pytest.mark.parametrize(("factory", "task", "count"), [
    (Linear, "classification", 65 * 3), (Pixels, "segmentation", 4), (Paints, "generation", 4 * 64),
])  # fmt: skip
def test_a_sound_model_of_each_family_passes(factory, task, count):
    assert check_model(model(factory, task, count), tiny_problem(model(factory, task, count), SIDE)) is None


@pytest.mark.parametrize(("factory", "task", "fault"), [
    (Unreachable, "classification", "m: training does not move forgotten.bias, forgotten.weight"),
    (Thawed, "classification", "m: training moves the frozen layer.bias"),
    (OwnPace, "classification", "m: no optimizer takes the recipe's learning_rate; make them with tb.build_optimizer"),
    (OneLogitTooMany, "classification", "m: its logits have the shape (4, 3), not (4, 2)"),
    (LooksAround, "classification", "m: the logits of an image depend on the rest of its batch"),
    (Misnames, "classification", "m: its losses name the optimizer 'critic', and its optimizers are loss"),
    (Explodes, "classification", "m: its loss 'loss' is not one finite number"),
    (Blind, "classification", "m: its forward() returned None, not a tensor of logits"),
    (Speechless, "classification", "m: its losses() returned None, not pairs (optimizer's name, loss)"),
    (Idle, "classification", "m: its optimizers() returned an empty dict: there is nothing that could train it"),
    (Misdirects, "generation", "m: its compilable names 'decoder.forward', and its network has no such function"),
    (Paintless, "generation", "m: its sample() returned None, not a tensor of samples"),
    (Shrinks, "segmentation", "m: its logits have the shape (4, 2, 8, 7), not (4, 2, 8, 8)"),
    (IgnoresRng, "generation", "m: the same rng gives different samples"),
    (SameForAll, "generation", "m: a different rng gives the same samples"),
])  # fmt: skip
def test_a_broken_model_is_refused_by_the_name_of_its_fault(factory, task, fault):
    assert refusal(model(factory, task)) == fault


EVERY_WORD = {
    "optimizer": tb.Optimizer(name="NAdam", weight_decay=0.1),
    "schedule": tb.Schedule(name="CosineAnnealingLR", warm_up=0.1),
    "gradient_clip_norm": 1.0,
    "label_smoothing": 0.1,
    "mixup": 0.2,
    "mask_supervision": True,
    "augmentation": (tb.Transform(name="elastic"), tb.Transform(name="noise")),
    "test_time_flips": "both",
}


def test_a_sound_model_with_every_word_of_a_recipe_passes():
    assert check_model(model(Supervised, **EVERY_WORD), tiny_problem(model(Supervised), SIDE)) is None


@pytest.mark.parametrize(
    ("factory", "words", "fault"),
    [
        (OwnLoss, {"label_smoothing": 0.1}, "m: its losses do not heed the recipe's label_smoothing"),
        (OwnLoss, {"mixup": 0.2}, "m: its losses do not heed the recipe's mixup"),
        (Linear, {"mask_supervision": True}, "m: its losses do not heed the masks of the recipe's mask_supervision"),
        (
            Linear,
            {"optimizer": tb.Optimizer(name="NAdm")},
            "m: torch.optim has no optimizer 'NAdm'; did you mean NAdam?",
        ),
        (
            Linear,
            {"schedule": tb.Schedule(name="LambdaLR")},
            "m: torch.optim.lr_scheduler.LambdaLR is no schedule for a recipe: it takes a function",
        ),
    ],
)
def test_a_word_of_the_recipe_that_is_not_heeded_is_refused(factory, words, fault):
    assert refusal(model(factory, **words)) == fault


def test_samples_outside_of_the_normalisation_s_range_are_refused():
    assert "outside of its normalisation's (-1.0, 1.0)" in refusal(model(Unbounded, "generation"))


def test_a_wrong_count_is_refused_with_both_numbers():
    assert refusal(model(Linear, count=196)) == "m: its card states 196 total parameters and it has 195"


def test_a_factory_that_makes_no_network_is_refused():
    assert refusal(model(NotANetwork)) == "m: its factory returns a NotANetwork, not one of tumorbench's families"


class NotANetwork:
    def __init__(self, problem):
        pass


def test_an_empty_field_of_a_card_is_refused():
    with pytest.raises(ContractBroken, match="its card leaves licence empty"):
        check_card(model(Linear).model_copy(update={"licence": " "}))


@pytest.fixture
def plugin(monkeypatch):
    """A plugin module with one model and one data set."""
    counts = {"all": {"glioma": 2, "no_tumor": 1}}
    data = tb.DatasetSpec(
        id="d", title="D", version="1", tasks=("classification",), classes=("glioma", "no_tumor"), licence="CC0", citation="c",
        source=tb.Source(homepage="nowhere"), patients_known=True, counts=counts, factory=f"{__name__}:Linear",
    )  # fmt: skip
    module = ModuleType("a_plugin")
    module.tumorbench_models = tb.hookimpl(specname="tumorbench_models")(lambda: [model(Linear)])
    module.tumorbench_datasets = tb.hookimpl(specname="tumorbench_datasets")(lambda: [data])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_the_cards_of_a_plugin_are_those_of_all_its_hooks(plugin):
    assert sorted(card.id for card in plugin_cards("a_plugin")) == ["d", "m"]


def test_the_contract_of_a_plugin_has_one_case_a_card(plugin):
    (cases,) = plugin_contract("a_plugin").pytestmark
    assert sorted(cases.kwargs["ids"]) == ["DatasetSpec-d", "ModelSpec-m"]


def test_the_contract_refuses_a_broken_card_of_a_plugin(plugin):
    with pytest.raises(ContractBroken, match="forgotten"):
        plugin_contract("a_plugin", sizes={"m": SIDE})(model(Unreachable))


def test_the_contract_skips_a_data_set_that_is_not_here_and_says_so(plugin):
    with pytest.raises(pytest.skip.Exception, match="d is not in TUMORBENCH_DATA"):
        plugin_contract("a_plugin", roots={"d": Path("no such folder")})(*plugin.tumorbench_datasets())
