"""Cells that are killed at random moments end with the metrics of cells that were left alone, and nothing is lost.

Run once, beside the default suite:

    python tests/faults/kill_cells.py [KILLS] [SEED]

Classification, segmentation and generation cells, two seeds of each, are run under ``--deterministic``. At a random
moment ``kill -9`` hits the worker that computes a cell, the driver, or every process of the run; then the same command
is given again, until all cells are done. That is repeated in new stores until there were KILLS kills (100).
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from cells import MODELS, Outcome, environment_in, mean_cell_s, outcome, say, sessions, start

from tumorbench.run.lease import held

SEEDS = 2
TARGETS = (*["worker"] * 10, "driver", "everything")  # a driver goes on with the next cell after a worker was killed
POLL_S = 0.02
LONGEST_S = 1800.0  # that one command may take


@dataclass(slots=True)
class Tally:
    """What was killed: by target, and by the model whose cell was being computed ("none": before, between and after cells)."""

    targets: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    stores: int = 0

    @property
    def kills(self) -> int:
        return self.targets.total()


@dataclass(slots=True)
class Pace:
    """About how many seconds a cell takes now: the moments of kills are drawn from as many."""

    cell_s: float

    def survived(self, taken_s: float) -> None:
        """A cell has ended before its moment came: later moments are drawn earlier."""
        self.cell_s = (self.cell_s + taken_s) / 2


def processes_of(driver: subprocess.Popen[bytes]) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """(all that the driver has started, those of them that compute a cell); the latter are children of a worker."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(driver.pid)
        started = process.children(recursive=True)
        own = {each.pid for each in process.children()}
        return started, [each for each in started if each.pid not in own]
    return [], []


def killed(processes: list[psutil.Process]) -> bool:
    """Every process got SIGKILL and is gone. Returns whether one of them was alive."""
    hit = False
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            hit = hit or process.status() != psutil.STATUS_ZOMBIE
            process.send_signal(signal.SIGKILL)
    return hit


def wait_for_cell(driver: subprocess.Popen[bytes], before: set[int]) -> psutil.Process | None:
    """The process of a cell that has begun since; None where the driver ended first."""
    while driver.poll() is None:
        for process in processes_of(driver)[1]:
            if process.pid not in before:
                return process
        time.sleep(POLL_S)
    return None


def disturbed(driver: subprocess.Popen[bytes], store: Path, pace: Pace, tally: Tally, kills: int) -> None:
    """The command has ended: killed, or by itself after some of its workers were killed."""
    seen: set[int] = set()
    while driver.poll() is None and tally.kills < kills:
        target, moment_s = random.choice(TARGETS), random.uniform(0, pace.cell_s)  # noqa: S311 - no secret
        process = wait_for_cell(driver, seen) if target == "worker" else None
        if process:
            seen.add(process.pid)
        if has_ended(process or driver, moment_s, pace) or (target == "worker" and not process):
            continue
        computed = next((path.parent.name for path in store.glob("cells/*/*/*") if held(path)), "none")
        started, _ = processes_of(driver)
        own = [psutil.Process(driver.pid)]
        if killed({"worker": [process], "driver": own, "everything": own + started}[target]):
            tally.targets[target] += 1
            tally.models[computed] += 1
        if target != "worker":
            psutil.wait_procs(started, timeout=60)
    driver.wait(LONGEST_S)
    psutil.wait_procs(processes_of(driver)[0], timeout=60)


def has_ended(process: psutil.Process | subprocess.Popen[bytes], moment_s: float, pace: Pace) -> bool:
    """Whether the process ended by itself within that time."""
    began = time.monotonic()
    with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
        process.wait(moment_s)
        if isinstance(process, psutil.Process):  # a worker, and not the driver
            pace.survived(time.monotonic() - began)
        return True
    return False


def store_with_kills(folder: Path, environment: dict[str, str], pace: Pace, tally: Tally, kills: int) -> Outcome:
    """The same command is given again and again until its cells are done; nothing that was finished is lost meanwhile."""
    store, log = folder / f"killed-{tally.stores}", folder / "log.txt"
    done: Outcome = {}
    tally.stores += 1
    while True:
        driver = start(store, environment, log, seeds=SEEDS)
        tally.commands += 1
        disturbed(driver, store, pace, tally, kills)
        now = outcome(store) if store.exists() else {}
        assert {model: now.get(model) for model in done} == done, f"a finished cell was lost: {store}"
        done = now
        say(f"{tally.commands} commands, {tally.kills} kills; {store.name}: {len(done)} cells done")
        if driver.returncode == 0:
            return done


def main() -> None:
    """Prints what was killed, and that every cell has the metrics of the run that was left alone."""
    kills, seed = (int(word) for word in (*sys.argv[1:3], *("100", "0")[len(sys.argv) - 1 :]))
    random.seed(seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment, log = dict(environment_in(folder)), folder / "log.txt"
        began = time.monotonic()
        assert start(folder / "whole", environment, log, seeds=SEEDS).wait(LONGEST_S) == 0
        whole, pace = outcome(folder / "whole"), Pace(mean_cell_s(folder / "whole"))
        assert len(whole) == len(MODELS) * SEEDS, "the run that was left alone finished"
        say(f"left alone: {len(whole)} cells in {time.monotonic() - began:.1f} s, a cell in {pace.cell_s:.1f} s")
        while tally.kills < kills:
            found = store_with_kills(folder, environment, pace, tally, kills)
            store = folder / f"killed-{tally.stores - 1}"
            say(f"{store.name}: (sessions, last went on after epoch) {sessions(store)}")
            unequal = [
                (model, part) for model in whole for part in whole[model] if found[model][part] != whole[model][part]
            ]
            assert not unequal, f"not as in the run that was left alone: {unequal}"
            scraps = [str(path) for path in store.rglob("*") if path.suffix == ".tmp"]
            assert not scraps, f"left behind: {scraps}"
    say(
        f"{tally.kills} kills ({dict(tally.targets)}; cell {dict(tally.models)}) in {tally.commands} commands on "
        f"{tally.stores} stores: metrics, losses and predictions are those of the run that was left alone, nothing lost"
    )


if __name__ == "__main__":
    main()
