"""`arch: Evaluate`: the metrics of images from any generator, or of one or two trained runs."""

import json
from itertools import chain, count
from pathlib import Path

import torch
from torch import Tensor

from wgan.config import EvaluateConfig, to_yaml
from wgan.data import Data, load, load_folder
from wgan.data.sets import Unusable, fit
from wgan.devices import open_device
from wgan.errors import InputError
from wgan.files import write_text
from wgan.generation import load_generator, sample
from wgan.metrics import Report, evaluate, require
from wgan.metrics.comparison import comparison_dict, comparison_table
from wgan.metrics.distribution import LARGEST
from wgan.metrics.paired import MIN_PAIRS
from wgan.metrics.pictures import class_chart, neighbour_picture
from wgan.reporting.grids import to_uint8

BATCH = 64  # images that a run's generator computes at a time


def evaluate_job(config: EvaluateConfig) -> int:
    """Write out/run/: metrics_report.out and metrics.json, nearest_neighbours.png, class_counts.png, config.yaml.

    Raises:
        InputError: the real or the generated images cannot be used.
    """
    device = open_device(config)
    require(config.metrics, config.inception_weights)
    data = load(config)
    if data.train.images.dim() != 4:
        raise InputError(f"{config.where('dataset')}: {config.dataset} holds points; arch: Evaluate measures images")
    print(f"Real: {data.description}")
    fakes = {letter: generated(path, config, data, device) for letter, path in zip("AB", config.fakes, strict=False)}
    directory = _directory(config)
    write_text(directory / "config.yaml", to_yaml(config.model_copy(update={"run": directory.name})))
    reports: dict[str, Report] = {}
    for letter, fake in fakes.items():
        reports[letter] = evaluate(
            fake,
            data.held_out,
            data.train,
            config.metrics,
            config.seed,
            device,
            cache=config.cache,
            inception_weights=config.inception_weights,
        )
        name = "nearest_neighbours" + (f"_{letter}" if len(fakes) > 1 else "")
        neighbour_picture(fake, data.train.images, directory / f"{name}.png", device=device)
    text, values = _results(config.fakes, list(reports.values()))
    write_text(directory / "metrics_report.out", text)
    write_text(directory / "metrics.json", json.dumps(values, indent=2, allow_nan=False) + "\n")
    _draw_classes(reports, directory / "class_counts.png")
    print(f"\n{text}\nAll results: {directory}/")
    return 0


def _results(fakes: tuple[Path, ...], reports: list[Report]) -> tuple[str, dict[str, object]]:
    if len(reports) == 1:
        return reports[0].as_table(), {"name": str(fakes[0]), **reports[0].as_dict()}
    names, pair = (str(fakes[0]), str(fakes[1])), (reports[0], reports[1])
    return comparison_table(names, *pair), comparison_dict(names, *pair)


def _draw_classes(reports: dict[str, Report], path: Path) -> None:
    first = next(iter(reports.values())).class_counts
    if not first:
        return
    fakes = {letter if len(reports) > 1 else "generated": r.class_counts for letter, r in reports.items()}
    counts = {name: [fake for _, fake, _ in found] for name, found in fakes.items()}
    class_chart([name for name, _, _ in first], counts | {"real": [real for _, _, real in first]}, path)


def generated(path: Path, config: EvaluateConfig, data: Data, device: torch.device) -> Tensor:
    """The images to judge: (N, C, H, W) uint8 at the configuration's size and channels.

    Args:
        path: a run's directory, of whose generator as many images are drawn as there are held-out ones, at least 256
            and at most 10,000; or a folder of images, all of which are taken.
        config: size, channels, seed, decoding.
        data: the real images.
        device: where a run's generator computes.

    Raises:
        InputError: there is neither a checkpoint nor a usable image.
    """
    if (path / "checkpoints").is_dir():
        generator = load_generator(path).to(device)
        quantity = max(MIN_PAIRS, min(LARGEST, len(data.held_out)))
        images = torch.cat([to_uint8(batch) for batch in sample(generator, quantity, config.seed, BATCH)])
        if images.dim() != 4:
            raise InputError(f"{config.where('fakes')}: {path} generates points; arch: Evaluate measures images")
        print(f"Generated: {quantity:,} images by {path}")
        return fit(images, config.image_size, config.number_channels)
    try:
        found = load_folder(
            path, config.image_size, config.number_channels, workers=config.loader_workers, cache=config.cache
        )
    except Unusable as error:
        raise InputError(f"{config.where('fakes')}: {error.problem}") from None
    for skip in found.skipped:
        print(f"skipped: {skip}")
    images = torch.cat([found.held_out.images, found.train.images])
    print(f"Generated: {len(images):,} images in {path}")
    return images


def _directory(config: EvaluateConfig) -> Path:
    """out/run/, or out/run-2/ ... where other results stand there: the same evaluation writes the same place again."""

    def usable(directory: Path) -> bool:
        saved = directory / "config.yaml"
        text = to_yaml(config.model_copy(update={"run": directory.name}))
        return not directory.exists() or (saved.is_file() and saved.read_text("utf-8") == text)

    names = chain([config.run], (f"{config.run}-{number}" for number in count(2)))
    return next(directory for name in names if usable(directory := config.out / name))
