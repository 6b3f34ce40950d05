"""What pytest does where ``--tumorbench-bench MODEL`` is given: it collects ``bench_checks``, with no test file.

Collecting imports no torch. Without paths on the command line only the checks run; with paths they come after the tests there.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tumorbench.errors import BadInput
from tumorbench.registry import Registry, find
from tumorbench.testing.bench_asked import BASELINE, NOTES, name_and_pixels
from tumorbench.testing.bench_baseline import Baseline

__all__ = ["only_checks_without_paths", "pytest_collection_modifyitems", "pytest_terminal_summary"]


class Checks(pytest.Module):
    """The module of checks as pytest collects it, whatever the names of test functions are in the configuration."""

    def _getobj(self) -> ModuleType:
        from tumorbench.testing import bench_checks

        return bench_checks

    def funcnamefilter(self, name: str) -> bool:
        """Whether the function is a check."""
        return name.startswith("test_")


def only_checks_without_paths(config: pytest.Config) -> None:
    """Where the command line names no path, pytest collects nothing else."""
    if config.args_source is not config.ArgsSource.ARGS:
        config.args = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """The checks of each named model are among the items.

    Raises: UsageError for a model or a baseline that cannot be used.
    """
    update = config.getoption("tumorbench_bench_update")
    try:
        registry = find()
        for name in config.getoption("tumorbench_bench"):
            _check_known(registry, name)
        path = config.rootpath / config.getoption("tumorbench_bench_baseline")
        config.stash[BASELINE] = baseline = Baseline.read(path, _command(config))
        if not update:
            baseline.check_torch()
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[NOTES] = []
    checks = Checks.from_parent(
        session, path=Path(__file__).with_name("bench_checks.py"), name="tumorbench-bench", nodeid="tumorbench-bench"
    )
    items.extend(session.genitems(checks))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the checks found, one line each."""
    if notes := config.stash.get(NOTES, []):
        terminalreporter.section("tumorbench: against the baseline")
        for note in notes:
            terminalreporter.write_line(note)


def _check_known(registry: Registry, asked: str) -> None:
    """A model of that name is installed, or a pattern fits it. Raises: BadInput."""
    name, _ = name_and_pixels(asked)
    if not registry.has_model(name):
        raise registry.unknown("model", registry.models, name.partition("[")[0])


def _command(config: pytest.Config) -> str:
    """What writes the baseline that this run needs."""
    models = " ".join(f"--tumorbench-bench '{name}'" for name in config.getoption("tumorbench_bench"))
    file = config.getoption("tumorbench_bench_baseline")
    given = "" if file == "tumorbench-bench.json" else f" --tumorbench-bench-baseline {file}"
    return f"pytest {models}{given} --tumorbench-bench-update"
