"""What ``new-plugin`` writes: a package of one kind, from the templates in ``tumorbench/template``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import requires, version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from tumorbench.errors import BadInput

__all__ = ["KINDS", "Kind", "commands", "write_package"]

Kind = Literal["model", "dataset", "metric", "extractor", "executor", "observer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
INDENT = " " * 10  # of a command in the workflow


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between packages of two kinds.

    requires: packages beside tumorbench. tested_with: packages that only the tests and the commands need. run: the
    arguments of the ``tumorbench run`` that shows it at work. before, shown: commands around that one. after: one more
    check of what was run. speed: checks of it beside the package's own. versions: when the version of its card is
    raised.
    """

    title: str
    run: str
    versions: str = ""
    requires: tuple[str, ...] = ()
    tested_with: tuple[str, ...] = ("tumorbench-phantom", "tumorbench-classifiers")
    before: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    speed: tuple[str, ...] = ()
    root: str = ""  # of the data, where it is the package's own


DRAWN = "--data-root data"
HELD = "python -m pytest --tumorbench-bench @NAME@-net"  # against the baseline that the package commits
ABOUT: dict[Kind, _Kind] = {
    "model": _Kind(
        "Models",
        "-d phantom -m @NAME@-net",
        " Raise its `version` with every change of the network: its cells are then new ones.",
        requires=("torch",),
        tested_with=("tumorbench-phantom",),
        after=("tumorbench replay --sample 1",),
        speed=(f"test -f tumorbench-bench.json || {HELD} --tumorbench-bench-update", HELD),
    ),
    "dataset": _Kind(
        "A data set",
        f"-d @NAME@ -m pose-cnn {DRAWN}",
        " Raise its `version` where the published slices change: cells on it are then new ones.",
        tested_with=("numpy", "pillow", "tumorbench-classifiers"),
        before=("python tests/draw_slices.py data/@NAME@", f"tumorbench data verify @NAME@ {DRAWN}"),
        root=DRAWN,
    ),
    "metric": _Kind(
        "Metrics",
        "-d phantom -m pose-cnn",
        " Raise its `version` with every change of its values: finished results are then scored anew.",
        requires=("numpy",),
        tested_with=("scikit-learn", "tumorbench-phantom", "tumorbench-classifiers"),
        shown=("tumorbench export --metric @MODULE@_worst_recall",),
    ),
    "extractor": _Kind(
        "Feature extractors",
        "-d phantom -m robles-cvae",
        " Raise its `version` with every change of its features: finished results are then scored anew.",
        requires=("torch", "torch-fidelity"),
        tested_with=("tumorbench-phantom", "tumorbench-generators"),
        shown=("tumorbench export --metric 'kid[@NAME@-random]'",),
    ),
    "executor": _Kind(
        "An executor",
        "-d phantom -m pose-cnn --executor @NAME@-threads",
        after=("tumorbench replay --sample 1",),
    ),
    "observer": _Kind(
        "An observer",
        "-d phantom -m pose-cnn --observe @NAME@-csv",
        shown=("tail -n 3 runs/@NAME@.csv",),
    ),
}


def write_package(target: Path, name: str, kind: Kind, author: str) -> None:
    """The package ``name`` lies in ``target``. Raises: BadInput, naming the folder, where that cannot be written."""
    module, template = name.replace("-", "_"), files("tumorbench") / "template"
    places = {
        "common/pyproject.toml": "pyproject.toml",
        "common/README.md": "README.md",
        "common/CHANGELOG.md": "CHANGELOG.md",
        "common/LICENSE": "LICENSE",
        "common/gitignore": ".gitignore",
        "common/ci.yml": ".github/workflows/checks.yml",
        f"{kind}/plugin.py": f"{module}.py",
        f"{kind}/test_plugin.py": f"tests/test_{module}.py",
        f"{kind}/test_speed.py": "tests/test_speed.py",
    }
    if kind == "dataset":
        places |= {f"dataset/{each}": f"tests/{each}" for each in ("conftest.py", "draw_slices.py")}
    values = _values(name, kind, author, (template / kind / "about.md.txt").read_text(encoding="utf-8").strip())
    try:
        for source, path in places.items():
            text = (template / f"{source}.txt").read_text(encoding="utf-8")
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(_filled(text, values), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{target} cannot be written ({error.strerror}); give another --folder") from None


def commands(target: Path, name: str, kind: Kind) -> list[str]:
    """What to type to see the package in ``target`` at work: installed, tested, run. Each is one line of a shell."""
    here = [f"cd {shlex.quote(str(target))}", "python -m pip install -e '.[test]'", "python -m pytest --benchmark-skip"]
    return [*here, *(_filled(line, {"NAME": name, "MODULE": name.replace("-", "_")}) for line in _at_work(kind))]


def _run(kind: Kind) -> str:
    return f"tumorbench run {ABOUT[kind].run} --protocol grouped --budget quick"


def _at_work(kind: Kind) -> list[str]:
    """The item is used, and what it does is seen."""
    return [*ABOUT[kind].before, _run(kind), *ABOUT[kind].shown]


def _timed(kind: Kind) -> list[str]:
    return ["python -m pytest --benchmark-only", *ABOUT[kind].speed]


def _verified(kind: Kind) -> list[str]:
    """Results that are computed, published, verified, and where that is cheap computed again."""
    about = ABOUT[kind]
    checked = f"tumorbench verify --published published{f' --data {about.root}' if about.root else ''}"
    published = "tumorbench publish --published published"
    return [*about.before, f"{_run(kind)} --deterministic --no-throughput", published, checked, *about.after]


def _values(name: str, kind: Kind, author: str, said: str) -> dict[str, str]:
    """What stands for each placeholder of a template."""
    about, bounds = ABOUT[kind], _bounds()
    test = ("pytest", "pytest-benchmark", "ruff", *about.tested_with)
    values = {
        "NAME": name,
        "MODULE": name.replace("-", "_"),
        "KIND": kind,
        "TITLE": about.title,
        "VERSIONS": about.versions,
        "AUTHOR": author or f"The authors of {name}",
        "YEAR": str(datetime.now(UTC).year),
        "PYTHON": ">=3.11",
        "SOURCE": "tumorbench",
        "SIGNATURES": _signatures(),
        "REQUIRES": _quoted(each + bounds.get(each, "") for each in ("tumorbench", *about.requires)),
        "TEST_REQUIRES": _quoted(each + bounds.get(each, "") for each in test),
        "TRY": "\n".join(_at_work(kind)),
        "CHECKS": "\n".join([*_timed(kind), *_verified(kind)]),
        "SPEED": "\n".join(INDENT + line for line in _timed(kind)),
        "VERIFY": "\n".join(INDENT + line for line in _verified(kind)),
    }
    filled = {key: _filled(value, values) for key, value in values.items()}
    return filled | {"ABOUT": _filled(said, filled)}


def _bounds() -> dict[str, str]:
    """Package -> versions: tumorbench's own below the next that may break, others' as tumorbench asks for them."""
    installed = version("tumorbench")
    major, minor = (int(part) for part in installed.split(".")[:2])
    following = f"{major}.{minor + 1}" if major == 0 else f"{major + 1}"
    found = re.compile(r"([A-Za-z0-9.-]+)([<>=!~][^;]*)?")
    asked = [match for each in requires("tumorbench") or () if (match := found.match(each))]
    return {match[1]: (match[2] or "").strip() for match in asked} | {"tumorbench": f">={installed},<{following}"}


def _signatures() -> str:
    """What a metric of each task is called with, as Markdown: from the docstring of ``tumorbench.metrics``."""
    said = (import_module("tumorbench.metrics").__doc__ or "").partition("\n- ")[2].partition("\n\n")[0]
    return f"- {said}".replace("``", "`")


def _quoted(names: Any) -> str:
    return ", ".join(f'"{each}"' for each in names)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each ``@NAME@`` of ``values`` filled in."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
