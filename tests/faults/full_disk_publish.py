"""The disk fills up while records are published: a clear line, nothing half-written, and the same command finishes.

Run once, as root, beside the default suite (it mounts a small tmpfs):

    python tests/faults/full_disk_publish.py [STORE]

STORE: a working store with finished records; without one, the published records of this repository stand for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARE = 0.4  # of what the published records need: the disk is full in the middle


def tumorbench(*arguments: str) -> tuple[int, str]:
    """(exit code, stdout and stderr) of a command."""
    found = subprocess.run(
        [sys.executable, "-m", "tumorbench", *arguments], capture_output=True, text=True, check=False
    )
    return found.returncode, (found.stdout + found.stderr).strip()


def records_and_scraps(folder: Path) -> tuple[int, list[str]]:
    """(records, what a command that failed has left of its work)."""
    scraps = [str(path) for path in folder.rglob("*") if path.suffix == ".tmp" or path.name.startswith(".publish-")]
    return len(list(folder.rglob("record.json"))), scraps


def say(*words: object) -> None:
    """One line on stdout."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main() -> None:
    """Publishes to a disk that is too small, then to the same disk with more room, and verifies what is there."""
    store = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "leaderboards/results")
    with tempfile.TemporaryDirectory() as folder:
        whole = str(Path(folder) / "whole")
        say(tumorbench("publish", "--store", store, "--published", whole))
        needed = sum(path.stat().st_size for path in Path(whole).rglob("*") if path.is_file())
        disk = Path(folder) / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={int(needed * SHARE)}", "tmpfs", disk], check=True)
        try:
            code, said = tumorbench("publish", "--store", store, "--published", str(disk))
            say(code, said, records_and_scraps(disk))
            assert code == 2, "a full disk is code 2"
            assert str(disk) in said, "the line names the path"
            assert len(said.splitlines()) == 1, "it is one line"
            assert not records_and_scraps(disk)[1], "nothing half-written is left"
            subprocess.run(["mount", "-o", f"remount,size={needed * 3}", disk], check=True)
            for command in (("publish", "--store", store), ("verify",)):
                code, said = tumorbench(*command, "--published", str(disk))
                say(code, said)
                assert code == 0, "after making room the same command finishes"
        finally:
            subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    main()
