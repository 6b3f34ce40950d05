"""The process of one observer: it makes it and hands over what comes on stdin, a line of JSON each.

On the original stdout it answers with one line at most, ``{"fault": reason}``; everything else that is printed goes to
stderr, which is the observer's log. Call: ``python -m tumorbench.run.observing.host ID STORE [WHERE]``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tumorbench import registry
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.factory import load
from tumorbench.contracts.observer import ObservedCell, Observer, ObserverSettings
from tumorbench.contracts.record import Record
from tumorbench.errors import TumorbenchError, one_line

__all__ = ["main", "serve"]


def main(arguments: list[str]) -> int:
    """The observer was told all that came. Returns the exit code: 1 where it raised, which was answered."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, store, *where = arguments
    settings = ObserverSettings(Path(store), where[0] if where else None)
    try:
        serve(load(registry.find().observer(name).factory)(settings), sys.stdin)
    except BaseException as error:  # noqa: BLE001 - a stranger's observer may raise anything, SystemExit among it
        traceback.print_exc()
        answers.write(
            json.dumps({"fault": str(error) if isinstance(error, TumorbenchError) else one_line(error)}) + "\n"
        )
        return 1
    return 0


def serve(observer: Observer, lines: Iterable[str]) -> None:
    """The observer was told what the lines say, and closed. Raises: what it raises."""
    cells: dict[str, ObservedCell] = {}
    for line in lines:
        told = json.loads(line)
        match told["event"]:
            case "begin":
                cells[told["key"]] = cell = _cell(told)
                observer.begin(cell)
            case "epoch":
                observer.epoch(cells[told["key"]], told["entry"])
            case "end":
                observer.end(cells.pop(told["key"]), Record.model_validate(told["record"]))
    observer.close()


def _cell(told: dict[str, Any]) -> ObservedCell:
    identity, folder = CellIdentity.model_validate(told["identity"]), Path(told["folder"])
    names = {name: told[name] for name in ("key", "model_title", "dataset_title", "command")}
    return ObservedCell(identity=identity, folder=folder, **names)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # whatever threads and handlers the observer has left
