"""`arch: Generator`: images from a trained generator."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.schema import GenerateConfig
from wgan.networks.pretrained import chosen_classes, load_generator
from wgan.reporting.grids import MOST_ROWS, class_rows, save_grid, save_image, to_uint8
from wgan.runs.job_dir import directory_of, filling
from wgan.runtime.device import device_name, open_device
from wgan.utils.atomic_io import write_text
from wgan.utils.console import say

GRID = 64  # images in the grid beside the single files


def generate(config: GenerateConfig) -> int:
    """Write `quantity` images as out/run/00000.png, ... and the first of them as grid.png; points as points.csv.

    With `classes` they are out/run/CLASS/00000.png, ... Image i depends on (seed, i), its class and the
    weights alone, whatever `quantity` and `batch_size` are. Images of other settings never stand in one folder: where
    out/run/ holds some, these go to out/run-2/, ...

    Raises:
        InputError: the checkpoint cannot be used, there is no such device, or out/run/ holds a training.
        RunFault: the folder cannot be written, or memory runs out.
    """
    folder = directory_of(config)
    device = open_device(config)
    generator = load_generator(config.checkpoint).to(device)
    names = chosen_classes(config, generator)
    with filling(folder, config, config.batch_size, device_name(device)):
        draw = partial(generator.sample_batches, config.quantity, config.seed, config.batch_size)
        if generator.sample(1, config.seed).dim() == 2:
            say(_write_points(torch.cat([*draw()]), folder))
            return 0
        if names:
            labels = generator.labels_of(names)[:, None].expand(-1, config.quantity)
            rows = [_write_images(draw(some), config, folder / name) for name, some in zip(names, labels, strict=True)]
            save_grid(class_rows(rows[:MOST_ROWS]), folder / "grid.png", names=names[:MOST_ROWS])
        else:
            save_grid(_write_images(draw(), config, folder), folder / "grid.png")
        say(f"{max(1, len(names)) * config.quantity} images: {folder}/", f"Grid: {folder / 'grid.png'}")
    return 0


def _write_images(batches: Iterable[Tensor], config: GenerateConfig, folder: Path) -> Tensor:
    """Images in batches, (n, C, H, W) in [-1, 1], as single files; the first `GRID` of them."""
    digits = max(5, len(str(config.quantity - 1)))
    names = (f"{number:0{digits}d}.png" for number in range(config.quantity))
    first: list[Tensor] = []
    for images in batches:
        for image in to_uint8(images):
            save_image(image, folder / next(names))
        if sum(map(len, first)) < GRID:
            first.append(images.cpu())
    return torch.cat(first)[:GRID]


def _write_points(points: Tensor, folder: Path) -> str:
    """Points in the plane, (N, 2), as points.csv; what was written."""
    rows = [f"{x:.6g},{y:.6g}" for x, y in points.tolist()]
    write_text(folder / "points.csv", "\n".join(["x,y", *rows]) + "\n")
    return f"{len(points)} points: {folder / 'points.csv'}"
