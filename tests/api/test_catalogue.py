"""The names of the package, and the lists of what is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tumorbench as tb


def test_dir_shows_the_public_names_and_nothing_else():
    assert dir(tb) == sorted(tb.__all__)
    assert [name for name in dir(tb) if getattr(tb, name, None) is None] == []


def test_a_function_keeps_its_name_whatever_module_of_its_folder_is_imported():
    program = (
        "import tumorbench as tb, tumorbench.metrics.builtin, tumorbench.run.plan\n"
        "from tumorbench.run.plan import make_plan\n"
        "assert callable(tb.metrics) and callable(tb.run) and tb.run.__module__ == 'tumorbench.api.running'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "lines",
    [
        ("import tumorbench.metrics.builtin as module",),
        ("import tumorbench as tb", "tb.metrics()", "import tumorbench.metrics.builtin as module"),
        ("import tumorbench.metrics.builtin", "module = tumorbench.metrics.builtin"),
        ("import tumorbench.run.lost, tumorbench.metrics.builtin", "module = tumorbench.metrics.builtin"),
        ("from tumorbench.metrics import builtin as module",),
    ],
)
def test_a_module_is_found_below_a_folder_that_has_a_functions_name(lines):
    program = (
        "\n".join((*lines, "import sys, tumorbench", "print(module is sys.modules['tumorbench.metrics.builtin'])"))
        + "\nprint(dir(tumorbench) == sorted(tumorbench.__all__), tumorbench.metrics.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True", "tumorbench.api.catalogue"], done.stderr


def test_lists_of_cards_load_no_torch():
    program = (
        "import sys, tumorbench as tb\ntb.datasets(), tb.models(), tb.metrics()\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cards_are_listed_by_id_and_print_as_one_line_each(tiny):
    cards = tb.datasets()
    assert [type(card) for card in cards] == [tb.DatasetSpec] * len(cards)
    assert [card.id for card in cards] == sorted(card.id for card in cards)
    line = next(line for line in repr(cards).splitlines() if line.startswith("tiny-shapes"))
    assert line.split(maxsplit=1)[1] == "Tiny shapes"
    assert "tiny-classifier" in {card.id for card in tb.models()}
    assert "accuracy" in {card.id for card in tb.metrics()}
