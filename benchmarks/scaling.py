"""How the cost of a training grows: with the batch, the image's side, the networks' width, the images, the epochs.

    PYTHONPATH=. python benchmarks/scaling.py [--quick]

Each row is measured in a process of its own, so that its peak memory is its own; memory counts from before the first
step. `start` is what a training does between its data and its first step. Cost grows linearly with the batch and with
the number of pixels, and does not depend on the number of images; a start does not grow with the epochs.
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rows of each table, up to 10^4 images")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(**json.loads(options.measure))))
        return
    tables = {
        "batch_size": [16, 32, 64, 128, 256],
        "image_size": [28, 32, 64, 128],
        "feature_maps": [16, 32, 64, 128],
        "images": [10**3, 10**4, 10**5, 10**6],
        "num_epochs": [1, 100, 10**4],
    }
    for key, values in tables.items():
        print(f"\n| {key} | ms per update | plain code's | plain code's peak memory | ours | a batch, ms | start, ms |")
        print("|---|---|---|---|---|---|---|")
        for value in values[:2] if options.quick else values:
            ours = in_a_process({key: value, "plain": False})
            plain = in_a_process({key: value, "plain": True})
            print(
                f"| {value:,} | {ours['ms']:.1f} | {plain['ms']:.1f} | {plain['peak_mb']:,.0f} MB "
                f"| {ours['peak_mb']:,.0f} MB | {ours['batch_ms']:.2f} | {ours['start_ms']:.0f} |",
                flush=True,
            )


def in_a_process(case: dict[str, object]) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", json.dumps(case)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(finished.stdout)
    return result


def measure(
    plain: bool,
    batch_size: int = 64,
    image_size: int = 32,
    feature_maps: int = 32,
    images: int = 1000,
    num_epochs: int = 1,
) -> dict[str, float]:
    """Milliseconds and peak memory of one setting."""
    import torch
    from critic_step import ours as own_step
    from critic_step import plain as plain_step

    from wgan.config.resolve import resolve
    from wgan.config.schema import TrainConfig
    from wgan.data.image_set import Data, ImageSet
    from wgan.runs.run_dir import Run
    from wgan.runtime.distributed import Ranks
    from wgan.training.loop import Training
    from wgan.utils import malloc

    keys = {"arch": "WGAN-GP", "dataset": "cifar10", "batch_size": batch_size, "image_size": image_size}
    widths = {"gen_feature_maps": feature_maps, "dis_feature_maps": feature_maps}
    config = resolve({**keys, **widths, "num_epochs": num_epochs, "precision": "fp32", "number_channels": 3})
    assert isinstance(config, TrainConfig)
    before = peak_mb()
    if not plain:
        malloc.keep_freed()  # as `wgan.training` does
    figures = {"ms": 1e3 * seconds_per_step(plain_step(config) if plain else own_step(config, torch.float32))}
    figures["peak_mb"] = peak_mb() - before
    if plain:
        return figures
    pixels = torch.randint(0, 256, (images, 3, image_size, image_size), dtype=torch.uint8)
    data = Data(ImageSet(pixels), ImageSet(pixels[:256]), (), "synthetic", "synthetic")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        training = Training(config, Run(Path(folder)), data, torch.device("cpu"), torch.float32, Ranks())
        training.begin()
        figures["start_ms"] = 1e3 * (time.perf_counter() - start)
    figures["batch_ms"] = 1e3 * seconds_per_step(training.batches.batch(index) for index in itertools.count())
    return figures


def seconds_per_step(steps: Iterator[object], count: int = 40) -> float:
    """Mean over `count` steps, after five to warm up."""
    for _ in range(5):
        next(steps)
    start = time.perf_counter()
    for _ in range(count):
        next(steps)
    return (time.perf_counter() - start) / count


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
