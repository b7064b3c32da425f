"""Which device a job runs on and what its networks compute in."""

import os
from typing import NamedTuple

import torch

from wgan.config.datasets import POINT_SETS
from wgan.config.schema import EvaluateConfig, GenerateConfig, TrainConfig
from wgan.utils.errors import InputError


class Precision(NamedTuple):
    """What the networks compute in, and why."""

    dtype: torch.dtype
    reason: str

    def __str__(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')} ({self.reason})"


def open_device(
    config: TrainConfig | GenerateConfig | EvaluateConfig, local_rank: int = 0, local_ranks: int = 0
) -> torch.device:
    """The device that `n_gpu` asks for: the CPU, or this machine's kind of accelerator (CUDA, ROCm, XPU, MPS).

    Each process takes the accelerator of its `local_rank`; `local_ranks` of them were started here, 0: `n_gpu` counts.

    Raises:
        InputError: there are fewer accelerators than asked for.
    """
    if config.n_gpu == 0:
        return torch.device("cpu")
    if (asked := local_ranks or config.n_gpu) > (present := count_accelerators()):
        raise InputError(f"{config.where('n_gpu')}: {too_few_accelerators(asked, present)}")
    device = torch.accelerator.current_accelerator()
    assert device is not None
    return torch.device(device.type, local_rank)


def count_accelerators() -> int:
    """How many this process can use."""
    return torch.accelerator.device_count() if torch.accelerator.is_available() else 0


def too_few_accelerators(asked: int, present: int) -> str:
    found = f"this machine has {present}" if present else "this machine has no accelerator that PyTorch can use"
    remedy = f"at most {present}" if present else "n_gpu: 0 to train on the CPU"
    return f"asks for {asked}, but {found}: set {remedy}"


def device_name(device: torch.device) -> str:
    """For people: "CPU (2 threads)", "NVIDIA H100"."""
    if device.type == "cpu":
        return f"CPU ({torch.get_num_threads()} threads)"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def choose_precision(config: TrainConfig, device: torch.device) -> Precision:
    """`precision`, with `auto` resolved: bfloat16 where the hardware multiplies it faster than float32."""
    fast = False
    if config.precision != "auto":
        fast, reason = config.precision == "bf16", "as the YAML says"
    elif config.dataset in POINT_SETS:
        reason = "bfloat16 would round the points"
    elif device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        fast, reason = major >= 8, f"CUDA compute capability {major}.{minor}"
    elif device.type == "cpu":
        name = next((name for name in ("avx512_bf16", "amx_bf16") if cpu_has(name)), None)
        fast, reason = bool(name), f"this CPU has {name.upper() if name else 'neither AVX512_BF16 nor AMX'}"
    else:
        reason = f"{device.type} devices are not known to gain from bfloat16"
    return Precision(torch.bfloat16 if fast else torch.float32, reason)


def cpu_has(capability: str) -> bool:
    """Whether the CPU says so; False where PyTorch cannot tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)  # since torch 2.10
    if ask is not None:
        return bool(ask().get(capability, False))
    older = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}[capability]
    return bool(getattr(torch.cpu, older, lambda: False)())


def set_up_arithmetic(config: TrainConfig) -> None:
    """TF32 for float32 products on CUDA (10 bits of mantissa), off with `precision: fp32` or `deterministic: true`."""
    tf32 = config.precision != "fp32" and not config.deterministic
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = not config.deterministic
    if config.deterministic:  # cuBLAS refuses without it; read when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(config.deterministic)
