"""What truncation and the critic's choice do to precision and recall: python benchmarks/choosing.py out/digits

2,000 images each against 2,000 of the embedded digits that the run was trained on (its 500 held-out ones would leave
twice the noise), by the metrics of `prdc`. "resampled" draws each component of a latent anew until it is below the
bound, as BigGAN does (arXiv:1809.11096, sec. 3.1); the program scales latents instead.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from wgan.data.load import load_named
from wgan.metrics.features import random_vgg16
from wgan.metrics.prdc import manifold_metrics
from wgan.networks.pretrained import load_critic, load_generator
from wgan.reporting.grids import to_uint8

COUNT, MANY, BATCH = 2_000, 8_000, 500


def resampled(latents: Tensor, bound: float) -> Tensor:
    """The same latents, each component above the bound drawn anew until it is not."""
    while (wrong := latents.abs() > bound).any():
        latents = torch.where(wrong, torch.randn_like(latents), latents)
    return latents


@torch.no_grad()
def variants(run: Path) -> Iterator[tuple[str, Tensor]]:
    """A name and images, (COUNT, C, H, W) uint8, for each row."""
    generator, critic = load_generator(run), load_critic(run)
    latents = generator.latents(range(MANY), seed=1)

    def images(chosen: Tensor) -> Tensor:
        return torch.cat([to_uint8(generator(part)) for part in chosen.split(BATCH)])

    first = latents[:COUNT]
    yield "all", images(first)
    for factor in (0.95, 0.9, 0.8, 0.7):
        yield f"truncation: {factor}", images(factor * first)
    for bound in (2.5, 2.0, 1.5):
        yield f"resampled above {bound}", images(resampled(first, bound))
    scores = torch.cat([critic(generator(part)) for part in latents.split(BATCH)])
    for share in (2, 4):
        some = scores[: COUNT * share].topk(COUNT).indices
        yield f"pick: {COUNT} of {COUNT * share}", images(latents[some])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    side = load_generator(run).sample(1).shape[-1]
    real = load_named("mnist-5k", side, 1, seed=1, folder=Path()).train.images[:COUNT]
    features = random_vgg16(real)
    for name, images in variants(run):
        found = manifold_metrics(random_vgg16(images), features)
        print(f"{name:24}" + "  ".join(f"{key} {value:.3f}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
