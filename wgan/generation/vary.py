"""Images between images: a video that walks through some for ever, a strip from each to the next."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ImageOps
from PIL.Image import Resampling
from torch import Tensor

from wgan.config.schema import GenerateConfig
from wgan.generation.choose import Inputs
from wgan.networks.base import Generator
from wgan.reporting.grids import COLUMNS, save_grid, to_pillow, to_uint8
from wgan.utils.atomic_io import replacing

LEAST_SIDE = 256  # pixels of a video; smaller images are enlarged a whole number of times
PACE = 24  # frames from an image to the next, and in a second, where the YAML does not say
BATCH = 64  # images computed at a time


def vary(config: GenerateConfig, generator: Generator, inputs: Inputs, folder: Path) -> None:
    """Write strip.png, a row from each image to the next, and a video that also goes from the last to the first.

    A GIF and a WebP begin anew by themselves; MP4s are encoded as H.264, which every browser plays.
    """
    count = len(inputs["latents"])
    if config.strip:
        places = torch.linspace(0, 1, COLUMNS) + torch.arange(max(1, count - 1))[:, None]
        save_grid(torch.stack([*walk(generator, inputs, places.flatten())]), folder / "strip.png")
    if config.video is None:
        return
    frames = config.frames or PACE * count
    rate = frames / (config.seconds or frames / PACE)
    images = walk(generator, inputs, torch.arange(frames) * (count / frames))
    side = generator.sample(1).shape[-1]
    pictures = (ImageOps.scale(to_pillow(to_uint8(x)), -(-LEAST_SIDE // side), Resampling.NEAREST) for x in images)
    with replacing(folder / f"video.{config.video}") as path:
        if config.video == "mp4":
            with import_module("imageio.v2").get_writer(path, fps=rate, macro_block_size=2) as file:
                for picture in pictures:
                    file.append_data(np.asarray(picture.convert("RGB")))
        else:
            next(pictures).save(path, save_all=True, append_images=pictures, duration=1000 / rate, loop=0, quality=90)


@torch.no_grad()
def walk(generator: Generator, inputs: Inputs, positions: Tensor) -> Iterator[Tensor]:
    """The images, (C, H, W) in [-1, 1], at places of a closed way: k is the k-th of `inputs`, k + t lies before k + 1.

    Of a conditional generator the classes' gains and biases are mixed along with the latents.
    """
    for part in positions.split(BATCH):
        place, t = part.long(), part.frac()[:, None]
        ends = {name: (x[place % len(x)], x[(place + 1) % len(x)]) for name, x in inputs.items()}
        shares = [F.one_hot(label, len(generator.classes)).float() for label in ends.get("labels", ())]
        found = [slerp(*ends["latents"], t), *([torch.lerp(shares[0], shares[1], t)] if shares else ())]
        yield from generator(*(x.to(next(generator.parameters()).device) for x in found))


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The points at shares t, (N, 1) in [0, 1], of the great circles from a to b, (N, K) (Shoemake 1985).

    So the norm stays that of the latents in training, which a straight line's middle falls short of (arXiv:1609.04468).
    """
    angle = F.cosine_similarity(a, b)[:, None].clamp(-1, 1).acos().clamp(min=1e-3)  # two equal ones stay what they are
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
