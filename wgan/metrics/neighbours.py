"""Nearest images by pixel distance: for nearest-neighbour pairs and for the picture that shows memorisation."""

import torch
from torch import Tensor
from torch.nn import functional as F

from wgan.metrics.images import slices, to_unit

SIDE = 32  # larger images are compared after area averaging to this side: 256x256 costs what 32x32 does


def nearest(queries: Tensor, pool: Tensor, count: int = 1, device: torch.device | str = "cpu") -> Tensor:
    """The `count` nearest images of `pool` for each query, by Euclidean distance of their pixels.

    Args:
        queries: (Q, C, H, W) uint8.
        pool: (N, C, H, W) uint8, may be memory-mapped: it is read in slices, and no more than one slice of the
            distance matrix exists at a time.
        count: neighbours per query, at most N.
        device: where the distances are computed.

    Returns:
        (Q, count) int64 indices into `pool`, the nearest first; of equally near images the one with the lower index.
    """
    wanted = reduced(queries, device)
    best = torch.full((len(queries), 0), torch.inf, device=device)
    index = torch.zeros((len(queries), 0), dtype=torch.int64, device=device)
    for part in slices(len(pool), max(len(queries), pool[0].numel())):
        distance = torch.cdist(wanted, reduced(pool[part], device))
        numbers = torch.arange(part.start, part.stop, device=device).expand(len(queries), -1)
        best, order = torch.cat([best, distance], 1).sort(dim=1, stable=True)
        index = torch.cat([index, numbers], 1).gather(1, order[:, :count])
        best = best[:, :count]
    return index.cpu()


def reduced(images: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(N, D) float32 pixels in [0, 1] of uint8 images, averaged down to `SIDE` where they are larger."""
    unit = to_unit(images, device)
    if unit.shape[-1] > SIDE:
        unit = F.interpolate(unit, size=(SIDE, SIDE), mode="area")
    return unit.flatten(1)
