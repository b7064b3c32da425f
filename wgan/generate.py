"""`arch: Generator`: images from a trained generator."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.schema import GenerateConfig
from wgan.data.image_folder import Unusable, located, scan
from wgan.networks.base import Generator
from wgan.networks.pretrained import chosen_classes, load_generator
from wgan.reporting.grids import MOST_ROWS, class_rows, save_grid, save_image, to_uint8
from wgan.runs.job_dir import directory_of, filling
from wgan.runtime.device import device_name, open_device
from wgan.utils.atomic_io import write_text
from wgan.utils.console import say
from wgan.utils.errors import InputError
from wgan.utils.text import printable

GRID = 64  # images in the grid beside the single files


def generate(config: GenerateConfig) -> int:
    """Write `quantity` images as out/run/00000.png, ... and the first of them as grid.png; points as points.csv.

    With `classes` they are out/run/CLASS/00000.png, ...; with `fill`, as many of each class as its folder's largest has
    more. Image i depends on (seed, i), its class and the weights alone, whatever `quantity` and `batch_size` are.
    Images of other settings never stand in one folder: where out/run/ holds some, these go to out/run-2/, ...

    Raises:
        InputError: the checkpoint cannot be used, there is no such device, or out/run/ holds a training.
        RunFault: the folder cannot be written, or memory runs out.
    """
    folder = directory_of(config)
    device = open_device(config)
    generator = load_generator(config.checkpoint).to(device)
    wanted = _wanted(config, generator)
    with filling(folder, config, config.batch_size, device_name(device)):
        draw = partial(generator.sample_batches, seed=config.seed, batch_size=config.batch_size)
        if generator.sample(1, config.seed).dim() == 2:
            say(_write_points(torch.cat([*draw(config.quantity)]), folder))
            return 0
        if wanted is None:
            save_grid(_write_images(draw(config.quantity), config.quantity, folder), folder / "grid.png")
        else:
            rows = [
                _write_images(draw(count, labels=label.expand(count)), count, folder / name)
                for (name, count), label in zip(wanted.items(), generator.labels_of([*wanted]), strict=True)
            ]
            names = [*wanted][:MOST_ROWS]
            save_grid(class_rows(rows[: len(names)]), folder / "grid.png", names=names)
        total = config.quantity if wanted is None else sum(wanted.values())
        say(f"{total} images: {folder}/", f"Grid: {folder / 'grid.png'}")
    return 0


def _wanted(config: GenerateConfig, generator: Generator) -> dict[str, int] | None:
    """Class -> how many images of it; None where no classes are asked for."""
    names = chosen_classes(config, generator)
    if config.fill is None:
        return dict.fromkeys(names, config.quantity) or None
    with located(config, "fill"):
        files, classes = scan(config.fill).chosen(None)
        if not classes:
            raise Unusable("fill", f"{printable(config.fill)} has no sub-folder for each class")
        generator.labels_of(classes)  # an error for one that it was not trained on
    counts = Counter(file.class_name for file in files)
    lacking = {name: max(counts.values()) - counts[name] for name in classes if not names or name in names}
    if not any(lacking.values()):
        raise InputError(f"{config.where('fill')}: all classes of {printable(config.fill)} have as many images already")
    return {name: count for name, count in lacking.items() if count}


def _write_images(batches: Iterable[Tensor], count: int, folder: Path) -> Tensor:
    """`count` images in batches, (n, C, H, W) in [-1, 1], as single files; the first `GRID` of them."""
    digits = max(5, len(str(count - 1)))
    names = (f"{number:0{digits}d}.png" for number in range(count))
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
