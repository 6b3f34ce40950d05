"""What the machine is and how torch uses it: allocator, device, precision, determinism, and the description that every record keeps."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput

__all__ = [
    "choose_device",
    "describe_environment",
    "describe_hardware",
    "native_bf16",
    "peak_memory_mib",
    "resolve_precision",
    "set_determinism",
    "tune_allocator",
    "visible_gpus",
]

MIB = 2**20
TOP_PAD_BYTES = 128 * MIB
# mallopt's parameter numbers (glibc, malloc.h) and what they are set to
MALLOPT = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_TOP_PAD": (-2, TOP_PAD_BYTES)}
PACKAGES = (
    "torch", "torchvision", "timm", "segmentation-models-pytorch", "torch-fidelity", "numpy", "pandas", "pillow", "scipy", "scikit-learn", "h5py",
    "pyarrow", "pydantic", "pluggy",
)  # fmt: skip
VARIABLES = (
    "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "KMP_AFFINITY", "KMP_BLOCKTIME", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA",
    "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "TORCH_COMPILE_DISABLE",
)  # fmt: skip

_allocator: dict[str, Any] = {}


def tune_allocator() -> dict[str, Any]:
    """Freed memory stays with the process, where the C library is glibc; returns what was set, {} elsewhere. Call it before the first tensor.

    By default glibc hands every large activation back to the kernel, and each training step pays for a million page faults. With large blocks on the
    heap (no mmap), no trimming and a generous step of growth, a step reuses the pages of the one before. It costs memory: the process keeps its peak.
    """
    if _allocator or sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return dict(_allocator)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return {}
    _allocator.update({name: value for name, (number, value) in MALLOPT.items() if mallopt(number, value) == 1})
    return dict(_allocator)


def choose_device(requested: str) -> Literal["cuda", "cpu"]:
    """``cuda`` or ``cpu``; ``auto`` is CUDA where a GPU is visible and torch was built for CUDA. Loads no torch.

    Raises: BadInput for CUDA where there is none, and for any other word.
    """
    if requested not in ("auto", "cuda", "cpu"):
        raise BadInput(f"device {requested!r} is not known; use auto, cuda or cpu")
    usable = requested != "cpu" and visible_gpus() > 0 and _torch_has_cuda()
    if requested == "cuda" and not usable:
        raise BadInput(
            "device cuda: there is no usable CUDA GPU on this machine, or torch was built without CUDA; "
            "use --device cpu or --device auto"
        )
    return "cuda" if usable else "cpu"


def visible_gpus() -> int:
    """How many NVIDIA GPUs the driver has and ``CUDA_VISIBLE_DEVICES`` shows; 0 where there is no driver."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        count = ctypes.c_uint(0)
        if nvml.nvmlInit_v2() != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return count.value
    named = [each.strip() for each in shown.split(",")]
    return len(named[: named.index("-1")] if "-1" in named else [each for each in named if each])


def _torch_has_cuda() -> bool:
    """Whether the installed torch was built for CUDA, by its file ``version.py``: importing torch takes seconds."""
    found = find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return False
    built = Path(found.submodule_search_locations[0], "version.py").read_text(encoding="utf-8")
    return re.search(r"^cuda[^=\n]*=\s*['\"]", built, re.MULTILINE) is not None


def native_bf16(device: str) -> bool:
    """Whether the device multiplies bfloat16 in hardware; where it does not, torch emulates it and float32 is faster."""
    if device == "cuda":
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(_cpu_fields().get("flags", "").split())


def resolve_precision(
    recipe_precision: Literal["auto", "fp32", "bf16"] | Recipe, device: str
) -> Literal["fp32", "bf16"]:
    """The recipe's precision, or for ``auto`` bf16 exactly where the device computes it natively."""
    wanted = recipe_precision.precision if isinstance(recipe_precision, Recipe) else recipe_precision
    if wanted == "auto":
        return "bf16" if native_bf16(device) else "fp32"
    return wanted


def set_determinism(deterministic: bool) -> dict[str, Any]:
    """Torch repeats bit for bit (an operation that cannot raises), or is free to be fast; returns what is guaranteed and what was relaxed, for the record.

    On the CPU both modes repeat at a fixed thread count; another thread count sums in another order.
    """
    import torch

    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when its first handle is made
    if torch.are_deterministic_algorithms_enabled() != deterministic:  # the call imports torch's compiler, for seconds
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # bf16 is for speed, fp32 is fp32
    relaxed = (
        []
        if deterministic
        else ["cuda: cuDNN picks the algorithm that is fastest on the day", "cuda: atomic additions come in any order"]
    )
    return {
        "mode": "deterministic" if deterministic else "default",
        "guaranteed": "same machine, same device, same thread count: identical bits"
        if deterministic
        else "cpu, same machine, same thread count: identical bits",
        "relaxed": relaxed,
        "tf32": False,
        "threads": torch.get_num_threads(),
    }


def peak_memory_mib(device: str) -> float:
    """CUDA: the most that tensors held at once since the last reset. CPU: the most that the whole process held resident since it started."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / MIB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024  # bytes there, KiB elsewhere


def describe_hardware(device: str) -> dict[str, Any]:
    """The machine as JSON: ``cpu``, ``cores`` (physical; ``threads`` is what torch uses), ``memory_gib``, and on CUDA ``gpu`` with memory and driver."""
    import psutil
    import torch

    described: dict[str, Any] = {
        "device": device,
        "cpu": _cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "native_bf16": native_bf16(device),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "logical_cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }
    if device == "cuda":
        gpu = torch.cuda.get_device_properties(torch.cuda.current_device())
        described |= {
            "gpu": gpu.name,
            "gpus": torch.cuda.device_count(),
            "gpu_memory_gib": round(gpu.total_memory / 2**30, 1),
            "gpu_capability": f"{gpu.major}.{gpu.minor}",
            "gpu_driver": (
                _printed("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader") or "unknown"
            ).split("\n")[0],
        }
    return described


def describe_environment() -> dict[str, Any]:
    """The software as JSON: python, platform, packages, plugin distributions, git state of the checkout (None outside one), allocator, variables."""
    plugins = {
        point.dist.name: point.dist.version for point in entry_points(group="tumorbench") if point.dist is not None
    }
    return {
        "tumorbench": _version("tumorbench"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "plugins": dict(sorted(plugins.items())),
        "git": _git_state(Path(__file__).parent),
        "cuda": _cuda_versions(),
        "allocator": dict(_allocator),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def _cpu_fields() -> dict[str, str]:
    """What Linux says of the first processor; ``flags`` on every architecture. Empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
    except OSError:
        return {}
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    fields.setdefault("flags", fields.get("Features", ""))  # Arm's word for it
    return fields


def _cpu_name() -> str:
    fields = _cpu_fields()
    name = (
        fields.get("model name")
        or _printed("sysctl", "-n", "machdep.cpu.brand_string")
        or platform.processor()
        or platform.machine()
    )
    if "cpu family" in fields:  # a hypervisor often hides the marketing name; the numbers still tell generations apart
        name += f" (family {fields['cpu family']} model {fields.get('model', '?')})"
    return name


def _cuda_versions() -> dict[str, Any] | None:
    """CUDA runtime and cuDNN that torch was built with; None for a build without CUDA."""
    import torch

    if torch.version.cuda is None:
        return None
    return {"runtime": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _git_state(folder: Path) -> dict[str, Any] | None:
    """Commit and dirty flag of the checkout that tracks this very package; None for an installed copy, also one that lies inside a checkout."""
    if _printed("git", "-C", str(folder), "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _printed("git", "-C", str(folder), "rev-parse", "HEAD")
    changes = _printed("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _printed(*command: str) -> str | None:
    """What the command printed; None where it is missing, fails or takes longer than 5 s."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 - fixed commands, no user input
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
