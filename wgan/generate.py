"""`arch: Generator`: images from a trained generator."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wgan.config.resolve import resolve
from wgan.config.schema import GenerateConfig, TrainConfig
from wgan.networks.base import Generator
from wgan.networks.build import build_generator
from wgan.networks.conv import ConvGenerator
from wgan.reporting.grids import save_grid, save_image, to_uint8
from wgan.runs import checkpoint
from wgan.runs.job_dir import directory_of, filling
from wgan.runtime.device import open_device
from wgan.utils.atomic_io import write_text
from wgan.utils.console import say, warn
from wgan.utils.errors import InputError
from wgan.utils.rng import generator as randomness

GRID = 64
"""Images in the grid beside the single files."""


def generate(config: GenerateConfig) -> int:
    """Write `quantity` images as out/run/00000.png, ... and the first of them as grid.png; points as points.csv.

    Image i depends on (seed, i) and the weights alone, whatever `quantity` and `batch_size` are. Images of other
    settings never stand in one folder: where out/run/ holds some, these go to out/run-2/, ...

    Raises:
        InputError: the checkpoint cannot be used, there is no such device, or out/run/ holds a training.
        RunFault: the folder cannot be written, or memory runs out.
    """
    folder = directory_of(config)
    device = open_device(config)
    generator = load_generator(config.checkpoint).to(device)
    with filling(folder, config, config.batch_size, device):
        points = next(sample(generator, 1, config.seed, 1)).dim() == 2
        batches = sample(generator, config.quantity, config.seed, config.batch_size)
        return _write_points(torch.cat([*batches]), folder) if points else _write_images(batches, config, folder)


def _write_images(batches: Iterable[Tensor], config: GenerateConfig, folder: Path) -> int:
    """Images in batches, (n, C, H, W) in [-1, 1], as single files and as a grid of the first."""
    digits = max(5, len(str(config.quantity - 1)))
    first: list[Tensor] = []
    done = 0
    for images in batches:
        for image in to_uint8(images):
            save_image(image, folder / f"{done:0{digits}d}.png")
            done += 1
        if sum(map(len, first)) < GRID:
            first.append(images.cpu())
    save_grid(torch.cat(first)[:GRID], folder / "grid.png")
    say(f"{config.quantity} images: {folder}/\nGrid: {folder / 'grid.png'}")
    return 0


def _write_points(points: Tensor, folder: Path) -> int:
    """Points in the plane, (N, 2), as points.csv."""
    rows = [f"{x:.6g},{y:.6g}" for x, y in points.tolist()]
    write_text(folder / "points.csv", "\n".join(["x,y", *rows]) + "\n")
    say(f"{len(points)} points: {folder / 'points.csv'}")
    return 0


@torch.no_grad()
def sample(generator: Generator, quantity: int, seed: int, batch_size: int) -> Iterator[Tensor]:
    """Images in batches: (n, C, H, W), float32 in [-1, 1], on the generator's device.

    Args:
        generator: in evaluation mode.
        quantity: images in all.
        seed: image i depends on (seed, i) alone.
        batch_size: images at a time; the last batch may be smaller.
    """
    device = next(generator.parameters()).device
    block = 1024  # latents are drawn in blocks of a fixed size, so that they do not depend on the batch size

    def latents(index: int) -> Tensor:
        return torch.randn(block, generator.latent_vector, generator=randomness(seed, "generated latents", index))

    for start in range(0, quantity, batch_size):
        stop = min(start + batch_size, quantity)
        blocks = range(start // block, (stop - 1) // block + 1)
        drawn = torch.cat([latents(index) for index in blocks])
        offset = start - blocks[0] * block
        yield generator(drawn[offset : offset + stop - start].to(device))


def load_generator(path: Path) -> Generator:
    """The averaged generator of a run, on the CPU, ready to sample.

    Args:
        path: a run's directory (its newest whole checkpoint), a checkpoint file, or a bare state_dict of a DCGAN-like
            generator (`main.0.weight`, ..., as seed implementations save it), whose sizes are read off its tensors.

    Raises:
        InputError: there is no such file, it is damaged, or it holds no generator.
    """
    state = _read(path)
    if "trainer" not in state:
        return _from_state_dict(path, state)
    try:
        config = resolve(state["config"])
        assert isinstance(config, TrainConfig)
        generator = build_generator(config, state["shape"])
        generator.load_state_dict(state["trainer"]["ema"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{path}: a checkpoint, but not of a generator that this version knows ({error})") from error
    return generator.eval()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return checkpoint.load(path)
    folder = path / "checkpoints"
    found = checkpoint.newest(folder) if folder.is_dir() else None
    if found is None:
        raise InputError(f"{path}: holds no checkpoints/: name a run's directory or a checkpoint file")
    state, _, damaged = found
    for line in damaged:
        warn(line)
    return state


def _from_state_dict(path: Path, state: Mapping[str, Any]) -> Generator:
    """A generator of transposed convolutions, its sizes read off its weights."""
    weights = {
        int(match[1]): value
        for name, value in state.items()
        if (match := re.fullmatch(r"main\.(\d+)\.weight", str(name))) and isinstance(value, Tensor) and value.dim() == 4
    }
    if not weights:
        raise InputError(f"{path}: holds neither a checkpoint of this tool nor a DCGAN generator (main.0.weight, ...)")
    first, last = weights[min(weights)], weights[max(weights)]
    image_size = first.shape[2] * 2 ** (len(weights) - 1)
    try:
        generator = ConvGenerator(first.shape[0], (last.shape[1], image_size, image_size), feature_maps=last.shape[0])
        generator.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: its layers are not those of a DCGAN generator ({reason})") from error
    return generator.eval()
