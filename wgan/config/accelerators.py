"""Whether this machine has the accelerators that `n_gpu` asks for, as far as that is known without importing torch.

Importing torch takes seconds, and a YAML's mistakes are told together. So where PyTorch is built for NVIDIA's GPUs,
their number is asked of the driver's own library, as PyTorch does; all else is left to `wgan.devices.open_device`.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from wgan.config.diagnostics import Problem
from wgan.config.schema import Keys


def checked(config: Keys) -> Iterator[Problem]:
    """`n_gpu`, where it asks for more than can be there."""
    if config.n_gpu == 0 or "LOCAL_WORLD_SIZE" in os.environ:  # torchrun's ranks take one each
        return
    present = nvidia_gpus() if built_for_nvidia_alone() else None
    if present is not None and config.n_gpu > present:
        yield Problem(("n_gpu",), too_few(config.n_gpu, present))


def too_few(asked: int, present: int) -> str:
    """What is wrong where a job wants more accelerators than there are."""
    found = f"this machine has {present}" if present else "this machine has no accelerator that PyTorch can use"
    remedy = f"at most {present}" if present else "n_gpu: 0 to train on the CPU"
    return f"asks for {asked}, but {found}: set {remedy}"


def built_for_nvidia_alone() -> bool:
    """Whether the installed PyTorch knows no accelerators but NVIDIA's; False where that is not plain."""
    torch = find_spec("torch")  # looks for the package without importing it
    if torch is None or torch.origin is None or sys.platform != "linux":
        return False
    file = Path(torch.origin).with_name("version.py")
    spec = spec_from_file_location("torch_version", file) if file.is_file() else None
    if spec is None or spec.loader is None:
        return False
    version = module_from_spec(spec)
    spec.loader.exec_module(version)  # assignments alone
    others = (getattr(version, kind, None) for kind in ("hip", "rocm", "xpu"))
    return getattr(version, "cuda", None) is not None and not any(others)


def nvidia_gpus() -> int | None:
    """How many of NVIDIA's GPUs this process can see at most: 0 without a driver, None where it does not count them."""
    if _library("libcuda.so.1") is None:
        return 0
    nvml, count = _library("libnvidia-ml.so.1"), ctypes.c_uint()  # single-board computers may lack it
    if nvml is None or nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return count.value
    names = [name.strip() for name in visible.split(",")]
    hidden = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))  # the first ends the list
    return min(count.value, hidden)


def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
