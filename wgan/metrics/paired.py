"""PSNR, SSIM, MS-GMSD, MDSI and HaarPSI (piq) between pairs of a generated and a real image.

These compare two versions of one picture; between unrelated pictures they say little, so the pairing is half of the
metric's meaning. Two pairings, each with the value that real images reach under it:

- random: a generated image with a held-out real one drawn at random, as in the tables people publish. Real against
  real: a training image with the same held-out one. Blurred averages beat real images here, so no higher value is
  better: the best is the value of real against real.
- nearest: a generated image with the closest training image (`wgan.metrics.neighbours`). Real against real: a held-out
  image with its closest training image. Far below that value the images are unlike any real one; far above it the
  generator repeats its training images.
"""

from collections.abc import Callable

import piq
import torch
from torch import Tensor

from wgan.config.metrics import Metric
from wgan.metrics.images import EvaluationInputs, draw, slices, to_unit
from wgan.metrics.neighbours import nearest
from wgan.metrics.report import Report
from wgan.metrics.resampling import bootstrap_mean

Pairs = tuple[Tensor, Tensor]
MIN_PAIRS, MAX_PAIRS = 256, 1024
MS_GMSD = (0.096, 0.596, 0.289, 0.019)  # the paper's weights of its scales
NO_RANK = "; these do not rank"  # in the heading: blurred averages beat real images

# At 16x16, the smallest size, SSIM's window of 11x11 and HaarPSI's three scales have room, not MS-GMSD's fourth. But
# for that one, all sizes and both numbers of channels use the papers' own scales and constants.
METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "PSNR": lambda x, y: piq.psnr(x, y, reduction="none"),
    "SSIM": lambda x, y: piq.ssim(x, y, reduction="none"),
    "MS-GMSD": lambda x, y: piq.multi_scale_gmsd(
        x, y, reduction="none", scale_weights=x.new_tensor(MS_GMSD[:3]) if min(x.shape[2:]) < 17 else None
    ),
    # three channels: what piq does to grey images, with a warning each time
    "MDSI": lambda x, y: piq.mdsi(*(z.expand(-1, 3, -1, -1) for z in (x, y)), reduction="none"),
    "HaarPSI": lambda x, y: piq.haarpsi(x, y, reduction="none").clamp(max=1),  # piq: infinite for two black images
}


@torch.no_grad()
def compare(x: Tensor, y: Tensor, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Every metric for each pair of (N, C, H, W) uint8, C is 1 or 3, H and W at least 16.

    Returns:
        Metric to (N,) float64. PSNR in dB, at most 80 (piq adds 1e-8 to the squared error); SSIM in [-1, 1] and
        HaarPSI in [0, 1], 1 for identical images; MS-GMSD and MDSI from 0 for identical images upwards.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in METRICS}
    for part in slices(len(x), x[0].numel(), 1 << 20):
        pair = to_unit(x[part], device), to_unit(y[part], device)
        for name, metric in METRICS.items():
            found[name].append(metric(*pair).double().cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def paired_metrics(inputs: EvaluationInputs) -> Report:
    """Both pairings. Every generated and held-out image stands in at most one pair while there are enough of them."""
    fake, unseen, seen = inputs.fake, inputs.held_out.images, inputs.train.images
    count = min(MAX_PAIRS, max(MIN_PAIRS, min(len(fake), len(unseen))))
    sets = {"generated": fake, "held-out": unseen, "training": seen}
    generated, real, trained = (x[draw(count, len(x), inputs.seed, f"pairs/{name}")] for name, x in sets.items())

    near = [seen[nearest(images, seen, device=inputs.device)[:, 0]] for images in (generated, real)]
    kinds = "random pairs with held-out images", "pairs with the nearest training image"
    random, closest = (f"{count} {kind}{NO_RANK}" for kind in kinds)
    metrics = _means(random, "", (generated, real), (trained, real), inputs)
    metrics += _means(closest, "nearest_", (generated, near[0]), (real, near[1]), inputs)
    short = [f"{len(images)} {name} images" for name, images in sets.items() if len(images) < count]
    note = f"Only {' and '.join(short)} for {count} pairs: images repeat, so the intervals are too narrow."
    return Report(tuple(metrics), (note,) if short else ())


def _means(section: str, prefix: str, pairs: Pairs, real_pairs: Pairs, inputs: EvaluationInputs) -> list[Metric]:
    values, real_values = compare(*pairs, device=inputs.device), compare(*real_pairs, device=inputs.device)
    metrics = []
    for name in METRICS:
        key, mean, real = prefix + name.lower().replace("-", "_"), values[name].mean(), real_values[name].mean()
        interval = bootstrap_mean(values[name], inputs.seed)
        metrics.append(Metric(key, name, section, float(mean), "real", float(real), *interval))
    return metrics
