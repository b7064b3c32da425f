"""Nearest images by pixel distance: for nearest-neighbour pairs and for the picture that shows memorisation."""

import torch
from torch import Tensor

from wgan.metrics.images import slices, to_unit

SIDE = 32  # larger images are compared after area averaging to this side: 256x256 costs what 32x32 does
LOOKED_AT = 1024  # generated images whose neighbours are searched for the picture
ROWS, COLUMNS = 8, 8  # of that picture; a row begins with the generated image


def nearest(queries: Tensor, pool: Tensor, count: int = 1, device: torch.device | str = "cpu") -> Tensor:
    """The `count` nearest images of `pool` for each query, by Euclidean distance of their pixels.

    Queries, (Q, C, H, W), and pool, (N, C, H, W), are uint8. The pool may be memory-mapped: it is read in slices, and
    no more than one slice of the distance matrix exists at a time. The result is (Q, count) int64 indices into `pool`,
    the nearest first; of equally near images the one with the lower index.
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


def nearest_rows(fake: Tensor, real: Tensor, device: torch.device | str = "cpu") -> list[tuple[Tensor, Tensor]]:
    """Some generated images, each with the real images nearest to it, for a picture that shows memorisation.

    The first is the generated image that is nearest of all to a real one: if it equals its neighbour, the generator
    repeats what it was shown. The others go on evenly to the one that is farthest from any real image. Of (N, C, H, W)
    uint8; at most `ROWS` times (C, H, W) and (K, C, H, W), K at most `COLUMNS` - 1.
    """
    fake = fake[:LOOKED_AT]
    index = nearest(fake, real, min(COLUMNS - 1, len(real)), device)
    distance = (reduced(fake) - reduced(real[index[:, 0]])).norm(dim=1)
    chosen = distance.argsort()[torch.linspace(0, len(fake) - 1, min(ROWS, len(fake))).long()]
    return [(fake[k], real[index[k]]) for k in chosen.tolist()]


def reduced(images: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(N, D) float32 pixels in [0, 1] of uint8 images, averaged down to `SIDE` where they are larger."""
    return to_unit(images, device, SIDE).flatten(1)
