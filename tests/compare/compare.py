"""tumorbench's training against what people write, end to end on real images, in one run.

    tox -e compare                                   the table
    tox -e compare -- --models pose-cnn --json       one model, every turn as JSON

Four ways train the same network from the same weights on the same slices, each in a process of its own, in turns: a
loop as tutorials write it, PyTorch Lightning, tumorbench, and a hand-written loop with tumorbench's means. A turn is
some seconds of training, reading of files included; tumorbench and the hand-written loop have theirs after each of the
others', so that every ratio is of neighbouring turns. Before that, the loss of one batch must be the same every way, in
float32 and, with the norm of its gradient, in float64. Data are found as ``tumorbench run`` finds them
(TUMORBENCH_DATA); without them the phantom is used. Exits with 1 where losses differ or a way fails, and with 2 for bad
usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from jobs import SETTINGS, Job, jobs
from paired_ratios import BY_HAND, FEWEST, OURS, TOLERANCES, Row, check_losses, table
from turns import Failed, Process, Way, started

from tumorbench.errors import BadInput
from tumorbench.hardware import describe_hardware

WAYS = (
    Way("loader", "ImageFolder + DataLoader, fp32", "tutorial"),
    Way("lightning", "Lightning", "with_lightning"),
    Way(OURS, "tumorbench", "by_tumorbench", tuned=True),
    Way(BY_HAND, "hand-written, same means", "by_hand", tuned=True),
)
OTHERS = tuple(way.name for way in WAYS if way.name not in (OURS, BY_HAND))
GOAL, HARNESS_GOAL = 3.0, 0.03
WARM = 1  # batches before the one by which a turn's length is chosen
FAST_SHARE = 0.5  # of a turn's seconds that the fast ways take: they have two turns a round


def main() -> int:
    """The table or JSON is on stdout, and what is going on is on stderr. Returns the exit code."""
    asked = _asked()
    began = time.perf_counter()
    chosen = tuple(setting for setting in SETTINGS if not asked.models or setting.model in asked.models)
    try:
        todo = jobs(chosen, asked.device)
    except BadInput as error:
        _say(f"error: {error}")
        return 2
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            with started(WAYS, todo[0].device, Path(folder)) as processes:
                for job in todo:
                    _say(f"{time.perf_counter() - began:.0f} s: {job.model.id} on {job.dataset.spec.id}")
                    rows.append(_measured(job, processes, asked.rounds, asked.seconds))
        except (Failed, ValueError) as error:
            _say(f"error: {error}")
            return 1
    hardware = describe_hardware(todo[0].device)
    titles = {way.name: way.title for way in WAYS}
    shown = "\n".join([table(rows, titles), "", *_notes(rows), "", f"Machine: {_machine(hardware)}."])
    if asked.json:
        _say(shown)
        shown = json.dumps({"hardware": hardware, "rows": [row.as_json() for row in rows]}, indent=2)
    sys.stdout.write(f"{shown}\n")
    _say(f"{time.perf_counter() - began:.0f} s")
    return 0


def _asked() -> argparse.Namespace:
    names = [setting.model for setting in SETTINGS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=names, metavar="MODEL", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each slow way (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of a slow way's turn, about (%(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--json", action="store_true", help="every turn as JSON on stdout; the table on stderr")
    asked = parser.parse_args()
    if asked.rounds < 1 or not asked.seconds > 0:
        parser.error("--rounds is at least 1, and --seconds above 0")
    return asked


def _measured(job: Job, processes: Mapping[str, Process], rounds: int, seconds: float) -> Row:
    """The job, trained every way in turns. Raises: ValueError where the first losses differ; Failed."""
    preprocessing = job.recipe.preprocessing
    shape = f"{preprocessing.size} x {preprocessing.size} x {preprocessing.channels}"
    slices, batch = len(job.dataset.samples), job.recipe.batch_size
    row = Row(job.model.id, job.dataset.spec.id, slices, shape, batch, job.recipe.precision)
    row.losses = {name: process.begin(job) for name, process in processes.items()}
    check_losses(row.losses)
    images = {
        name: _turn_images(process, batch, seconds if name in OTHERS else FAST_SHARE * seconds)
        for name, process in processes.items()
    }
    row.turns = {name: [] for name in processes}
    for number in range(2 * rounds):
        for way in OTHERS:
            if number < rounds or row.kept(way) < FEWEST:  # again, where too many were disturbed
                _take_turns(row, way, processes, images)
    row.end_s = {name: process.stop() for name, process in processes.items()}
    return row


def _take_turns(row: Row, way: str, processes: Mapping[str, Process], images: Mapping[str, int]) -> None:
    """The row has one more turn of that way, and of tumorbench and the hand-written loop beside it, in either order."""
    for name in (way, *((OURS, BY_HAND) if len(row.turns[OURS]) % 2 else (BY_HAND, OURS))):
        row.turns[name].append(processes[name].turn(images[name]))
    own = len(row.turns[OURS]) - 1
    row.pairs += [(name, len(row.turns[name]) - 1, own) for name in (way, BY_HAND)]


def _turn_images(process: Process, batch: int, seconds: float) -> int:
    """Images of which a turn takes about so many seconds, in whole batches. Two turns of one batch come first."""
    process.turn(WARM * batch)
    return batch * max(1, round(seconds / process.turn(batch).seconds))


def _notes(rows: list[Row]) -> list[str]:
    """What the table does not say: whether losses were equal, goals were met, and turns were disturbed."""
    differences = [check_losses(row.losses) for row in rows]
    worst = {quantity: max(each[quantity] for each in differences) for quantity in TOLERANCES}
    first = {row.model: ratio and ratio.median >= GOAL for row in rows for ratio in [row.ratio(OTHERS[0])]}
    harness = {row.model: None if (found := row.overhead()) is None else found <= HARNESS_GOAL for row in rows}
    pairs, kept = (sum(each) for each in zip(*(row.counted() for row in rows), strict=True))
    same = f"loss {worst['float64', 'loss']:.0e} and gradient {worst['float64', 'gradient_norm']:.0e} in float64"
    return [
        (
            f"- The same batch, largest relative difference from tumorbench: {same}, "
            f"{worst['float32', 'loss']:.0e} in float32."
        ),
        f"- Goal of at least {GOAL:.0f}x the first: {_met(first)}.",
        f"- Goal of at most {100 * HARNESS_GOAL:.0f} % an epoch for the harness: {_met(harness)}.",
        (
            f"- {pairs - kept} of {pairs} pairs are left out: others took a tenth of the CPUs, or the matrix product before "
            "a turn did not get them."
        ),
    ]


def _met(goals: Mapping[str, bool | None]) -> str:
    """By which models a goal is met; None: it was not measured."""
    words = {True: "met by", False: "missed by", None: "not measured, for want of undisturbed turns, for"}
    named = {said: [model for model, met in goals.items() if met is which] for which, said in words.items()}
    return "; ".join(f"{said} {', '.join(models)}" for said, models in named.items() if models)


def _machine(hardware: Mapping[str, object]) -> str:
    shown = ("gpu", "cpu", "cpu_capability", "native_bf16", "cores", "threads", "memory_gib")
    return ", ".join(f"{name} {hardware[name]}" for name in shown if name in hardware)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
