"""Runs' directories as a training leaves them, written through the project's own code: digits growing out of noise."""

import json
import math
import random
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wgan.config.metrics import Metric
from wgan.config.resolve import resolve, to_yaml
from wgan.data.named_sets import mnist_5k
from wgan.metrics.report import Report
from wgan.reporting.grids import real_fake_grid, save_grid
from wgan.reporting.sweep_report import draw_figures, write_sweep_page

COLUMNS = "step epoch critic_loss generator_loss wasserstein_estimate gradient_penalty gradient_norm images_per_second"


@cache
def digits() -> Tensor:
    """(64, 1, 28, 28) in [-1, 1]: real MNIST digits of all classes."""
    return mnist_5k().images[::78][:64].float() / 127.5 - 1


@cache
def generated(progress: float, quality: float = 1.0) -> Tensor:
    """Digits seen through noise that lifts with `progress` in [0, 1]."""
    noise = torch.rand(64, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1
    clearness = quality * progress**0.5
    return (clearness * digits() + (1 - clearness) * noise).clamp(-1, 1)


def make_run(
    out: Path,
    name: str,
    *,
    state: str = "finished",
    steps: int = 5000,
    every: int = 500,
    quality: float = 1.0,
    grids: dict[int, Path] | None = None,
    warnings: list[Any] | None = None,
    **keys: Any,
) -> Path:
    """Write a run's directory.

    Args:
        out: the folder of all runs.
        name: the directory's name.
        state: what state.json says; "finished" runs have metrics and a real/fake grid.
        steps: how far it came; its goal is 5,000.
        every: steps between sample grids.
        quality: 1 for clear digits, 0 for noise.
        grids: step -> a grid to copy, instead of drawing one.
        warnings: of state.json.
        keys: of the YAML.
    """
    folder = out / name
    given = {"arch": "WGAN-GP", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "num_steps": 5000}
    config = resolve({**given, "out": str(out), "run": name.replace("/", "-"), **keys})
    (folder / "samples").mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(config))
    for step in range(0, steps + 1, every):
        path = folder / "samples" / f"step_{step:06d}.png"
        if grids:
            shutil.copy(grids[step], path)
        else:
            save_grid(generated(step / 5000, quality), path)
    write_log(folder, steps, quality, config.seed)
    facts = {"step": steps, "num_steps": 5000, "seconds": 0.0371 * steps, "device": "CPU (2 threads)"}
    versions = {"wgan": "0.1.0", "torch": "2.14.1", "python": "3.11.2"}
    facts |= {"state": state, "warnings": warnings or [], "versions": versions, "written": "2026-01-02T03:04:05+00:00"}
    (folder / "state.json").write_text(json.dumps(facts))
    if state == "finished":
        (folder / "metrics.json").write_text(json.dumps(report(quality, config.seed).as_dict()))
        if not grids:
            real_fake_grid(digits()[::2], generated(1, quality)[:32], folder / "real_fake_grid.png", columns=4)
    return folder


def write_log(folder: Path, steps: int, quality: float, seed: int) -> None:
    """log.csv: the estimate falls and is noisy; the generator's first cell is empty, the first steps spike."""
    rng = random.Random(seed)
    lines = [",".join(COLUMNS.split())]
    for step in range(50, steps + 1, 50):
        estimate = 3 + 22 * math.exp(-step / 900) + 3 * (1 - quality) + rng.gauss(0, 0.4) + 400 * math.exp(-step / 30)
        generator = "" if step == 50 else f"{2 + 3 * math.sin(step / 700) + rng.gauss(0, 0.5):.6g}"
        penalty, norm = abs(rng.gauss(0.05, 0.02)), 1 + rng.gauss(0, 0.05)
        cells = [f"{estimate:.6g}", f"{penalty:.6g}", f"{norm:.6g}", f"{1700 + rng.gauss(0, 60):.6g}"]
        lines.append(f"{step},{step / 78:.4g},{10 * penalty - estimate:.6g},{generator},{','.join(cells)}")
    (folder / "log.csv").write_text("\n".join(lines) + "\n")


def report(quality: float, seed: int) -> Report:
    """Metrics in the form that an evaluation writes."""
    rng = random.Random(seed)
    psnr, ssim, distance = 9 + 2 * quality + rng.gauss(0, 0.1), 0.1 + 0.2 * quality, 0.4 - 0.35 * quality
    return Report(
        metrics=(
            Metric("psnr", "PSNR", "256 random pairs", psnr, "real", 10.9, psnr - 0.1, psnr + 0.1),
            Metric("ssim", "SSIM", "256 random pairs", ssim + rng.gauss(0, 0.01), "real", 0.29),
            Metric("swd", "SWD", "2000 images", distance + rng.gauss(0, 0.01), "lower", 0.01),
            Metric("coverage", "coverage", "2000 images", 0.1 + 0.8 * quality, "higher", 0.95),
        ),
        notes=("The interval is a bootstrap over images.",),
        class_counts=tuple((str(digit), 180 + 10 * digit, 200) for digit in range(10)),
    )


def write_sweep_report(folder: Path, runs: Mapping[Path, Mapping[str, Any]]) -> Path:
    """A sweep's pictures and its page, which shows them."""
    draw_figures(folder, runs)
    return write_sweep_page(folder, runs)
