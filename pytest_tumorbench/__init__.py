"""The options ``--tumorbench-bench*`` of pytest.

Without them nothing of tumorbench is imported: any test run pays nothing.

A package of its own, because importing a module of ``tumorbench`` imports its cards first.
"""

from __future__ import annotations

from typing import Any

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: Any) -> None:
    """The options are known to pytest."""
    group = parser.getgroup("tumorbench", "speed and exact counts of tumorbench models")
    group.addoption(
        "--tumorbench-bench",
        action="append",
        default=[],
        metavar="MODEL[@PIXELS]",
        help="check this installed model against the baseline, on images of 64 or PIXELS pixels a side; repeatable",
    )
    group.addoption(
        "--tumorbench-bench-baseline",
        default="tumorbench-bench.json",
        metavar="FILE",
        help="the baseline; a relative path is one below the root folder (default: tumorbench-bench.json)",
    )
    group.addoption(
        "--tumorbench-bench-update", action="store_true", help="write what is measured into the baseline instead"
    )


def pytest_configure(config: Any) -> None:
    """The checks are part of the run where a model is named."""
    if config.getoption("tumorbench_bench"):
        from tumorbench.testing import bench

        config.pluginmanager.register(bench, "tumorbench-bench-checks")
        bench.only_checks_without_paths(config)
