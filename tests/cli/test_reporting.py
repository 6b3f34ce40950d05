"""The command ``report``: what it refuses. What it writes is tested in tests/reports/html."""

import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--store", "a", "--published", "b"), "--store and --published were both given"),
        (("--store", "nowhere"), "the store nowhere does not exist"),
        (("--published", "nowhere"), "tumorbench publish makes one"),
    ],
)
def test_what_cannot_be_reported_is_one_line(tumorbench, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = tumorbench("report", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("package", ["altair", "jinja2", "markdown_it", "vl_convert"])
def test_without_its_extra_the_command_names_it(tumorbench, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = tumorbench("report")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"tumorbench: report needs the package {package}; pip install 'tumorbench[report]'\n"
