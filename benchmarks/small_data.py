"""DiffAugment (arXiv:2006.10738) on 500 images against none: same networks, same seeds, metrics against unseen images.

    python benchmarks/small_data.py [--steps 5000] [--seeds 1] [--out out/small_data]

500 Fashion-MNIST images (the first of the training set) become a folder of PNG files, from which a WGAN-GP is trained
as a user would: 375 of them are seen, 125 held out. The distances are those to the set's 10,000 test images. A second
call goes on where the first was interrupted.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from wgan import metrics
from wgan.config import TrainConfig, resolve
from wgan.data import load_named
from wgan.generation import load_generator, sample
from wgan.metrics.table import number
from wgan.reporting.grids import to_uint8
from wgan.training import train

IMAGES = 500
GENERATED = 10_000
VARIANTS: dict[str, list[str]] = {"none": [], "translation, cutout": ["translation", "cutout"]}
"""Grey clothes have no colour to change, and shoes all point one way: no flips."""
GROUPS = ("swd", "prdc", "mmd", "classifier")


def main() -> None:
    options = arguments()
    data = load_named("fashion-mnist", 28, 1, seed=0, folder=options.sets)
    folder = options.out / "images"
    for index, image in enumerate(data.train.images[:IMAGES]):
        path = folder / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # a file written anew would be another file to a run that goes on
            Image.fromarray(image[0].numpy()).save(path)
    for seed in range(options.seeds):
        reports = {}
        for name, augment in VARIANTS.items():
            config = configuration(options, folder, augment, seed)
            if train(config):
                return  # interrupted: saved, and the next call goes on
            fake = generated(config)
            reports[name] = metrics.evaluate(fake, data.held_out, data.train, GROUPS, seed, "cpu", cache=config.cache)
        print(f"\nseed {seed}\n\n| metric | better | {' | '.join(VARIANTS)} | real vs real |\n|---|---|{'---|' * 3}")
        for found in zip(*(report.figures for report in reports.values()), strict=True):
            values = " | ".join(number(figure.value) for figure in found)
            print(f"| {found[0].name} | {found[0].better} | {values} | {number(found[0].real)} |", flush=True)


def configuration(options: argparse.Namespace, folder: Path, augment: list[str], seed: int) -> TrainConfig:
    config = resolve(
        {
            "arch": "WGAN-GP",
            "path": str(folder),
            "out": str(options.out),
            "run": f"{'augmented' if augment else 'plain'}-{seed}",
            "seed": seed,
            "num_steps": options.steps,
            "image_size": 28,
            "number_channels": 1,
            "gen_feature_maps": 24,
            "dis_feature_maps": 24,
            "learning_rate": 1e-3,
            "beta_adam": 0.5,
            "batch_size": 32,
            "critic_its": 1,
            "augment": augment,
            "sample_every": 1000,
            "checkpoint_every": 1000,
            "cache": str(options.out / "cache"),
        }
    )
    assert isinstance(config, TrainConfig)
    return config


def generated(config: TrainConfig) -> Tensor:
    """(10,000, 1, 28, 28) uint8 of the averaged generator."""
    batches = sample(load_generator(config.out / config.run), GENERATED, config.seed, 500)
    return torch.cat([to_uint8(images) for images in batches])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/small_data"))
    parser.add_argument("--sets", type=Path, default=Path("~/.cache/wgan/sets").expanduser(), help="Fashion-MNIST")
    return parser.parse_args()


if __name__ == "__main__":
    main()
