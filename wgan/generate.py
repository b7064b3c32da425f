"""`arch: Generator`: images from a trained generator."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.schema import GenerateConfig
from wgan.data.image_folder import located
from wgan.generation.choose import choices, in_turn, most_real, open_generator
from wgan.generation.export import export
from wgan.generation.vary import vary
from wgan.networks.pretrained import load_critic
from wgan.reporting.grids import MOST_ROWS, class_rows, save_grid, save_image, to_uint8
from wgan.runs.job_dir import directory_of, filling
from wgan.runtime.device import device_name, open_device
from wgan.utils.atomic_io import write_text
from wgan.utils.console import say

GRID = 64  # images in the grid beside the single files
WALKED = 8  # images that a video or a strip passes where no seeds are named


def generate(config: GenerateConfig) -> int:
    """Write images as out/run/00000.png, ..., by their numbers, and the first of them as grid.png; or points.csv.

    With `classes` they are out/run/CLASS/00000.png, ...; with `fill`, as many of each class as its folder's largest has
    more. An image depends on (seed, its number), its class and the weights alone, whatever `quantity` and `batch_size`
    are. Images of other settings never stand in one folder: where out/run/ holds some, these go to out/run-2/, ...

    Raises:
        InputError: the checkpoint cannot be used, there is no such device, or out/run/ holds a training.
        RunFault: the folder cannot be written, or memory runs out.
    """
    folder = directory_of(config)
    device = open_device(config)
    generator = open_generator(config).to(device)
    with located(config):
        critic = load_critic(config.checkpoint, config.weights).to(device) if config.pick else None
    wanted = choices(config, generator)
    with filling(folder, config, config.batch_size, device_name(device)):
        total = sum(len(choice.numbers) for choice in wanted.values())
        if critic is not None:
            wanted = {name: most_real(choice, config, generator, critic) for name, choice in wanted.items()}
            made, total = total, sum(len(choice.numbers) for choice in wanted.values())
            say(f"Of {made:,} the critic's {total:,} most real are kept: {1 - total / made:.1%} are thrown away")
        if generator.sample(1, config.seed).dim() == 2:
            say(_write_points(torch.cat([*wanted[""].batches(config, generator)]), folder))
            return 0
        rows = [_write_images(c.batches(config, generator), c.numbers, folder / n) for n, c in wanted.items()]
        if "" in wanted:
            save_grid(rows[0], folder / "grid.png")
        else:
            names = [*wanted][:MOST_ROWS]
            save_grid(class_rows(rows[: len(names)]), folder / "grid.png", names=names)
        if config.video or config.strip:
            passed = in_turn(wanted, total if config.seeds else WALKED)
            vary(config, generator, passed.inputs(config, generator), folder)
        if config.export:
            export(config, generator, in_turn(wanted, GRID).inputs(config, generator), folder)
        say(f"{total} images: {folder}/", f"Grid: {folder / 'grid.png'}")
    return 0


def _write_images(batches: Iterable[Tensor], numbers: Sequence[int], folder: Path) -> Tensor:
    """Images in batches, (n, C, H, W) in [-1, 1], as single files named by their numbers; the first `GRID` of them."""
    digits = max(5, len(str(max(numbers))))
    names = (f"{number:0{digits}d}.png" for number in numbers)
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
