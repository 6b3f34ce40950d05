"""What hardware.py says of the machine is true, and what it sets stays set."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import psutil
import pytest
import torch

from tumorbench import hardware
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.errors import BadInput

GLIBC = hardware.platform.libc_ver()[0] == "glibc"
CUDA = torch.cuda.is_available()


def in_fresh_process(code):
    return json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout
    )


@pytest.fixture
def determinism_kept(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
    )
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before[1:]


@pytest.mark.skipif(not GLIBC, reason="only glibc's allocator is tuned")
def test_tuning_the_allocator_twice_sets_the_same_once_and_the_environment_tells_it():
    code = (
        "import json; from tumorbench.hardware import tune_allocator, describe_environment\n"
        "allocator = lambda: describe_environment()['allocator']\n"
        "print(json.dumps([allocator(), tune_allocator(), tune_allocator(), allocator()]))"
    )
    untuned, first, second, described = in_fresh_process(code)
    assert untuned == {}
    assert first == {"M_MMAP_MAX": 0, "M_TRIM_THRESHOLD": -1, "M_TOP_PAD": 128 * 2**20}
    assert second == first
    assert described == first


@pytest.mark.skipif(not GLIBC, reason="only glibc's allocator is tuned")
def test_a_tuned_allocator_reuses_pages_instead_of_faulting_them_in_again():
    code = """
import json, resource
from tumorbench.hardware import tune_allocator
tune_allocator()
import torch
for _ in range(12): torch.ones(16, 2**20)  # glibc's aligned allocation needs a few rounds to settle
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4): torch.ones(16, 2**20)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""
    faults = in_fresh_process(code)
    assert faults < 100  # four blocks of 64 MiB would be 65,536 pages of 4 KiB


def test_tuning_the_allocator_does_not_import_torch():
    assert (
        in_fresh_process(
            "import json, sys; from tumorbench.hardware import tune_allocator; tune_allocator(); print(json.dumps('torch' in sys.modules))"
        )
        is False
    )


@pytest.mark.skipif(CUDA, reason="a CUDA GPU is here")
def test_asking_for_cuda_where_there_is_none_is_one_line_that_says_what_to_use():
    with pytest.raises(BadInput, match=r"^device cuda: .* use --device cpu or --device auto$"):
        hardware.choose_device("cuda")


def test_an_unknown_device_is_bad_input_that_lists_the_known_ones():
    with pytest.raises(BadInput, match="'tpu' is not known; use auto, cuda or cpu"):
        hardware.choose_device("tpu")


def test_auto_takes_the_gpu_exactly_where_there_is_one():
    assert hardware.choose_device("auto") == ("cuda" if CUDA else "cpu")
    assert hardware.choose_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("fpu avx2 f16c", False),
        ("avx512f avx512_bf16", True),
        ("avx512f amx_bf16 amx_tile", True),
        ("asimd bf16", True),
        ("bf16x", False),
    ],
)
def test_bf16_is_native_on_a_cpu_exactly_where_its_flags_say_so(flags, native, monkeypatch):
    monkeypatch.setattr(hardware, "_cpu_fields", lambda: {"flags": flags})
    assert hardware.native_bf16("cpu") is native
    assert hardware.resolve_precision("auto", "cpu") == ("bf16" if native else "fp32")


def test_the_kernels_flags_agree_with_what_torch_detects():
    if not hasattr(torch.cpu, "get_capabilities"):
        pytest.skip("this torch does not list the processor's capabilities")
    found = torch.cpu.get_capabilities()
    assert hardware.native_bf16("cpu") == any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_recipe_that_names_its_precision_gets_it(precision):
    recipe = Recipe(
        preprocessing=Preprocessing(size=8),
        epochs=1,
        batch_size=1,
        quick=Quick(epochs=1, steps_per_epoch=1, batch_size=1),
        precision=precision,
    )
    assert hardware.resolve_precision(recipe, "cpu") == precision
    assert hardware.resolve_precision(precision, "cpu") == precision


def test_the_hardware_is_json_and_true():
    described = hardware.describe_hardware("cpu")
    assert json.loads(json.dumps(described)) == described
    assert described["threads"] == torch.get_num_threads()
    assert described["memory_gib"] == pytest.approx(psutil.virtual_memory().total / 2**30, abs=0.1)
    assert "gpu" not in described
    assert described["cpu"]


def test_the_environment_is_json_and_names_versions_plugins_and_variables(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    described = hardware.describe_environment()
    assert json.loads(json.dumps(described)) == described
    assert described["plugins"]["tumorbench"] == version("tumorbench") == described["tumorbench"]
    assert described["packages"]["torch"] == version("torch")
    assert described["variables"]["OMP_NUM_THREADS"] == "3"


def git(folder, *words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_that_of_the_checkout_and_dirty_means_a_tracked_file_changed(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "__init__.py").write_text("")
    assert hardware._git_state(tmp_path) is None  # inside a checkout, but not tracked by it: an installed copy
    git(tmp_path, "add", "__init__.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked.txt").write_text("")
    assert hardware._git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "__init__.py").write_text("changed = True\n")
    assert hardware._git_state(tmp_path) == {"commit": commit, "dirty": True}


def test_no_git_state_outside_a_checkout(tmp_path):
    assert hardware._git_state(tmp_path) is None


def test_deterministic_mode_relaxes_nothing_and_default_mode_names_what_it_relaxed(determinism_kept):
    strict = hardware.set_determinism(True)
    assert torch.are_deterministic_algorithms_enabled()
    assert (strict["mode"], strict["relaxed"], strict["threads"]) == ("deterministic", [], torch.get_num_threads())
    relaxed = hardware.set_determinism(False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert relaxed["mode"] == "default"
    assert all(line.startswith("cuda: ") for line in relaxed["relaxed"])
    assert relaxed["guaranteed"].startswith("cpu, ")


def test_the_peak_grows_by_what_was_held():
    """In a process of its own: here the allocator may have memory to spare from other tests."""
    program = """
import psutil, torch
from tumorbench import hardware
before = psutil.Process().memory_info().rss / 2**20
block = torch.ones(96, 2**18)  # 96 MiB
del block
print(hardware.peak_memory_mib("cpu") - before)
"""
    grown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(grown.stdout) >= 0.9 * 96
