"""Imports point one way, module by module, and in no circle; plugins import ``tumorbench`` only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE, PLUGINS = ROOT / "tumorbench", ROOT / "plugins"
ORDER = (  # what stands in one line is siblings, which do not import one another; each may import what stands above
    ("errors",),
    ("contracts",),
    ("hardware", "registry", "store"),
    ("data", "figures", "metrics", "statistics", "tables"),
    ("boards", "training"),
    ("reports", "tasks"),
    ("run", "speed"),
    ("publish",),
    ("api",),
    ("cli", "testing"),
)
LAYERS = {package: number for number, packages in enumerate(ORDER) for package in packages}
OPEN = ("__init__", "__main__")  # of the package itself: the public names, and the way in


def module_name(path: Path, root: Path = CORE) -> str:
    """``data/split.py`` -> "data.split", ``boards/__init__.py`` -> "boards"."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def modules(root: Path = CORE) -> dict[str, Path]:
    return {name: path for path in sorted(root.rglob("*.py")) if (name := module_name(path, root)) not in OPEN}


def imported(path: Path, known: set[str]) -> set[str]:
    """The modules of ``known`` that the file imports, wherever in it: at its top, in functions, for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in (each.removeprefix("tumorbench.") for each in names if each.startswith("tumorbench.")):
            found |= {part for part in (name, name.rpartition(".")[0]) if part in known} & (
                {name} if name in known else {name.rpartition(".")[0]}
            )
    return found


def graph(root: Path = CORE) -> dict[str, set[str]]:
    """Module -> the modules that it imports. A package's ``__init__`` is a module of that name."""
    files = modules(root)
    return {name: imported(path, set(files)) - {name} for name, path in files.items()}


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of one import circle, in order; [] where there is none."""
    done: set[str] = set()

    def search(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return trail[trail.index(name) :]
        if name in done:
            return []
        for other in sorted(imports.get(name, ())):
            if found := search(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(imports) if (found := search(name, []))), [])


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Imports that point to a sibling package or to one above, as ``FROM imports TO``."""
    found = []
    for name, others in imports.items():
        own = name.partition(".")[0]
        for other in others:
            there = other.partition(".")[0]
            if there != own and LAYERS[there] >= LAYERS[own]:
                found.append(f"{name} imports {other}")
    return found


def test_every_package_of_the_core_has_its_place_in_the_order():
    assert {name.partition(".")[0] for name in modules()} == set(LAYERS)


def test_no_import_points_up_or_to_a_sibling():
    assert upward(graph()) == []


def test_no_modules_import_each_other_in_a_circle():
    assert circle(graph()) == []


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*/tumorbench_*/**/*.py")), ids=lambda path: path.name)
def test_plugins_import_only_the_public_names(path):
    public = {f"tumorbench.{name}" for name in (*__import__("tumorbench").__all__, "testing")}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tumorbench":
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            assert names <= public or node.module == "tumorbench.testing"


@pytest.fixture
def core(tmp_path):
    """Makes a package of modules, by path and text."""

    def make(files: dict[str, str]) -> dict[str, set[str]]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return graph(tmp_path)

    return make


def test_a_circle_of_three_modules_of_one_package_is_seen(core):
    imports = core(
        {
            "run/score.py": "from tumorbench.run import generation\n",
            "run/generation.py": "def f():\n    from tumorbench.run.synthetic import g\n",
            "run/synthetic.py": "if TYPE_CHECKING:\n    from tumorbench.run.score import h\n",
        }
    )
    assert sorted(circle(imports)) == ["run.generation", "run.score", "run.synthetic"]


def test_an_import_of_a_sibling_and_one_that_points_up_are_seen_inside_functions(core):
    imports = core(
        {
            "boards/pages.py": "def f():\n    from tumorbench.reports.leaks import g\n",
            "reports/leaks.py": "",
            "data/split.py": "import tumorbench.run.plan\n",
            "run/plan.py": "",
        }
    )
    assert sorted(upward(imports)) == ["boards.pages imports reports.leaks", "data.split imports run.plan"]


def test_a_package_and_its_own_module_are_told_apart(core):
    imports = core({"boards/pages.py": "", "boards/__init__.py": "from tumorbench.boards.pages import f\n"})
    assert imports == {"boards": {"boards.pages"}, "boards.pages": set()}


LIGHT = (
    "tumorbench.run.plan",
    "tumorbench.run.campaign",
    "tumorbench.run.executors",
    "tumorbench.boards",
    "tumorbench.reports",
    "tumorbench.publish.publish",
    "tumorbench.publish.verify",
    "tumorbench.publish.compare",
    "tumorbench.tasks",
)


@pytest.mark.parametrize("module", LIGHT)
def test_what_needs_no_network_loads_no_torch(module):
    program = f"import sys, {module}\nassert 'torch' not in sys.modules, 'torch was imported'"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
