"""The disk fills up in the middle of an epoch: a clear line, nothing finished is lost, and the same command finishes.

Run once, as root, beside the default suite (it mounts a small tmpfs):

    python tests/faults/full_disk_run.py

A classification, a segmentation and a generation cell are run on a small disk, one after the other; as soon as a cell's
first epoch is kept, another file takes all the room that is left.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cells import MODELS, environment_in, outcome, say, sessions, start

SIZE_MIB = 32
BLOCK = bytes(2**16)
POLL_S = 0.01
LONGEST_S = 1800.0  # that one command may take


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 32 MiB in memory."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(file: Path) -> None:
    """The file has taken every byte that was left."""
    with suppress(OSError), file.open("wb", buffering=0) as taken:
        while taken.write(BLOCK):
            pass
    with suppress(OSError), file.open("ab", buffering=0) as taken:
        while taken.write(b"0"):
            pass


def said_by(run: subprocess.Popen[bytes], log: Path, before: int) -> tuple[int, str]:
    """(exit code, what the command said), where ``log`` had ``before`` bytes."""
    code = run.wait(LONGEST_S)
    return code, log.read_bytes()[before:].decode()


def filled_in_mid_epoch(model: str, disk: Path, environment: dict[str, str], log: Path) -> None:
    """The model's cell ended in a clear line when its disk was full, and the same command, with room, finished it."""
    before = log.stat().st_size if log.exists() else 0
    run = start(disk / "runs", environment, log, [model])
    while run.poll() is None and not list(disk.glob(f"runs/cells/*/{model}/*/progress*.pt")):
        time.sleep(POLL_S)
    fill(disk / "other.bin")
    done_before = outcome(disk / "runs")
    code, said = said_by(run, log, before)
    (told,) = [line for line in said.splitlines() if line.startswith("failed: ")]
    say(f"{model}, full disk: code {code}: {told}")
    assert code == 1, "a cell that failed is code 1"
    assert str(disk) in told, "the line names the path"
    assert "No space left" in told, "the line names the cause"
    assert "Traceback" not in said, "it is no traceback"
    (disk / "other.bin").unlink()
    code, said = said_by(start(disk / "runs", environment, log, [model]), log, log.stat().st_size)
    assert code == 0, said
    assert {name: outcome(disk / "runs")[name] for name in done_before} == done_before, "what was finished is there"
    say(f"{model}, with room: code {code}, (sessions, epoch) {sessions(disk / 'runs')[f'{model} 0']}")


def main() -> None:
    """Prints what each cell said on the full disk, and that with room each has the metrics of an undisturbed one."""
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name)) as disk:
        folder = Path(name)
        environment = dict(environment_in(folder))
        assert start(folder / "whole", environment, folder / "log.txt").wait(LONGEST_S) == 0
        for model in MODELS:
            filled_in_mid_epoch(model, disk, environment, folder / "log.txt")
        assert outcome(disk / "runs") == outcome(folder / "whole"), "equal to the cells that had room"
        say(f"{len(MODELS)} cells: metrics, losses and predictions are those of cells that had room")


if __name__ == "__main__":
    main()
