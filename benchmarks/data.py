"""How long images take from a folder of photographs to the batches of a training, against torchvision.

    python benchmarks/data.py FOLDER --images 500 --size 64 --workers 2

takes the JPEGs of FOLDER (Debian's packages lomiri-wallpapers-* put some into /usr/share/backgrounds), enlarges those
below --megapixels, repeats them up to --images files, and times, in turn, in one process:

    ImageFolder   torchvision.datasets.ImageFolder with a DataLoader: the first epoch, and a later one
    wgan          wgan.data.load_folder with an empty cache and one epoch of Batches; a later epoch; and the start of
                  a second run, which finds the cache

Two ratios are printed: of the time on the clock, and of the processors' time, which other work on the machine hardly
changes.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from wgan.config.image_form import Form
from wgan.data.batches import Batches
from wgan.data.load import load_folder

BATCH = 64


class Time(NamedTuple):
    """Seconds on the clock, and of all processors together."""

    clock: float
    processor: float


def main() -> None:
    """Parse the arguments, time each round, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the JPEGs are, at any depth")
    parser.add_argument("--images", type=int, default=500, help="files in the folder that is timed")
    parser.add_argument("--megapixels", type=float, default=8.0, help="smaller photographs are enlarged to this")
    parser.add_argument("--encode", choices=("as-is", "baseline", "progressive"), default="as-is", help="of all files")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="both are timed in turn this often; medians are printed")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        pixels = photographs(arguments.folder, root / "photographs", arguments)
        megapixels = pixels / 1e6 / arguments.images
        print(f"{arguments.images} JPEGs, encoded {arguments.encode}, {megapixels:.1f} megapixels on average")
        print(f"decoded at {arguments.size}x{arguments.size} by {arguments.workers} workers on {os.cpu_count()} cores")
        print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {Image.__version__}")
        rounds = []
        for number in range(arguments.rounds):
            rounds.append((wgan(root, Path(scratch) / f"cache{number}", arguments), image_folder(root, arguments)))
            print(f"round {number + 1} done, load average {os.getloadavg()[0]:.1f}")
        ours, theirs = zip(*rounds, strict=True)
        print(f"{'':14}{'wgan':>12}{'ImageFolder':>16}{'ratio':>14}{'ratio of processor time':>26}")
        for column, name in enumerate(("first epoch", "later epoch")):
            mine, other = [times[column] for times in ours], [times[column] for times in theirs]
            ratios = [(t.clock / o.clock, t.processor / o.processor) for o, t in zip(mine, other, strict=True)]
            clock, processor = map(statistics.median, zip(*ratios, strict=True))
            print(f"{name:14}{median(mine):10.4f} s{median(other):14.2f} s{clock:13,.1f}x{processor:25,.1f}x")
        print(f"start of a second run: {median([times[2] for times in ours]):.4f} s")


def photographs(source: Path, target: Path, arguments: argparse.Namespace) -> int:
    """Fill `target` with JPEGs large enough; returns their pixels in all."""
    originals = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not originals:
        raise SystemExit(f"{source} holds no JPEG")
    target.mkdir(parents=True)
    made: list[tuple[Path, int]] = []
    for number in range(arguments.images):
        path = target / f"{number:05}.jpg"
        if number < len(originals):
            made.append((path, photograph(originals[number], path, arguments)))
        else:
            path.hardlink_to(made[number % len(made)][0])
    return sum(made[number % len(made)][1] for number in range(arguments.images))


def photograph(original: Path, path: Path, arguments: argparse.Namespace) -> int:
    """Copy one, enlarged and encoded anew where that is asked for; returns its pixels."""
    with Image.open(original) as image:
        progressive = bool(image.info.get("progressive"))
        factor = max(1.0, (arguments.megapixels * 1e6 / (image.width * image.height)) ** 0.5)
        if factor == 1.0 and arguments.encode == "as-is":
            shutil.copyfile(original, path)
            return image.width * image.height
        if arguments.encode != "as-is":
            progressive = arguments.encode == "progressive"
        larger = image.convert("RGB").resize((round(image.width * factor) + 1, round(image.height * factor) + 1))
        larger.save(path, quality=92, progressive=progressive)
        return larger.width * larger.height


def image_folder(root: Path, arguments: argparse.Namespace) -> tuple[Time, Time]:
    """Times of the first and of the second epoch, as published implementations load their images."""
    shape = Compose([Resize(arguments.size), CenterCrop(arguments.size), ToTensor(), Normalize([0.5] * 3, [0.5] * 3)])
    loader = DataLoader(
        torchvision.datasets.ImageFolder(str(root), shape),
        batch_size=BATCH,
        shuffle=True,
        num_workers=arguments.workers,
    )

    def epoch() -> None:
        for images, _ in loader:
            assert images.shape[1:] == (3, arguments.size, arguments.size)

    return timed(epoch), timed(epoch)


def wgan(root: Path, cache: Path, arguments: argparse.Namespace) -> tuple[Time, Time, Time]:
    """Times of the first epoch with an empty cache, of a later one, and of loading once more."""

    def load() -> Batches:
        data = load_folder(root, Form(3, arguments.size, arguments.size), workers=arguments.workers, cache=cache)
        assert len(data.train) + len(data.held_out) == arguments.images
        return Batches(torch.cat([data.train.images, data.held_out.images]), BATCH, seed=0)

    def epoch(batches: Batches, number: int) -> None:
        steps = -(-arguments.images // BATCH)
        for step in range(number * steps, (number + 1) * steps):
            assert batches.batch(step).shape == (BATCH, 3, arguments.size, arguments.size)

    first = timed(lambda: epoch(load(), 0))
    start = timed(load)
    batches = load()
    return first, timed(lambda: epoch(batches, 1)), start


def timed(work: Callable[[], object]) -> Time:
    """What `work` takes, its child processes included."""
    began, before = time.perf_counter(), os.times()
    work()
    return Time(time.perf_counter() - began, max(1e-2, sum(os.times()[:4]) - sum(before[:4])))  # in ticks of 10 ms


def median(times: Sequence[Time]) -> float:
    """Of the seconds on the clock."""
    return statistics.median(t.clock for t in times)


if __name__ == "__main__":
    main()
