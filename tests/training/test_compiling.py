"""What of a training step is compiled follows from one rule, and changes neither weights' names nor what is learned.

The mechanics are torch's compiler with backends that generate no code; ``test_cuda`` has what needs a GPU.
"""

from __future__ import annotations

import contextlib
import re

import pytest
import torch
from small_fits import PROBLEM, Linear, batches, equal, fit, fresh, recipe, weights
from torch import nn

import tumorbench as tb
from tumorbench.errors import Stopped
from tumorbench.training.compiling import GRAPHS, MIN_STEPS, CompiledStep, Plan, plan_of


class Gan(tb.Generator):
    """Two networks that a GPU may run compiled."""

    compilable = ("generator.forward", "critic.forward")

    def __init__(self):
        super().__init__(PROBLEM)
        self.generator, self.critic = nn.Linear(3, 16), nn.Sequential(nn.Linear(16, 8), nn.Dropout(0.5))

    def optimizers(self, how):
        return {
            name: tb.build_optimizer(how.optimizer, getattr(self, name).parameters())
            for name in ("critic", "generator")
        }

    def losses(self, batch):
        made = self.generator(torch.randn(len(batch), 3))
        yield "critic", self.critic(made.detach()).mean() - self.critic(batch.images.flatten(1)).mean()
        yield "generator", -self.critic(made).mean()


class Head(tb.TransferClassifier):
    """A frozen backbone's."""


class Unnamed(tb.Generator):
    """A generator that names no function."""


PLANS = {  # (family, device, deterministic, full batches that are left) -> the plan
    (tb.Classifier, "cuda", False, MIN_STEPS): Plan(("forward",), "default"),
    (tb.Segmenter, "cuda", False, MIN_STEPS): Plan(("forward",), "default"),
    (Gan, "cuda", False, MIN_STEPS): Plan(("generator.forward", "critic.forward"), GRAPHS),
    (Unnamed, "cuda", False, MIN_STEPS): Plan(reason="Unnamed names no function for it"),
    (Head, "cuda", False, MIN_STEPS): Plan(reason="Head names no function for it"),
    (Gan, "cuda", True, MIN_STEPS): Plan(reason="compiled code is not proven to repeat bit for bit"),
    (Gan, "cuda", False, MIN_STEPS - 1): Plan(reason="fewer than 10,000 full batches were left after the first epoch"),
    (Gan, "cpu", False, MIN_STEPS): Plan(),
    (tb.Classifier, "cpu", False, MIN_STEPS): Plan(),
}


@pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case[0].__name__}-{case[1]}-{case[2]}-{case[3]}")
def test_the_plan_follows_from_family_device_determinism_and_what_is_left_to_train(case, monkeypatch):
    monkeypatch.delenv("TORCH_COMPILE_DISABLE", raising=False)
    family, device, deterministic, steps = case
    assert plan_of(family, device, deterministic=deterministic, steps=steps) == PLANS[case]


def test_torch_s_own_variable_turns_compiling_off(monkeypatch):
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    found = plan_of(Gan, "cuda", deterministic=False, steps=MIN_STEPS)
    assert found == Plan(reason="TORCH_COMPILE_DISABLE is set")


def test_a_plan_tells_itself_in_a_line_and_on_the_cpu_nothing():
    assert str(Plan(("generator.forward", "loss"), GRAPHS)) == (
        "generator.forward, loss by inductor, mode reduce-overhead"
    )
    assert str(Plan(reason="it is deterministic")) == "nothing: it is deterministic"
    assert str(Plan()) == ""


class Backend:
    """Runs what torch traced as it is, and notes the sizes of batches that it was compiled for and called with."""

    def __init__(self):
        self.compiled, self.calls = [], 0

    def __call__(self, graph, inputs):
        self.compiled.append({each.shape[0] for each in inputs if torch.is_tensor(each) and each.ndim == 4})

        def run(*given):
            self.calls += 1
            return graph.forward(*given)

        return run


def planned(backend, mode="default"):
    """A plan that compiles what the family names, also on the CPU and from the first epoch on."""
    return lambda family, _device, **_how: Plan(family.compilable, mode, backend)


@pytest.mark.parametrize(("kind", "mode"), [(Linear, "default"), (Gan, GRAPHS)])
def test_a_compiled_run_learns_what_an_eager_one_learns_under_the_same_names(kind, mode, tmp_path):
    how = recipe(epochs=2, monitor=None, keep="last", ema_decay=0.9)
    networks, fits = [fresh(kind), fresh(kind)], []
    for network, options in zip(networks, ({}, {"plan": planned("aot_eager", mode)}), strict=True):
        (tmp_path / f"{len(fits)}").mkdir()
        fits.append(fit(network, how, tmp_path / f"{len(fits)}", **options))
    eager, compiled = (weights(network) for network in networks)
    assert fits[0].compiled == ""
    assert fits[1].compiled == f"{', '.join(kind.compilable)} by aot_eager, mode {mode}"
    assert list(eager) == list(compiled)
    for name, values in eager.items():
        assert torch.allclose(compiled[name], values, rtol=1e-5, atol=1e-6), name
    saved = [torch.load(tmp_path / name / "progress.pt", weights_only=True) for name in "01"]
    assert [list(state["progress"]["average"]) for state in saved] == [list(eager)] * 2
    assert "forward" not in vars(networks[1].get_submodule(kind.compilable[0].rpartition(".")[0]))


def test_full_batches_run_compiled_and_a_last_one_of_another_size_as_written(tmp_path):
    def uneven(epoch):
        yield from batches(epoch, 3)
        yield tb.Batch(torch.zeros(5, 1, 4, 4), torch.zeros(5, dtype=torch.int64))

    backend, seen = Backend(), []

    def validate(network):
        seen.append(backend.calls)
        network.eval()
        network(torch.zeros(8, 1, 4, 4))
        seen.append(backend.calls)
        return {"val_loss": 1.0}

    fit(fresh(), recipe(epochs=2), tmp_path, batches=uneven, validate=validate, plan=planned(backend))
    assert backend.compiled == [{8}]
    assert seen == [6, 6, 9, 9]  # three tried steps, then three of each epoch


def test_it_is_decided_after_an_epoch_by_the_full_batches_that_are_left(tmp_path):
    asked = []

    def plan(family, device, *, deterministic, steps):
        asked.append((family, device, deterministic, steps))
        return Plan(reason="a reason")

    fitted = fit(fresh(), recipe(epochs=3, monitor=None), tmp_path, plan=plan)
    assert asked == [(Linear, "cpu", False, steps) for steps in (0, 3 * 2, 3 * 1)]
    assert fitted.compiled == "nothing: a reason"


def test_where_compiling_fails_training_goes_on_as_written_and_says_why(tmp_path):
    def broken(_graph, _inputs):
        raise RuntimeError("no compiler here")

    networks = fresh(), fresh()
    (tmp_path / "eager").mkdir()
    fit(networks[0], recipe(epochs=2, monitor=None), tmp_path / "eager")
    fitted = fit(networks[1], recipe(epochs=2, monitor=None), tmp_path, plan=planned(broken))
    assert fitted.compiled.startswith("nothing: it was tried and failed, ")
    assert "no compiler here" in fitted.compiled
    assert equal(*(weights(network) for network in networks))


def test_where_a_function_is_not_there_training_goes_on_as_written(tmp_path):
    class Wrong(Linear):
        compilable = ("decoder.forward",)

    fitted = fit(fresh(Wrong), recipe(epochs=1, monitor=None), tmp_path, plan=planned("eager"))
    assert re.match("nothing: it was tried and failed, AttributeError: .*decoder", fitted.compiled)


def test_without_a_full_batch_nothing_is_compiled(tmp_path):
    fitted = fit(fresh(), recipe(epochs=1, batch_size=9, monitor=None), tmp_path, plan=planned("eager"))
    assert fitted.compiled == "nothing: no batch is full"


def test_a_cell_that_is_stopped_while_it_compiles_stops(tmp_path):
    class Interrupted(Linear):
        def losses(self, batch):
            raise Stopped("asked to")
            yield

    with pytest.raises(Stopped, match="asked to"):
        fit(fresh(Interrupted), recipe(), tmp_path, plan=planned("eager"))


@pytest.fixture
def tried():
    """A network whose step was tried, what it was before, torch's next random number after seed 7, and the step."""
    network = fresh()
    before = weights(network)
    torch.manual_seed(7)
    step = CompiledStep(network, network.losses, 8, "cpu", planned("eager"))
    step.prepare(lambda: batches(1), 1)
    yield network, before, torch.rand(1), step
    step.close()


def test_a_try_leaves_the_network_its_statistics_and_the_random_numbers_as_they_were(tried):
    network, before, drawn, step = tried
    assert step.told == "forward by eager, mode default"
    assert equal(weights(network), before)
    assert all(weight.grad is None for weight in network.parameters())
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))


def test_a_method_is_back_where_a_step_fails(tried):
    network, _, _, step = tried
    seen = []
    with contextlib.suppress(ZeroDivisionError), step.on(next(batches(1))):
        seen.append("forward" in vars(network))
        raise ZeroDivisionError
    seen.append("forward" in vars(network))
    assert seen == [True, False]
