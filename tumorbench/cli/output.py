"""What the command line prints: lines, tables, JSON, progress. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tumorbench.cli.streams import write_note, write_result
from tumorbench.contracts.files.regular import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tumorbench.cli.screen import Screen
    from tumorbench.store import Store

__all__ = ["Reporter", "fail", "print_json", "print_table", "reporter", "say", "tell_damaged"]


LONGEST = 20_000  # characters of an error: one line, and not a page


MOST_NAMED = 20  # damaged records in one command's output


def say(line: str = "") -> None:
    """One line on stdout."""
    write_result(line + "\n")


def fail(message: str, code: int = 2) -> int:
    """One line on stderr, without control characters; returns the exit code."""
    line = shown(" ".join(message.split()))
    write_note(f"tumorbench: {line if len(line) <= LONGEST else f'{line[:LONGEST]}...'}\n")
    return code


def tell_damaged(store: Store) -> int:
    """Every record that was met and could not be read is named on stderr. Returns the exit code: 1, or 0 without any."""
    reasons = list(store.damaged.values())
    for reason in reasons[:MOST_NAMED]:
        fail(reason)
    if more := reasons[MOST_NAMED:]:
        fail(f"{len(more)} other records in {store.root} cannot be read either")
    return 1 if store.damaged else 0


def print_json(content: Any) -> None:
    """``content`` as indented JSON on stdout."""
    say(json.dumps(content, indent=1))


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """A plain table on stdout: one line a row, columns by the first row's keys."""
    if not rows:
        return
    texts = [[str(value) for value in row.values()] for row in rows]
    names = list(rows[0])
    widths = [max(len(name), *(len(text[column]) for text in texts)) for column, name in enumerate(names)]
    for line in [names, ["-" * width for width in widths], *texts]:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


class Reporter:
    """Progress on stderr: bars on a terminal, one plain line an epoch elsewhere, nothing when silent."""

    def __init__(self, bars: Screen | None, *, silent: bool) -> None:
        self._bars, self._silent = bars, silent
        self._tasks: dict[str, Any] = {}
        self._steps = 0

    def line(self, text: str) -> None:
        """One line above the bars."""
        if self._silent:
            return
        if self._bars:
            self._bars.console.print(shown(text), markup=False, highlight=False)
        else:
            write_note(text + "\n")

    def progress(self, what: str, done: int, of: int) -> None:
        """``done`` of ``of`` of one kind of work."""
        if self._bars is None:
            if not self._silent and done == of:
                self.line(f"{what}: {of}")
            return
        task = self._tasks.setdefault(what, None)
        if task is None:
            task = self._tasks[what] = self._bars.add_task(what, total=of)
        self._bars.update(task, completed=done, total=of)
        if done >= of:
            self._bars.remove_task(task)
            del self._tasks[what]

    def epoch(self, entry: Mapping[str, float], epochs: int) -> None:
        """An epoch is over."""
        self._steps = 0
        shown = ", ".join(f"{name} {value:.4g}" for name, value in entry.items() if name != "epoch")
        self.line(f"  epoch {int(entry['epoch'])}/{epochs}: {shown}")
        if self._bars:
            self.progress("epochs", int(entry["epoch"]), epochs)

    def step(self, epoch: int, step: int) -> None:
        """A training step begins."""
        if self._bars is not None:
            task = self._tasks.get("steps")
            if task is None:
                task = self._tasks["steps"] = self._bars.add_task("steps", total=None)
            self._bars.update(task, completed=step, description=f"epoch {epoch}, step {step}")

    @property
    def on_terminal(self) -> bool:
        """Whether something can be shown that changes."""
        return self._bars is not None

    def show(self, board: RenderableType) -> None:
        """The board stands below the lines, and is drawn anew as it changes; on a terminal."""
        if self._bars is not None:
            self._bars.board = board

    def clear(self) -> None:
        """No bar is shown."""
        if self._bars:
            for task in self._tasks.values():
                self._bars.remove_task(task)
        self._tasks.clear()


@contextmanager
def reporter(*, silent: bool = False) -> Iterator[Reporter]:
    """A reporter for one command; its bars vanish at the end."""
    if silent or not sys.stderr.isatty():
        yield Reporter(None, silent=silent)
        return
    from tumorbench.cli.screen import Screen

    with Screen() as bars:
        yield Reporter(bars, silent=False)
