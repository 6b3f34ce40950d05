"""What `new-plugin` writes: a package of each kind that installs, works, and passes its own tests and checks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tumorbench.cli.package import KINDS
from tumorbench.testing import check_card, plugin_cards

RUN = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")
CARDS = {
    "model": "my-models-net",
    "dataset": "my-models",
    "metric": "my_models_worst_recall",
    "extractor": "my-models-random",
    "executor": "my-models-threads",
    "observer": "my-models-csv",
}


@pytest.fixture
def make(tumorbench, tiny, monkeypatch):
    """Makes a package with ``new-plugin``, ready to import. Returns its folder and what was printed."""

    def made(name: str = "my-models", *options: str) -> tuple[Path, str]:
        monkeypatch.delitem(sys.modules, name.replace("-", "_"), raising=False)  # of another test
        result = tumorbench("new-plugin", name, *options)
        assert result.code == 0, result.err
        monkeypatch.syspath_prepend(tiny / name)
        return tiny / name, result.out

    return made


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def unfilled(folder: Path) -> list[str]:
    """Places of the templates that stayed open."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {found}" for path in files for found in re.findall(r"@[A-Z_]+@", path.read_text())]


def test_every_kind_is_a_package_that_can_be_published(make, kind):
    folder, _ = make("my-models", "--kind", kind, "--author", "Ada Lovelace")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files >= {
        ".github/workflows/checks.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "my_models.py",
        "pyproject.toml",
        "tests/test_my_models.py",
        "tests/test_speed.py",
    }
    assert unfilled(folder) == []
    assert "Ada Lovelace" in (folder / "LICENSE").read_text()
    described = project(folder)["project"]
    assert described["entry-points"]["tumorbench"] == {"my-models": "my_models"}
    assert described["authors"] == [{"name": "Ada Lovelace"}]
    assert {"pytest", "pytest-benchmark", "ruff"} <= {
        re.split("[<>=]", each)[0] for each in described["optional-dependencies"]["test"]
    }


def test_its_dependencies_are_bounded_as_tumorbench_s_own_are(make):
    folder, _ = make("my-models")
    own = project(Path(__file__).parents[2])["project"]
    (torch,) = [each for each in own["dependencies"] if re.match(r"torch\b(?!-)", each)]
    major, minor, _ = own["version"].split(".")
    assert project(folder)["project"]["dependencies"] == [
        f"tumorbench>={own['version']},<{major}.{int(minor) + 1}",
        torch,
    ]


def test_every_kind_hands_over_a_complete_card(make, kind):
    make("my-models", "--kind", kind)
    (card,) = plugin_cards("my_models")
    check_card(card)
    assert card.id == CARDS[kind]


def test_every_kind_passes_its_own_tests(make, kind, monkeypatch):
    folder, _ = make(f"own-{kind}", "--kind", kind)
    for name in [each for each in sys.modules if each.partition(".")[0] == "tests"]:
        monkeypatch.delitem(sys.modules, name)  # pytest would take them for the package's own modules of that name
    given = ["-q", "-p", "no:cacheprovider", "--benchmark-skip", "--import-mode=importlib"]
    assert pytest.main([*given, "-c", str(folder / "pyproject.toml"), "--rootdir", str(folder), str(folder)]) == 0


@pytest.mark.parametrize("name", ["a", "quite-a-long-name-of-a-package"])
def test_every_kind_passes_ruff(make, kind, name):
    folder, _ = make(name, "--kind", kind)
    for check in (["check"], ["format", "--check"]):
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "."], cwd=folder, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert ruff.returncode == 0, ruff.stdout


def test_a_new_plugin_s_model_runs(make, tumorbench, install_plugin):
    folder, _ = make("my-models")
    install_plugin("my-models", my_models=(folder / "my_models.py").read_text())
    ran = tumorbench("run", *RUN, "-m", "my-models-net", "--json")
    assert (ran.code, [record["status"] for record in json.loads(ran.out)]) == (0, ["ok"])


def test_the_readme_of_a_metric_says_what_a_metric_of_each_task_is_called_with(make):
    folder, _ = make("my-models", "--kind", "metric")
    readme = (folder / "README.md").read_text()
    assert "`metric(labels, probabilities, classes)`" in readme
    assert "`metric(confusions, mask_classes)`" in readme
    assert "`metric(real, generated)`" in readme


def test_the_printed_commands_are_those_of_the_readme_and_the_workflow(make, kind):
    folder, printed = make("my-models", "--kind", kind)
    commands = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
    readme, workflow = (folder / "README.md").read_text(), (folder / ".github/workflows/checks.yml").read_text()
    assert commands[0] == "cd my-models"
    assert [line for line in commands[1:] if line not in readme] == []
    checked = readme.partition("## Check it")[2].partition("```\n")[2].partition("```")[0]
    assert [part for line in checked.splitlines() for part in line.split(" && ") if part not in workflow] == []


@pytest.mark.parametrize("name", ["My Models", "my_models", "9lives", "my-", "class", "torch", "tumorbench"])
def test_a_name_that_no_package_can_have_is_refused(tumorbench, tiny, name):
    result = tumorbench("new-plugin", name)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not (tiny / name).exists()


@pytest.mark.parametrize(("option", "value"), [("--kind", "modell"), ("--author", 'a"b')])
def test_a_kind_or_an_author_that_cannot_be_is_refused(tumorbench, tiny, option, value):
    result = tumorbench("new-plugin", "my-models", option, value)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not (tiny / "my-models").exists()


def test_a_new_plugin_overwrites_nothing(make, tumorbench):
    folder, _ = make("my-models")
    before = (folder / "my_models.py").read_text()
    (folder / "my_models.py").write_text(before + "# changed\n")
    assert tumorbench("new-plugin", "my-models").code == 2
    assert (folder / "my_models.py").read_text() == before + "# changed\n"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Iterator[Path]:
    """The programs of a virtual environment that has only tumorbench and its plugins, as the README says."""
    root, folder = Path(__file__).parents[2], tmp_path_factory.mktemp("fresh") / "venv"
    packages = [root, *sorted(path.parent for path in root.glob("plugins/*/pyproject.toml"))]
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--seed", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--python", folder / "bin" / "python"]
    else:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [folder / "bin" / "python", "-m", "pip", "install"]
    subprocess.run([*install, "-c", root / "constraints.txt", *packages], check=True)
    yield folder / "bin"
    shutil.rmtree(folder)


@pytest.mark.slow
def test_what_is_printed_and_what_the_readme_checks_works_in_a_fresh_environment(fresh, tmp_path, kind):
    environment = {
        "PATH": f"{fresh}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TUMORBENCH_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }

    def shell(commands: str, folder: Path) -> str:
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{commands}"], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    printed = shell(f"tumorbench new-plugin my-{kind} --kind {kind}", tmp_path)
    shell("\n".join(line.strip() for line in printed.splitlines() if line.startswith("  ")), tmp_path)
    readme = (tmp_path / f"my-{kind}" / "README.md").read_text()
    shell(readme.partition("## Check it")[2].partition("```\n")[2].partition("```")[0], tmp_path / f"my-{kind}")
