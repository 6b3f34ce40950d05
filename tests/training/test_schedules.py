"""A recipe's optimizer and schedule are torch's own, over the steps that there are, and go on where they were."""

from __future__ import annotations

import inspect

import pytest
import torch
from small_fits import Linear, batches, equal, fit, fresh, recipe, weights
from torch import nn
from torch.optim import lr_scheduler

import tumorbench as tb
from tumorbench.contracts.optimizers import build_optimizer, build_schedule
from tumorbench.errors import BadInput
from tumorbench.training.stepping import require_known_words

STEPS = 3  # of an epoch, as ``small_fits.batches`` has them


class Stops(Exception):
    pass


class Watched(Linear):
    """Notes the rate at which each step is taken."""

    def optimizers(self, how):
        found, self.rates = super().optimizers(how), []
        optimizer = found["loss"]
        optimizer.register_step_pre_hook(lambda *_: self.rates.append(optimizer.param_groups[0]["lr"]))
        return found


def rates_of(tmp_path, schedule, epochs=4, rate=0.1, **optimizer):
    how = recipe(
        epochs=epochs, monitor=None, optimizer=tb.Optimizer(**{"name": "sgd", "learning_rate": rate, **optimizer}),
        schedule=schedule,
    )  # fmt: skip
    network = fresh(Watched)
    fitted = fit(network, how, tmp_path, steps_per_epoch=STEPS)
    return network.rates, fitted


def torch_s(make, total, rate=0.1, momentum=0.0):
    """The rates of torch's own schedule, driven by hand."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], rate, momentum=momentum)
    schedule, rates = make(optimizer), []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


EACH = {
    "StepLR": ({"step_size": 5}, lambda o: lr_scheduler.StepLR(o, 5)),
    "MultiStepLR": ({"milestones": (2, 7), "gamma": 0.5}, lambda o: lr_scheduler.MultiStepLR(o, [2, 7], 0.5)),
    "ConstantLR": ({"total_iters": 4}, lambda o: lr_scheduler.ConstantLR(o, total_iters=4)),
    "LinearLR": ({"end_factor": 0.1, "start_factor": 1.0}, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 12)),
    "ExponentialLR": ({"gamma": 0.9}, lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "PolynomialLR": ({"power": 2.0}, lambda o: lr_scheduler.PolynomialLR(o, 12, 2.0)),
    "CosineAnnealingLR": ({}, lambda o: lr_scheduler.CosineAnnealingLR(o, 12)),
    "CosineAnnealingWarmRestarts": ({"T_0": 4}, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4)),
    "CyclicLR": (
        {"base_lr": 0.01, "step_size_up": 3, "cycle_momentum": False},
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, cycle_momentum=False),
    ),
    "OneCycleLR": ({"cycle_momentum": False}, lambda o: lr_scheduler.OneCycleLR(o, 0.1, 12, cycle_momentum=False)),
}


@pytest.mark.parametrize("name", EACH)
def test_each_step_is_taken_at_the_rate_of_torch_s_own_schedule(tmp_path, name):
    arguments, make = EACH[name]
    rates, fitted = rates_of(tmp_path, tb.Schedule(name=name, arguments=arguments))
    expected = torch_s(make, 4 * STEPS)
    assert rates == pytest.approx(expected)
    assert len(set(rates)) > 1
    last = [entry["learning_rate"] for entry in fitted.history]
    assert last == pytest.approx(expected[STEPS - 1 :: STEPS])


def test_every_schedule_of_torch_is_tried_here_or_refused():
    ends = ("LR", "Restarts", "Scheduler", "Plateau")
    known = {name for name, each in vars(lr_scheduler).items() if isinstance(each, type) and name.endswith(ends)}
    known -= {"LRScheduler", "_LRScheduler"}
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    for name in known - set(EACH):
        with pytest.raises(BadInput, match=f"^torch.optim.lr_scheduler.{name} is no schedule for a recipe: it "):
            build_schedule(tb.Schedule(name=name), optimizer, 10)


def test_a_schedule_by_epochs_changes_the_rate_between_them(tmp_path):
    rates, fitted = rates_of(tmp_path, tb.Schedule(name="CosineAnnealingLR", each="epoch"))
    by_epoch = torch_s(lambda o: lr_scheduler.CosineAnnealingLR(o, 4), 4)
    assert rates == pytest.approx([rate for rate in by_epoch for _ in range(STEPS)])
    assert [entry["learning_rate"] for entry in fitted.history] == pytest.approx(by_epoch)


def test_a_warm_up_rises_in_equal_steps_and_the_schedule_has_the_others(tmp_path):
    rates, _ = rates_of(tmp_path, tb.Schedule(name="CosineAnnealingLR", warm_up=1 / 3))
    assert rates[:4] == pytest.approx([0.1 * factor for factor in (0.01, 0.2575, 0.505, 0.7525)])
    assert rates[4:] == pytest.approx(torch_s(lambda o: lr_scheduler.CosineAnnealingLR(o, 8), 8))


@pytest.mark.parametrize("stop_after", [1, 3])
@pytest.mark.parametrize("each", ["step", "epoch"])
@pytest.mark.parametrize("name", [*EACH, "warm-up"])
def test_a_continued_schedule_equals_an_uninterrupted_one(tmp_path, name, each, stop_after):
    schedule = (
        tb.Schedule(name="CosineAnnealingLR", warm_up=0.5, each=each)
        if name == "warm-up"
        else tb.Schedule(name=name, arguments=EACH[name][0], each=each)
    )
    how = recipe(monitor=None, schedule=schedule, optimizer=tb.Optimizer(learning_rate=0.05), gradient_clip_norm=0.5)
    whole, part = tmp_path / "whole", tmp_path / "part"
    whole.mkdir(), part.mkdir()
    uninterrupted = fresh(Watched)
    expected = fit(uninterrupted, how, whole, steps_per_epoch=STEPS)

    def stop(entry, _epochs):
        if entry["epoch"] == stop_after:
            raise Stops

    first = fresh(Watched)
    with pytest.raises(Stops):
        fit(first, how, part, steps_per_epoch=STEPS, on_epoch=stop)
    continued = Watched()
    found = fit(continued, how, part, steps_per_epoch=STEPS)
    assert found.resumed_from_epoch == stop_after
    assert first.rates + continued.rates == uninterrupted.rates
    assert equal(weights(continued), weights(uninterrupted))
    assert [{**entry, "wall_s": 0} for entry in found.history] == [{**entry, "wall_s": 0} for entry in expected.history]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("NAdam", {"momentum_decay": 0.01}),
        ("RAdam", {}),
        ("Adagrad", {"lr_decay": 0.1}),
        ("Adadelta", {"rho": 0.8}),
        ("Adamax", {"betas": (0.8, 0.99)}),
        ("Adafactor", {}),
        ("ASGD", {"alpha": 0.5}),
        ("Rprop", {"step_sizes": (1e-6, 10.0)}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("AdamW", {"amsgrad": True}),
    ],
)
def test_an_optimizer_by_torch_s_name_steps_as_torch_s_own(tmp_path, name, arguments):
    how = recipe(epochs=2, monitor=None, optimizer=tb.Optimizer(name=name, learning_rate=0.01, arguments=arguments))
    found = fresh()
    fit(found, how, tmp_path)

    class ByHand(Linear):
        def optimizers(self, _how):
            kind = getattr(torch.optim, name)
            takes, wanted = inspect.signature(kind).parameters, {"weight_decay": 0.0, "fused": True}
            given = {key: value for key, value in wanted.items() if key in takes}
            return {"loss": kind(self.parameters(), lr=0.01, **given, **arguments)}

    (tmp_path / "by-hand").mkdir()
    expected = fresh(ByHand)
    fit(expected, recipe(epochs=2, monitor=None), tmp_path / "by-hand")
    for one, other in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("usual", "torch_name"), [("adam", "Adam"), ("adamw", "AdamW"), ("rmsprop", "RMSprop")])
def test_the_usual_names_are_what_they_were(usual, torch_name):
    optimizer = build_optimizer(tb.Optimizer(name=usual, weight_decay=0.1), iter([nn.Parameter(torch.zeros(2))]))
    assert type(optimizer) is getattr(torch.optim, torch_name)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (1e-3, 0.1)
    assert group.get("betas", (0.9, 0.999)) == (0.9, 0.999)


@pytest.mark.parametrize("norm", [0.01, 0.5])
def test_a_gradient_s_norm_is_at_most_the_recipe_s(tmp_path, norm):
    """One step of SGD at rate 1 moves the weights by their gradient."""
    steps = {}
    for clip in (None, norm):
        network = fresh()
        before = weights(network)
        how = recipe(
            epochs=1, monitor=None, optimizer=tb.Optimizer(name="sgd", learning_rate=1.0), gradient_clip_norm=clip
        )
        (tmp_path / str(clip)).mkdir()
        fit(network, how, tmp_path / str(clip), batches=lambda _: batches(1, 1))
        steps[clip] = torch.cat([(before[name] - each).flatten() for name, each in network.named_parameters()])
    free, clipped = steps[None], steps[norm]
    assert free.norm() > norm
    assert clipped.norm().item() == pytest.approx(norm, rel=1e-4)
    torch.testing.assert_close(clipped / clipped.norm(), free / free.norm(), rtol=1e-3, atol=1e-5)


def test_a_gradient_of_a_lesser_norm_is_left_as_it_is(tmp_path):
    ends = []
    for clip in (None, 1e6):
        network = fresh()
        (tmp_path / str(clip)).mkdir()
        fit(network, recipe(monitor=None, gradient_clip_norm=clip), tmp_path / str(clip))
        ends.append(weights(network))
    assert equal(*ends)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"optimizer": tb.Optimizer(name="Nadam")}, "torch.optim has no optimizer 'Nadam'; did you mean NAdam?"),
        ({"optimizer": tb.Optimizer(name="adamx")}, "torch.optim has no optimizer 'adamx'; did you mean "),
        (
            {"optimizer": tb.Optimizer(name="LBFGS")},
            "torch.optim.LBFGS is no optimizer for a recipe: it needs the loss",
        ),
        (
            {"optimizer": tb.Optimizer(name="Rprop", weight_decay=0.1)},
            "the recipe's optimizer Rprop takes no weight_decay",
        ),
        (
            {"optimizer": tb.Optimizer(name="sgd", arguments={"nesterow": True})},
            "the recipe's optimizer sgd takes no nesterow; it takes dampening, ",
        ),
        (
            {"optimizer": tb.Optimizer(name="sgd", arguments={"nesterov": True})},
            "torch.optim refuses the recipe's optimizer sgd: ValueError: Nesterov momentum requires a momentum",
        ),
        ({"schedule": tb.Schedule(name="Cosine")}, "torch.optim.lr_scheduler has no schedule 'Cosine'; "),
        ({"schedule": tb.Schedule(name="StepLR")}, "torch refuses the recipe's schedule StepLR over 400 steps: "),
        (
            {"schedule": tb.Schedule(name="StepLR", arguments={"size": 3})},
            "the recipe's schedule StepLR takes no size; it takes gamma, step_size",
        ),
        (
            {"schedule": tb.Schedule(name="OneCycleLR", warm_up=0.1)},
            "the recipe's schedule OneCycleLR begins at a rate of its own; leave out warm_up",
        ),
    ],
)  # fmt: skip
def test_what_torch_does_not_have_or_refuses_is_told_in_one_line(words, line):
    with pytest.raises(BadInput) as caught:
        require_known_words(recipe(**words), 100)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_schedule_by_steps_needs_to_know_how_many_there_are(tmp_path):
    with pytest.raises(BadInput, match="give steps_per_epoch"):
        fit(fresh(), recipe(schedule=tb.Schedule(name="CosineAnnealingLR")), tmp_path)
