"""Differentiable augmentation for small sets: DiffAugment, Zhao et al. 2020, arXiv:2006.10738.

The critic sees changed images only, real and generated alike, so the generator learns the unchanged ones as long as the
changes are rare enough to be inverted in distribution (arXiv:2006.06676, sec. 2.2). All can be differentiated.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wgan.config.constraints import AUTO, AUTOMATIC
from wgan.utils.rng import Draws

TRANSLATION = 1 / 8
"""Largest shift, as a fraction of each side (sec. 4: 1/8)."""
CUTOUT = 1 / 2
"""Sides of the rectangle that is cut out, as a fraction of the image's (sec. 4: half)."""

Uniform = Callable[[str, int], Tensor]
"""(what for, how many) to numbers in [0, 1): (N, how many)."""


def augmented(
    images: Tensor, kinds: Sequence[str], draws: Draws, purpose: str, step: int, probability: float = 0.0
) -> Tensor:
    """Change each image in its own way; (N, C, H, W) in [-1, 1], the same tensor where `kinds` is empty.

    `kinds`, names of `CHANGES`, are applied in the paper's order, flips first; `auto` is each of `AUTOMATIC`, at this
    probability, drawn for each image and change. `draws` give the numbers of this purpose (real, critic's or
    generator's images) and step.
    """

    def uniform(change: str, count: int) -> Tensor:
        return draws.uniform(f"{purpose} {change}", step, len(images), count)

    for kind, change in CHANGES.items():
        if kind in kinds:
            images = change(images, uniform)
        elif kind in AUTOMATIC and AUTO in kinds and probability > 0:
            met = uniform(f"{kind} or not", 1)[:, :, None, None] < probability
            images = torch.where(met, change(images, uniform), images)
    return images


def flip(images: Tensor, uniform: Uniform) -> Tensor:
    """Mirror half of the images, left to right: too many to be inverted, so the generator mirrors half of its own."""
    mirrored = uniform("flip", 1)[:, 0] < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def color(images: Tensor, uniform: Uniform) -> Tensor:
    """Brightness by up to 0.5 either way, saturation by a factor in [0, 2), contrast by one in [0.5, 1.5)."""
    brightness, saturation, contrast = uniform("color", 3).to(images.dtype).T[:, :, None, None, None]
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed: Tensor = mean + (images - mean) * (contrast + 0.5)
    return changed


def translation(images: Tensor, uniform: Uniform) -> Tensor:
    """Shift by up to an eighth of each side; what comes into view is 0 (mid-grey)."""
    amounts, places, seen = uniform("translation", 2), [], []
    for i, side in enumerate(images.shape[2:]):
        reach = int(side * TRANSLATION + 0.5)
        shift = (amounts[:, i, None] * (2 * reach + 1)).long() - reach
        place = torch.arange(side, device=images.device) + shift  # (N, side)
        seen.append((place >= 0) & (place < side))
        places.append(place.clamp(0, side - 1))
    (rows, columns), inside = places, seen[0][:, :, None] & seen[1][:, None, :]
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    pixels = images.permute(0, 2, 3, 1)  # a view of channels-last memory: a pixel's channels move together
    moved = pixels[batch, rows[:, :, None], columns[:, None, :]]
    return (moved * inside[..., None]).permute(0, 3, 1, 2)


def cutout(images: Tensor, uniform: Uniform) -> Tensor:
    """Set a rectangle of half of each side to 0 (mid-grey); its centre lies anywhere in the image."""
    centres, cut = uniform("cutout", 2), []
    for i, side in enumerate(images.shape[2:]):
        size = int(side * CUTOUT + 0.5)
        first = (centres[:, i, None] * (side + (1 - size % 2))).long() - size // 2
        place = torch.arange(side, device=images.device)
        cut.append((place >= first) & (place < first + size))
    return images * ~(cut[0][:, :, None] & cut[1][:, None, :])[:, None]


CHANGES: dict[str, Callable[[Tensor, Uniform], Tensor]] = {
    change.__name__: change for change in (flip, color, translation, cutout)
}
