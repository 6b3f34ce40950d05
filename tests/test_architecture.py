"""Imports point one way: cli -> run -> steps -> contracts; steps never import one another; plugins import ``tumorbench`` only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "tumorbench"
PLUGINS = Path(__file__).parents[1] / "plugins"
LAYERS = {
    "errors": 0,
    "contracts": 1,
    "run": 3,
    "testing": 3,
    "cli": 4,
}  # every other name below tumorbench is a step: 2
STEP = 2


def imported(path: Path) -> set[str]:
    """Every module below tumorbench that the file imports, wherever in it: ``tumorbench.data.decode`` -> "data"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= (
                {node.module} if node.module != "tumorbench" else {f"tumorbench.{alias.name}" for alias in node.names}
            )
    return {name.split(".")[1] for name in names if name.startswith("tumorbench.")}


def files() -> list[Path]:
    return [
        path
        for path in sorted(CORE.rglob("*.py"))
        if path.parent != CORE or path.name not in ("__init__.py", "__main__.py")
    ]


def name_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(CORE).as_posix())
def test_imports_point_downward(path):
    own = name_of(path)
    for other in imported(path) - {own}:
        here, there = LAYERS.get(own, STEP), LAYERS.get(other, STEP)
        assert there < here, f"{path.name} ({own}) imports {other}"


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*/tumorbench_*/**/*.py")), ids=lambda path: path.name)
def test_plugins_import_only_the_public_names(path):
    public = set(__import__("tumorbench").__all__) | {"testing"}
    assert imported(path) <= public


def test_the_check_sees_imports_inside_functions(tmp_path):
    file = tmp_path / "probe.py"
    file.write_text("def f():\n    from tumorbench.run import plan\n")
    assert imported(file) == {"run"}
