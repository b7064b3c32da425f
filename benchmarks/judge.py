"""What the classifier behind `frechet_classifier` sees, and how much the ruler itself moves.

    PYTHONPATH=. python benchmarks/judge.py --dataset mnist-5k --judges 5
    PYTHONPATH=. python benchmarks/judge.py --dataset fashion-mnist --sets /usr/share/datasets/fashion-mnist

Real images that no classifier was trained on are spoilt a little and measured against held-out ones, beside the same
images as they are. Real against real is repeated on halves of both sets drawn anew; with `--judges` also with
classifiers of other seeds, which no run has: what a change of the ruler would do to every number.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from wgan.config.image_form import Form
from wgan.data.image_set import ImageSet
from wgan.data.load import load_named
from wgan.metrics import classifier
from wgan.metrics.features import batched
from wgan.metrics.frechet import frechet_distance

HALVES = 20


def main() -> None:
    """Train, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist-5k")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--images", type=int, default=2048, help="of each kind")
    parser.add_argument("--judges", type=int, default=1)
    parser.add_argument("--sets", type=Path, default=Path("~/.cache/wgan/sets").expanduser())
    options = parser.parse_args()

    form = Form(options.channels, options.size, options.size)
    data = load_named(options.dataset, form, seed=0, folder=options.sets)
    seen, unseen = classifier.kept_back(data.train)
    count = min(options.images, len(unseen), len(data.held_out))
    real, other = data.held_out.images[:count], unseen.images[:count]
    rows = {name: spoil(other) for name, spoil in SPOILT.items()}
    columns = [column(seen, data.held_out, real, rows, seed) for seed in range(options.judges)]
    print(f"\n| {options.dataset}, {count:,} images | {' | '.join(f'judge {k}' for k in range(options.judges))} |")
    print(f"|---|{'---|' * options.judges}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(found[name] for found in columns)} |")


def column(seen: ImageSet, held_out: ImageSet, real: Tensor, rows: dict[str, Tensor], seed: int) -> dict[str, str]:
    """One classifier's numbers."""
    classifier.RULER, start = seed, time.process_time()
    judge, _ = classifier.trained(seen, "cpu", None)
    seconds = time.process_time() - start
    expected = batched(real, judge.features)
    features = {name: batched(images, judge.features) for name, images in rows.items()}
    found = {name: f"{frechet_distance(rows, expected):.2f}" for name, rows in features.items()}
    numbers, halves = torch.Generator().manual_seed(0), []
    for _ in range(HALVES):
        a, b = (x[torch.randperm(len(x), generator=numbers)[: len(x) // 2]] for x in (features["real"], expected))
        halves.append(frechet_distance(a, b))
    scatter = f"{statistics.mean(halves):.2f} ± {statistics.stdev(halves):.2f}"
    accuracy = f"{classifier.accuracy(judge, held_out):.1%}"
    return {"names correctly": accuracy, "processor seconds": f"{seconds:.0f}", "real, halves": scatter, **found}


def noise(deviation: float) -> Callable[[Tensor], Tensor]:
    def spoil(images: Tensor) -> Tensor:
        numbers = torch.Generator().manual_seed(0)
        return (images + deviation * torch.randn(images.shape, generator=numbers)).clamp(0, 255).round().byte()

    return spoil


def blur(sigma: float) -> Callable[[Tensor], Tensor]:
    row = torch.exp(-(torch.arange(-6.0, 7) ** 2) / (2 * sigma**2))
    row /= row.sum()

    def spoil(images: Tensor) -> Tensor:
        kernel = (row[:, None] * row).expand(images.shape[1], 1, 13, 13)
        padded = F.pad(images.float(), (6, 6, 6, 6), mode="replicate")
        return F.conv2d(padded, kernel, groups=images.shape[1]).round().byte()

    return spoil


def posterise(levels: int) -> Callable[[Tensor], Tensor]:
    step = 255 / (levels - 1)
    return lambda images: ((images / step).round() * step).round().byte()


SPOILT: dict[str, Callable[[Tensor], Tensor]] = {
    "real": lambda images: images,
    **{f"noise {deviation}/255": noise(deviation) for deviation in (4, 8, 16)},
    **{f"blur {sigma} px": blur(sigma) for sigma in (0.4, 0.8)},
    **{f"{levels} grey values": posterise(levels) for levels in (32, 8)},
    "moved by one pixel": lambda images: images.roll(1, -1),
    "uniform noise": lambda images: torch.randint(0, 256, images.shape, dtype=torch.uint8),
}

if __name__ == "__main__":
    main()
