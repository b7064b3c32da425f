"""What the figures cost: seconds of each group and the peak memory of all, on 10,000 images of 28x28.

    python benchmarks/metrics.py [--images 10000] [--groups swd prdc mmd emd classifier]

Fashion-MNIST: its test images are the held-out ones, and as many training images with light noise stand for generated
ones. Nothing is kept from earlier calls: the classifier is trained, the real images' features are computed.
"""

import argparse
import resource
import time
from pathlib import Path

import torch

from wgan.config.image_form import Form
from wgan.data.load import load_named
from wgan.metrics import evaluate

NOISE = 13  # of 255: what it stands for does not matter, but copies of real images would be a case of their own


def main() -> None:
    """Measure once and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--groups", nargs="+", default=["swd", "prdc", "mmd", "emd", "classifier"])
    parser.add_argument("--sets", type=Path, default=Path("~/.cache/wgan/sets").expanduser(), help="Fashion-MNIST")
    options = parser.parse_args()

    data = load_named("fashion-mnist", Form(1, 28, 28), seed=0, folder=options.sets)
    drawn = torch.Generator().manual_seed(0)
    like = data.train.images[torch.randperm(len(data.train), generator=drawn)[: options.images]].float()
    noise = NOISE * torch.randn(like.shape, generator=drawn)
    fake = (like + noise).clamp(0, 255).to(torch.uint8)
    before = peak_gb()
    start = time.perf_counter()
    report = evaluate.evaluate(fake, data.held_out[: options.images], data.train, options.groups, 0, "cpu")
    total = time.perf_counter() - start

    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    print(f"\n| group | seconds, {len(fake):,} images of each kind |\n|---|---|")
    for group, seconds in report.seconds.items():
        print(f"| `{group}` | {seconds:.1f} |")
    print(f"| all | {total:.1f} |")
    print(f"\nPeak memory {peak_gb():.2f} GB, before the first figure {before:.2f} GB")


def peak_gb() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
