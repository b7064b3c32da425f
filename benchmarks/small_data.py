"""DiffAugment (arXiv:2006.10738) on 500 images against none: same networks, same seed, figures against unseen images.

    python benchmarks/small_data.py [--arch DCGAN] [--steps 40000] [--out out/small_data] [--parallel 2]

500 Fashion-MNIST images (the first of the training set) become a folder of PNG files, from which a training is started
as a user would: 375 of them are seen, 125 held out. The figures compare 10,000 generated images with the set's 10,000
test images: the Frechet distance at every kept checkpoint, since a critic that knows its images by heart, which is what
augmentation cures, shows late; all of them at the end. The log's `overfitting` and `augment_p` (of `auto`) are shown on
the way, and what the training warned of. A second call goes on where the first was interrupted.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import torch
from metrics_along_training import checkpoints
from PIL import Image
from torch import Tensor

from wgan.config.image_form import Form
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.load import load_named
from wgan.metrics import evaluate
from wgan.metrics.report import Report, number
from wgan.networks.pretrained import load_generator
from wgan.reporting.grids import to_uint8
from wgan.runs.csv_log import read_log
from wgan.runs.run_dir import Run
from wgan.train import train

IMAGES = 500
GENERATED = 10_000
VARIANTS: dict[str, list[str]] = {
    "none": [],
    "auto": ["auto"],
    "translation": ["translation"],
    "translation, cutout": ["translation", "cutout"],
}
"""Grey clothes have no colour to change, and shoes all point one way: no flips."""
SETTINGS: dict[str, dict[str, object]] = {
    "DCGAN": {"learning_rate": 2e-4, "critic_norm": "none", "critic_its": 2},
    "WGAN-GP": {"learning_rate": 5e-4, "critic_its": 1},
}
"""Of what was tried, the first gains by augmentation and the second does not (docs/results.md)."""
GROUPS = ("swd", "prdc", "mmd", "classifier")


def main() -> None:
    options = arguments()
    data = load_named("fashion-mnist", Form(1, 28, 28), seed=0, folder=options.sets)
    folder = options.out / "images"
    for index, image in enumerate(data.train.images[:IMAGES]):
        path = folder / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # a file written anew would be another file to a run that goes on
            Image.fromarray(image[0].numpy()).save(path)
    work = partial(trained, options, folder)
    with ProcessPoolExecutor(options.parallel, multiprocessing.get_context("spawn"), one_thread) as pool:
        found = list(pool.map(work, options.variants))
    results = {name: result for name, result in zip(options.variants, found, strict=True) if result}
    if len(results) < len(found):
        return  # interrupted: saved, and the next call goes on
    curves, reports = ({name: result[part] for name, result in results.items()} for part in (0, 1))
    columns = " | ".join(options.variants)
    print(f"\n| step | {columns} |\n|---|{'---|' * len(curves)}")
    for step in next(iter(curves.values())):
        print(f"| {step:,} | {' | '.join(number(curve[step]) for curve in curves.values())} |")
    print(f"\n| {options.steps:,} steps | better | {columns} | real vs real |\n|---|---|{'---|' * (len(curves) + 1)}")
    for same in zip(*(report.metrics for report in reports.values()), strict=True):
        values = " | ".join(number(figure.value) for figure in same)
        print(f"| {same[0].name} | {same[0].better} | {values} | {number(same[0].real)} |")


def one_thread() -> None:
    """For each process of several."""
    torch.set_num_threads(1)


def trained(options: argparse.Namespace, folder: Path, name: str) -> tuple[dict[int, float], Report] | None:
    """The Frechet distance by step and all metrics of the last; None where the training was interrupted."""
    data = load_named("fashion-mnist", 28, 1, seed=0, folder=options.sets)
    config = configuration(options, folder, VARIANTS[name])
    if train(config):
        return None
    run = Run(config.out / config.run)
    log = read_log(run.log)
    for column in ("overfitting", "overfitting_error", "augment_p"):
        if column in log:
            values = log[column][:: max(1, len(log[column]) // 10)]
            print(f"{config.run}: {column} {' '.join(f'{value:.2f}' for value in values)}", flush=True)
    print(*(f"{config.run}: {warning}" for warning in run.read_state()["warnings"]), sep="\n", flush=True)
    curve, report = dict[int, float](), Report()
    for step, path in checkpoints(run).items():
        groups = GROUPS if step == options.steps else ("classifier",)
        report = evaluate.evaluate(
            generated(path, config.seed), data.held_out, data.train, groups, config.seed, "cpu", cache=config.cache
        )
        curve[step] = next(figure.value for figure in report.metrics if figure.key == "frechet_classifier")
        print(f"{config.run}: step {step}: Frechet distance {number(curve[step])}", flush=True)
    return curve, report


def configuration(options: argparse.Namespace, folder: Path, augment: list[str]) -> TrainConfig:
    config = resolve(
        {
            "arch": options.arch,
            "path": str(folder),
            "out": str(options.out),
            "run": "-".join([options.arch, *augment]),
            "seed": options.seed,
            "num_steps": options.steps,
            "image_size": 28,
            "number_channels": 1,
            "gen_feature_maps": options.maps,
            "dis_feature_maps": options.maps,
            "beta_adam": 0.5,
            "batch_size": 32,
            "augment": augment,
            "sample_every": options.every,
            "checkpoint_every": options.every,
            "keep_checkpoints": options.steps // options.every,
            "cache": str(options.out / "cache"),
            **SETTINGS[options.arch],
        }
    )
    assert isinstance(config, TrainConfig)
    return config


def generated(path: Path, seed: int) -> Tensor:
    """(10,000, 1, 28, 28) uint8 of the averaged generator in a checkpoint."""
    batches = load_generator(path).sample_batches(range(GENERATED), seed, 500)
    return torch.cat([to_uint8(images) for images in batches])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=SETTINGS, default="DCGAN")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--every", type=int, default=8000, help="steps between the checkpoints that are measured")
    parser.add_argument("--parallel", type=int, default=1, help="trainings at a time, of one thread each")
    parser.add_argument("--maps", type=int, default=64, help="feature maps of both networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/small_data"))
    parser.add_argument("--sets", type=Path, default=Path("~/.cache/wgan/sets").expanduser(), help="Fashion-MNIST")
    return parser.parse_args()


if __name__ == "__main__":
    main()
