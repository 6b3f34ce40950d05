"""Results alone go to stdout; what a stream cannot show or take, and a signal, end a command in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tumorbench import __version__

NOISY = """
import ctypes, os, sys
print("printed at import")
os.write(1, b"written at import\\n")
ctypes.CDLL(None).puts(b"put by C at import")
sys.stdout.write("left in a buffer")
sys.__stdout__.write("left in the first buffer")
import tumorbench as tb

@tb.hookimpl
def tumorbench_models():
    print("printed in a hook")
    return []
"""


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What ``line`` does in a shell where ``tumorbench`` is the command line."""
    line = line.replace("tumorbench", f"{sys.executable} -m tumorbench")
    ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "PYTHONUTF8")}
    return subprocess.run(
        ["sh", "-c", line], env=ours | environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_version_is_told(tumorbench):
    result = tumorbench("--version")
    assert (result.code, result.out, result.err) == (0, f"tumorbench {__version__}\n", "")


def test_what_a_plugin_prints_goes_to_stderr(tumorbench, install_plugin):
    install_plugin("noisy", noisy_module=NOISY)
    result = tumorbench("plugins", "--json")
    assert "noisy" in {plugin["name"] for plugin in json.loads(result.out)}
    for text in ("printed at import", "written at import", "printed in a hook", "left in a buffer"):
        assert text in result.err


def test_what_a_plugin_prints_at_exit_and_from_c_does_not_reach_stdout_either(install_plugin):
    install_plugin("noisy", noisy_module=f"{NOISY}\nimport atexit\natexit.register(print, 'printed at exit')\n")
    result = shell("tumorbench plugins --json")
    assert "noisy" in {plugin["name"] for plugin in json.loads(result.stdout)}
    assert all(text in result.stderr for text in ("put by C at import", "printed at exit", "left in the first buffer"))


def test_what_a_stream_s_encoding_lacks_becomes_a_replacement_character():
    for environment in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        result = shell("tumorbench info robles-baseline; tumorbench info 'p\u00f6se'", **environment)
        assert "J. Rodr?guez" in result.stdout
        assert result.stderr.startswith("tumorbench: no data set or model is called 'p\\")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("tumorbench plugins >&-", 0, ""),
        ("tumorbench info no-such-model 2>&-", 2, ""),
        ("tumorbench plugins >&- 2>&- <&-", 0, ""),
        ("tumorbench plugins > /dev/full", 2, "tumorbench: stdout cannot be written (No space left on device)"),
    ],
)
def test_a_stream_that_takes_nothing_is_no_fault_of_tumorbench(line, code, told):
    result = shell(line)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(told)
    assert result.stderr.count("\n") == bool(told)


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "tumorbench: interrupted; the same command continues where it was"),
        (signal.SIGTERM, 143, "tumorbench: ended by SIGTERM; the same command continues where it was"),
    ],
)
def test_a_signal_ends_a_run_with_a_sentence_and_its_workers(tumorbench_process, tmp_path, number, code, line):
    process = tumorbench_process(
        "run", "-d", "tiny-shapes", "-m", "tiny-hang", "--protocol", "grouped", "--no-throughput"
    )
    while not list(tmp_path.glob("runs/cells/**/worker.log")) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err.splitlines()[-1]) == (code, line)
    assert "Traceback" not in err
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "SystemExit(0)", "ZeroDivisionError('of the plugin')"])
def test_what_a_model_s_factory_raises_is_one_line_that_names_it(tumorbench, install_plugin, raised):
    module = f"""
import tumorbench as tb
def net(problem):
    raise {raised}
@tb.hookimpl
def tumorbench_models():
    yield tb.ModelSpec(
        id="odd-net", title="t", version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"),
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=8), epochs=1, batch_size=2,
                         quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=2)),
        factory="odd_module:net")
"""
    install_plugin("odd", odd_module=module)
    result = tumorbench("info", "odd-net")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("tumorbench: odd-net cannot be built for 8 x 8 images: ")
    assert raised.partition("(")[0] in result.err


def test_an_error_s_text_is_shown_whatever_it_holds(tumorbench):
    result = tumorbench("info", "a\udcff\x1b[2J\nb")
    assert (result.code, result.err.count("\n"), result.err.isprintable()) == (2, 1, False)
    assert r"'a\udcff\x1b[2J\nb'" in result.err
