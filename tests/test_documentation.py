"""What the documents promise is there, and what is there is in the documents."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import typing
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import numpy as np
import pytest
import typer

import tumorbench as tb
from tumorbench.cli import app
from tumorbench.contracts import hookspecs, schema
from tumorbench.contracts.budget import BUDGETS
from tumorbench.contracts.factory import load
from tumorbench.contracts.problem import Protocol, Task
from tumorbench.contracts.record import Status
from tumorbench.metrics.builtin import tumorbench_metrics
from tumorbench.testing import check_card, check_model, plugin_cards

ROOT = Path(__file__).parents[1]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
GUIDE = [README, *sorted(ROOT.glob("docs/*.md"))]  # what a user reads
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/*.md"), *ROOT.glob("leaderboards/*.md")]
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = re.compile(r"^python3 -m pip install (?:--quiet )?tox && python3 -m tox -e (\w+)$", re.MULTILINE)


def commands() -> list[str]:
    """Every command as it is typed after ``tumorbench``: "run", "data fetch"."""

    def below(command: typing.Any, name: str) -> list[str]:
        inner = getattr(command, "commands", None)
        return (
            [name]
            if inner is None
            else [leaf for key, each in inner.items() for leaf in below(each, f"{name} {key}".strip())]
        )

    return below(typer.main.get_command(app), "")


def environments() -> list[str]:
    """Every environment of tox.ini: those with a section, and those of env_list."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    return sorted(
        {section.removeprefix("testenv:") for section in tox.sections() if section.startswith("testenv:")}
        | set(re.split(r"[,\s]+", tox["tox"]["env_list"]))
    )


def unnamed(names: typing.Iterable[str], text: str) -> list[str]:
    """Those of ``names`` that no code span of the Markdown ``text`` is."""
    spans = set(re.findall(r"`([^`\n]+)`", FENCED.sub("", text)))
    return [name for name in names if name not in spans]


def broken_links(page: Path) -> list[str]:
    """Links and pictures of the page that point into the repository, and at nothing: a missing file, or a heading that no page has."""
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", page.read_text()))
    return [target for target in targets if not re.match(r"[a-z]+:", target) and not resolves(page, target)]


def resolves(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not heading or heading in anchors(file.read_text()))


def anchors(text: str) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    }


def guide() -> str:
    """The README and the pages of ``docs/`` as one text."""
    return "\n".join(page.read_text() for page in GUIDE)


def example(beginning: str) -> str:
    """The guide's Python example that begins with that line."""
    return next(
        code for language, code in FENCED.findall(guide()) if language == "python" and code.startswith(beginning)
    )


def module_of(path: str) -> ModuleType:
    """A module of ``docs/``, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{Path(path).stem}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_guide_names_every_command():
    assert "data fetch" in commands()
    assert unnamed([f"tumorbench {name}" for name in commands()], guide()) == []


def test_the_guide_and_contributing_name_every_hook():
    hooks = [name for name in hookspecs.__all__ if name != "hookimpl"]
    assert len(hooks) >= 4
    assert unnamed(hooks, guide()) == []
    assert unnamed(hooks, CONTRIBUTING.read_text()) == []


def test_the_guide_names_every_built_in_metric():
    assert unnamed([card.id for card in tumorbench_metrics()], guide()) == []


def test_every_public_name_has_its_place_in_the_api():
    described = [
        name
        for page in ROOT.glob("docs/**/*.md")
        for name in re.findall(r"^::: tumorbench\.(?:api\.\w+\.)?(\w+)$", page.read_text(), re.MULTILINE)
    ]
    assert sorted(described) == sorted({*tb.__all__, "testing"} - {"__version__"})


def test_the_site_explains_a_field_by_its_comment_and_fences_examples():
    docstrings = module_of("docs/docstrings.py")
    assert docstrings.comment("classes: tuple[str, ...] = Field(  # noqa: X\n    min_length=2)  # label order\n") == (
        "label order"
    )
    assert docstrings.comment('text = "# none"\n') == ""
    assert docstrings.comment("of: Any  # [true][predicted], as ``a[0]``\n") == r"\[true]\[predicted], as ``a[0]``"
    shown = docstrings.as_markdown("What it is, of:\n- one\n- two\n\n>>> 1 + 1\n2\n\nSo::\n\n    code")
    assert shown == "What it is, of:\n\n- one\n- two\n\n```pycon\n>>> 1 + 1\n2\n```\n\nSo:\n\n    code"


@pytest.mark.parametrize(
    "values",
    [*map(typing.get_args, (Task, Protocol, Status)), (*BUDGETS, "1of20")],
    ids=["task", "protocol", "status", "budget"],
)
def test_the_guide_explains_every_value_of_its_words(values):
    assert unnamed([value for value in values if value != "ok"], guide()) == []


def test_contributing_names_every_tox_environment():
    assert "py" in environments()
    assert unnamed(environments(), CONTRIBUTING.read_text()) == []


def test_the_readme_links_every_plugin_package_and_tox_installs_it():
    packages = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
    readme, tox = README.read_text(), (ROOT / "tox.ini").read_text()
    assert "tumorbench-datasets" in packages
    assert [name for name in packages if f"[{name}](plugins/{name}/README.md)" not in readme] == []
    assert [name for name in packages if f"-e plugins/{name}\n" not in tox] == []


def test_the_readme_s_two_commands_run_the_benchmark_and_the_tests():
    assert SET_UP.findall(README.read_text()) == ["run", "py"]
    assert {"run", "py"} <= set(environments())


def test_ci_runs_the_readme_s_test_command():
    assert SET_UP.findall((ROOT / ".ci" / "run").read_text()) == SET_UP.findall(README.read_text())[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_into_the_repository_lead_somewhere(page):
    assert broken_links(page) == []


def test_the_published_schema_is_that_of_the_models():
    assert (ROOT / "leaderboards" / "record.schema.json").read_text() == schema.schema_text(), (
        "run: python -m tumorbench.contracts.schema > leaderboards/record.schema.json"
    )


def test_constraints_pin_exact_versions_and_name_no_index():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[a-z0-9.-]+==[0-9][\w.]*", line)] == []
    assert not any("://" in line for line in lines)


def test_the_readme_s_numbers_are_those_of_the_published_page():
    numbers = module_of("docs/readme_numbers.py")
    made = numbers.with_numbers(README.read_text(), numbers.PAGE.read_text())
    assert README.read_text() == made, "run: python docs/readme_numbers.py"


def test_each_value_of_the_readme_links_to_records_that_have_it():
    """The mean over the records at the link's end is the value that is told."""
    numbers = README.read_text().partition("<!-- numbers")[2].partition("<!-- /numbers")[0]
    metric, budget, seen = "", "", 0
    for line in numbers.splitlines():
        if title := re.match(r"\*\*\w+, `(\w+)`.*, (\w+) budget", line):
            metric, budget = title.groups()
        for value, place in re.findall(r"\[([\d.]+)\]\((leaderboards/results/[^)]+)\)", line):
            path = ROOT / unquote(place)
            records = [path] if path.is_file() else sorted(path.glob("grouped-*/record.json"))
            contents = [json.loads(each.read_text()) for each in records]
            values = [
                each["value"]
                for content in contents
                if content["identity"]["budget"] == budget
                for each in content["metrics"]
                if each["name"] == metric
            ]
            assert f"{sum(values) / len(values):.3f}" == value, place
            seen += 1
    assert seen >= 2  # a line has two


def test_the_readme_s_numbers_leave_out_quick_rows_of_a_set_with_others():
    page = """**Classification, `accuracy`, full budget**

| model      | data set | published              | same split, run again  | patients apart        | difference |
|:-----------|:---------|:-----------------------|:-----------------------|:----------------------|:-----------|
| `one`      | `a`      | 0.9 ([r](r/r.md))      | [0.9](results/x)       | [0.7](results/y)      | -0.2       |
| `half`     | `a`      | -                      | —                      | [0.7](results/y)      | —          |

**Classification, `accuracy`, quick budget**

| model      | data set | published | same split, run again | patients apart        | difference |
|:-----------|:---------|:----------|:----------------------|:----------------------|:-----------|
| `two`      | `a`      | —         | [0.5](results/z)      | [0.4](results/w)      | -0.1       |
| `two`      | `b`      | —         | [0.6](results/v)      | [0.3](results/u)      | -0.3       |
"""
    numbers = module_of("docs/readme_numbers.py").numbers
    shares = numbers(page.replace("full budget", "1of20 budget"))
    assert "1of20 budget" in shares
    assert shares.replace("1of20", "full") == numbers(page)
    lines, apart = numbers(page).splitlines(), "[0.7](leaderboards/results/y)"
    assert [line for line in lines if line.startswith(("**", "| `"))] == [
        "**Classification, `accuracy`, full budget**",
        f"| `one` | `a` | 0.9 ([r](leaderboards/r/r.md)) | [0.9](leaderboards/results/x) | {apart} | -0.2 |",
        "**Classification, `accuracy`, quick budget**",
        "| `two` | `b` | — | [0.6](leaderboards/results/v) | [0.3](leaderboards/results/u) | -0.3 |",
    ]


def test_the_guide_s_model_keeps_the_contract(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(example("# my_models.py"))
    monkeypatch.syspath_prepend(tmp_path)
    (card,) = plugin_cards("my_models")
    check_model(card)


@pytest.mark.slow
def test_the_readme_s_python_runs_on_the_phantom(tmp_path):
    mine = "import numpy\n\ndef my_predict(images):\n    return numpy.tile([4.0, 3.0, 2.0, 1.0], (len(images), 1))\n\n"
    (tmp_path / "five_lines.py").write_text(mine + example("import tumorbench as tb\n\ntrain"))
    environment = {name: value for name, value in os.environ.items() if name != "TUMORBENCH_DATA"}
    done = subprocess.run(
        [sys.executable, "five_lines.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"robles-baseline", "mine"} <= set(re.findall(r"[\w-]+", done.stdout))


def test_the_guide_s_metric_is_scored(tmp_path, monkeypatch):
    (tmp_path / "my_metrics.py").write_text(example("# my_metrics.py"))
    monkeypatch.syspath_prepend(tmp_path)
    (card,) = plugin_cards("my_metrics")
    check_card(card)
    labels, probabilities = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert load(card.factory)(labels, probabilities, ("a", "b")) == {"worst_recall": 0.5}


def test_the_guide_gives_every_signature_of_a_metric():
    said = importlib.import_module("tumorbench.metrics").__doc__
    signatures = set(re.findall(r"``(metric\(.*?\))``", said))
    assert "metric(labels, probabilities, classes)" in signatures
    assert unnamed(sorted(signatures), guide()) == []


def test_the_guide_s_data_set_lists_its_slices(tmp_path, monkeypatch):
    (tmp_path / "my_sets.py").write_text(example("# my_sets.py"))
    monkeypatch.syspath_prepend(tmp_path)
    (card,) = plugin_cards("my_sets")
    check_card(card)
    for name in ("healthy/p1-1.png", "tumour/p2-1.png"):
        (tmp_path / "root" / name).parent.mkdir(parents=True)
        (tmp_path / "root" / name).touch()
    samples = __import__("my_sets").MySet(tmp_path / "root").samples()
    assert [(sample.label, sample.patient) for sample in samples] == [(0, "p1"), (1, "p2")]


def test_the_checks_see_what_is_missing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A title\n\n`run` and [a](page.md#a-title), [b](gone.md), [c](#no-title), [d](https://example.org)\n```\n`plan`\n```\n"
    )
    assert unnamed(["run", "plan"], page.read_text()) == ["plan"]
    assert broken_links(page) == ["gone.md", "#no-title"]
