"""Every command explains itself, loads what it needs and no more, and ends an error in one line."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys

import pytest
import typer

from tumorbench.cli import COMMANDS, app
from tumorbench.cli.ending import code_of
from tumorbench.contracts.files.whole import written_whole

HEAVY = {"torch", "numpy", "pandas", "matplotlib", "sklearn", "rich", "requests"}


def commands() -> list[tuple[str, ...]]:
    """Every command, groups and their members alike."""
    root = typer.main.get_command(app)
    found: list[tuple[str, ...]] = [()]
    for name, command in root.commands.items():
        found += [(name,), *((name, inner) for inner in getattr(command, "commands", {}))]
    return found


def loaded(*arguments: str) -> set[str]:
    """Every module that one call of the command line has imported by its end."""
    program = "import sys\nfrom tumorbench.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit as leaving:\n    assert not leaving.code\nprint(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [("list",), ("list", "--json"), ("plugins",), ("run", "--help"), ("--help",)], ids=" ".join
)
def test_light_commands_load_no_heavy_package(arguments):
    assert loaded(*arguments) & HEAVY == set()


def test_a_command_imports_no_other_command_s_module():
    assert {name for name in loaded("list") if name.startswith("tumorbench.cli.")} == {
        f"tumorbench.cli.{name}" for name in ("catalogue", "ending", "output", "root", "streams")
    }


def test_each_command_is_of_the_module_that_is_imported_for_it():
    found: dict[str, set[str]] = {module: set() for module in COMMANDS}
    for name, command in typer.main.get_command(app).commands.items():
        leaf = next(iter(command.commands.values())) if hasattr(command, "commands") else command
        found[leaf.callback.__module__.removeprefix("tumorbench.cli.")].add(name)
    assert found == {module: set(names) for module, names in COMMANDS.items()}


def test_a_data_set_is_described_without_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("TUMORBENCH_CACHE", str(tmp_path))
    assert "torch" not in loaded("info", "figshare3064", "--json")


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command) or "tumorbench")
def test_every_command_explains_itself(tumorbench, command):
    result = tumorbench(*command, "--help")
    assert (result.code, result.err) == (0, "")
    usage, text = re.fullmatch(r"Usage: (.*?)\n\n(.*)", result.out.lstrip(), re.DOTALL).groups()
    assert usage.startswith(" ".join(("tumorbench", *command)))
    assert re.match(r"  [A-Z`]", text), "a command says in one sentence what it does"


def test_the_commands_are_those_of_the_documentation():
    names = {" ".join(command) for command in commands()} - {"", "data"}
    assert names == {
        "run", "plan", "bench", "list", "info", "plugins", "data fetch", "data verify", "data audit", "data patients", "data splits", "data info", "leaderboard", "show", "compare",
        "publish", "verify", "migrate", "replay", "rescore", "worker", "status", "new-plugin", "doctor",
        "submit", "tune", "report", "evaluate", "export",
    }  # fmt: skip


def test_an_unknown_command_suggests_the_nearest(tumorbench):
    result = tumorbench("lst")
    assert (result.code, result.out) == (2, "")
    assert result.err == "tumorbench: No such command 'lst'. Did you mean 'list'?; see tumorbench --help\n"


def test_an_unknown_option_is_one_line_that_names_its_help(tumorbench):
    result = tumorbench("run", "--seedz", "3")
    assert result.code == 2
    assert re.fullmatch(r"tumorbench: No such option.*--seeds.*; see tumorbench run --help\n", result.err)


def test_debug_shows_the_traceback_and_the_line(tumorbench):
    quiet, loud = tumorbench("info", "pose-cnnn"), tumorbench("info", "pose-cnnn", "--debug")
    assert "Traceback" not in quiet.err
    assert loud.err.startswith("Traceback (most recent call last):\n")
    assert loud.err.endswith(quiet.err)
    assert (quiet.code, loud.code) == (2, 2)


def test_a_reader_who_has_seen_enough_is_no_fault():
    finished = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m tumorbench list | head -n 1"], capture_output=True, text=True, check=False
    )
    assert (finished.stdout, finished.stderr) == ("datasets:\n", "")


def test_an_error_that_nobody_foresaw_is_one_line_that_asks_for_a_report(capfd):
    assert code_of(ZeroDivisionError("of tumorbench\nitself")) == 1
    assert capfd.readouterr().err == (
        "tumorbench: ZeroDivisionError: of tumorbench itself; this is a fault of tumorbench or of a plugin: report what the "
        "same command prints with --debug\n"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            "runs/x cannot be used (No space left on device); ",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "a disk that is written to (of the store, of the cache, "),
    ],
)
def test_a_full_disk_is_told_with_its_path_where_that_is_known(capfd, error, told):
    assert code_of(error) == 2
    assert capfd.readouterr().err.startswith(f"tumorbench: {told}")


def test_a_file_that_cannot_be_written_as_a_whole_is_named_and_left_as_it_was(tmp_path):
    path = tmp_path / "record.json"
    path.write_text("before")
    with pytest.raises(OSError, match=r"record\.json'$") as caught, written_whole(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.filename, path.read_text(), len(list(tmp_path.iterdir()))) == (str(path), "before", 1)


def test_a_data_set_whose_plugin_raises_is_described_with_the_reason(tumorbench, install_plugin, tiny):
    module = (
        "import tumorbench as tb\n"
        "class Odd(tb.Dataset):\n    def samples(self):\n        raise ZeroDivisionError('of the plugin')\n"
        "@tb.hookimpl\ndef tumorbench_datasets():\n"
        "    yield tb.DatasetSpec(id='odd', title='t', version='1', tasks=('classification',), classes=('a', 'b'),\n"
        "        licence='MIT', citation='none', source=tb.Source(homepage='none'), patients_known=False, counts={},\n"
        "        factory='odd_set:Odd')\n"
    )
    install_plugin("odd-set", odd_set=module)
    told = json.loads(tumorbench("info", "odd", "--json").out)
    assert (told["available"], "ZeroDivisionError: of the plugin" in told["reason"]) == (False, True)
