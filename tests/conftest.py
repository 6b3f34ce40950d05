"""Fixtures: a plugin package that is installed for one test run, and a runner of the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"
Installer = Callable[..., Path]


def install(folder: Path, name: str, modules: dict[str, str]) -> Path:
    """A distribution with one entry point (the first module) lies in ``folder``, as pip would leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[tumorbench]\n{name} = {next(iter(modules))}\n")
    return folder


def _tell_workers(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The processes that this one starts find what is installed in ``folder`` too."""
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Installs modules as a plugin distribution for this test."""

    def installer(name: str, **modules: str) -> Path:
        folder = install(tmp_path / f"site-{name}", name, modules)
        monkeypatch.syspath_prepend(folder)
        _tell_workers(monkeypatch, folder)
        for module in modules:
            monkeypatch.delitem(sys.modules, module, raising=False)
        return folder

    return installer


@pytest.fixture(scope="session")
def tiny_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site folder with the plugin ``tiny-plugin``."""
    modules = {path.stem: path.read_text() for path in sorted(SUPPORT.glob("tiny_plugin*.py"))}
    return install(tmp_path_factory.mktemp("site"), "tiny-plugin", modules)


@pytest.fixture
def tiny(tiny_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``tiny-plugin`` is installed; caches and the working folder are the test's own. Returns the working folder."""
    monkeypatch.syspath_prepend(tiny_site)
    _tell_workers(monkeypatch, tiny_site)
    monkeypatch.setenv("TUMORBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TUMORBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Result:
    """What one call of the command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def tumorbench(capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Callable[..., Result]:
    """The command line, called in this process.

    With ``tiny-plugin`` cells run in this process too, unless ``--executor`` says otherwise: that saves the start of a
    worker in each of the many tests that are not about workers.
    """
    from tumorbench.cli import main

    def call(*arguments: str) -> Result:
        given = [str(argument) for argument in arguments]
        if "tiny" in request.fixturenames and given[:1] == ["run"] and "--executor" not in given:
            given += ["--executor", "in-process"]
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main(given)
        out, err = capfd.readouterr()
        return Result(int(leaving.value.code or 0), out, err)

    return call


@pytest.fixture
def tumorbench_process(tiny_site: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """The command line as a process of its own, with ``tiny-plugin`` installed, in the test's folder."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "PYTHONPATH": str(tiny_site),
            "TUMORBENCH_CACHE": str(tmp_path / "cache"),
            "OMP_NUM_THREADS": "1",
        }
        environment.pop("TUMORBENCH_DATA", None)
        command = [sys.executable, "-m", "tumorbench", *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The root of the public data sets; the test is skipped where there is none."""
    root = os.environ.get("TUMORBENCH_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("TUMORBENCH_DATA names no folder with the public data sets")
    return Path(root)


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Ctrl-C reaches what tests start: the processes of xdist ignore SIGINT, and so would their children."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _one_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that a test decodes reaches the user's own cache, and no test downloads weights."""
    os.environ["TUMORBENCH_OFFLINE"] = "1"
    if "TUMORBENCH_CACHE" not in os.environ:
        os.environ["TUMORBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
