"""The examples in the docstrings and in docs/python.md do what they say, on the phantom."""

from __future__ import annotations

import doctest
import os
import re
from importlib import import_module
from pathlib import Path

import pytest

MODULES = ("catalogue", "evaluating", "loading", "results")
PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture
def in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUMORBENCH_DATA", raising=False)
    assert os.environ["TUMORBENCH_CACHE"]  # the session's: the phantom is made once


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(in_own_folder, module):
    found = doctest.testmod(import_module(f"tumorbench.api.{module}"))
    assert (found.failed, found.attempted > 0) == (0, True)


def test_the_page(in_own_folder):
    text = re.sub(r"^```.*$", "", PAGE.read_text(), flags=re.MULTILINE)  # a fence is no output
    page = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    found = doctest.DocTestRunner().run(page)
    assert (found.failed, found.attempted > 20) == (0, True)
