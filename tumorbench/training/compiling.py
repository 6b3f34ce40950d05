"""Which functions of a network a GPU runs compiled, by one rule for each family.

| family | on CUDA, where ``MIN_STEPS`` full batches are left after a session's first epoch |
|---|---|
| classifier, segmenter | ``forward``, by torch's compiler |
| generator | the functions that it names, as CUDA graphs too: its batches are small, and starting kernels takes long |
| head of a frozen backbone | nothing: a few dense layers |

Nothing is compiled on the CPU, and nothing under ``--deterministic``. The first epoch runs as written; then three
steps without an optimizer are tried. Where one raises, training goes on as written, and the record says why.

Shapes are static: a full batch runs compiled; a pass's last batch, where it has another size, and whatever is only
evaluated run as written. What is compiled takes a method's place while a step runs: the network, its weights and their
names stay what they are. Optimizers are not compiled: a step of theirs is one kernel, or a few, already.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.errors import INTERRUPTIONS, one_line

__all__ = ["CompiledStep", "Plan", "PlanOf", "plan_of"]

MIN_STEPS = 10_000  # compiling takes up to a minute, and saves at most some milliseconds a step
TRIALS = 3  # a CUDA graph is warmed up, recorded and replayed
GRAPHS = "reduce-overhead"  # what torch.compile calls them
Losses = Callable[[Batch], Iterable[tuple[str, Tensor]]]
PlanOf = Callable[..., "Plan"]  # called as ``plan_of``


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a step is compiled.

    functions: of the network, by their dotted names. mode, backend: of ``torch.compile``. reason: why nothing is.
    """

    functions: tuple[str, ...] = ()
    mode: str = "default"
    backend: str = "inductor"
    reason: str = ""

    def __str__(self) -> str:
        if self.functions:
            return f"{', '.join(self.functions)} by {self.backend}, mode {self.mode}"
        return f"nothing: {self.reason}" if self.reason else ""


def plan_of(family: type[Network], device: str, *, deterministic: bool, steps: int) -> Plan:
    """How a training step of the family runs. steps: full batches that are left after a session's first epoch."""
    if device != "cuda":
        return Plan()
    if not family.compilable:
        return Plan(reason=f"{family.__name__} names no function for it")
    if deterministic:
        return Plan(reason="compiled code is not proven to repeat bit for bit")
    if os.environ.get("TORCH_COMPILE_DISABLE") == "1":
        return Plan(reason="TORCH_COMPILE_DISABLE is set")
    if steps < MIN_STEPS:
        return Plan(reason=f"fewer than {MIN_STEPS:,} full batches were left after the first epoch")
    return Plan(family.compilable, GRAPHS if issubclass(family, Generator) else "default")


class CompiledStep:
    """How one network's training steps run. told: what of it is compiled, or why nothing is; "" on the CPU.

    losses: of a batch, in the precision in which the network trains.
    """

    def __init__(self, network: Network, losses: Losses, batch_size: int, device: str, plan: PlanOf = plan_of) -> None:
        self.network, self.losses, self.batch_size, self.device, self.told = network, losses, batch_size, device, ""
        self._plan_of, self._tried, self._graphs = plan, False, False
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._full = 0  # batches of the epoch

    def prepare(self, batches: Callable[[], Iterable[Batch]], epochs: int) -> None:
        """What is due is compiled. To be called before each epoch, with its batches and how many epochs are left.

        The network and torch's random states stay what they were. Raises: what interrupts a cell.
        """
        if self._tried:
            return
        deterministic = torch.are_deterministic_algorithms_enabled()
        steps, self._full = self._full * epochs, 0
        plan = self._plan_of(type(self.network), self.device, deterministic=deterministic, steps=steps)
        self._tried = bool(plan.functions)
        if self._tried and (fault := self._fault(plan, batches())):
            plan = Plan(reason=fault)
            self.close()
        self.told = str(plan)

    @contextmanager
    def on(self, batch: Batch) -> Iterator[None]:
        """The network runs compiled inside where the batch is full, else as written."""
        full = len(batch) == self.batch_size
        self._full += full
        if not (full and self._compiled):
            yield
            return
        if self._graphs:
            self.network.zero_grad(set_to_none=True)  # gradients of the last batch lie in its graphs' memory
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with ExitStack() as stack:
            for name, function in self._compiled.items():
                stack.enter_context(_in_place(self.network, name, function))
            yield

    def close(self) -> None:
        """Nothing is compiled any more, and what it held of the GPU's memory is free."""
        if self._tried:
            self._compiled = {}
            torch.compiler.reset()
        if self._tried and self.device == "cuda":
            torch.cuda.empty_cache()

    def _fault(self, plan: Plan, batches: Iterable[Batch]) -> str:
        """Why steps by the plan cannot be taken, in one line; "" where they can. Only the plan is kept of them."""
        network = self.network
        observed, training = network.observed, network.training
        state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        devices = [torch.cuda.current_device()] if self.device == "cuda" else []
        with torch.random.fork_rng(devices), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of what its own compiler does
            try:
                batch = next((each for each in batches if len(each) == self.batch_size), None)
                if batch is None:
                    return "no batch is full"
                self._compile(plan)
                network.train()
                for _ in range(TRIALS):
                    self._try(batch)
            except INTERRUPTIONS:
                raise
            except BaseException as error:  # noqa: BLE001 - the compiler, or a stranger's network under it
                return f"it was tried and failed, {one_line(error)}"
            finally:
                network.load_state_dict(state)
                network.zero_grad(set_to_none=True)
                network.train(training)
                network.observed = observed
        return ""

    def _compile(self, plan: Plan) -> None:
        for name in plan.functions:
            owner, _, function = name.rpartition(".")
            as_written = getattr(self.network.get_submodule(owner), function)
            self._compiled[name] = torch.compile(as_written, dynamic=False, backend=plan.backend, mode=plan.mode)
        self._graphs = plan.mode == GRAPHS

    def _try(self, batch: Batch) -> None:
        with self.on(batch):
            for _, loss in self.losses(batch):
                self.network.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]


@contextmanager
def _in_place(network: Network, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """The network has ``function`` for its method of that dotted name."""
    owner, _, method = name.rpartition(".")
    attributes = vars(network.get_submodule(owner))
    before = attributes.get(method)
    attributes[method] = function
    try:
        yield
    finally:
        del attributes[method]
        if before is not None:
            attributes[method] = before
