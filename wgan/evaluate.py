"""`arch: Evaluate`: the metrics of images from any generator, or of one or two trained runs."""

import json
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.schema import EvaluateConfig, form_of
from wgan.data.image_folder import located
from wgan.data.image_set import Data, fit, relabelled
from wgan.data.load import load_data, load_folder
from wgan.metrics.distribution import most_used
from wgan.metrics.evaluate import evaluate_as, require
from wgan.metrics.images import draw
from wgan.metrics.neighbours import nearest_rows
from wgan.metrics.paired import MIN_PAIRS
from wgan.metrics.report import Report
from wgan.networks.base import drawn_labels
from wgan.networks.pretrained import load_generator
from wgan.reporting.evaluation import Findings, write_evaluation
from wgan.reporting.gallery import write_index
from wgan.reporting.grids import neighbour_picture, to_uint8
from wgan.reporting.pages import attempt
from wgan.reporting.plots import class_chart, confusion_chart
from wgan.runs.job_dir import directory_of, filling
from wgan.runs.run_dir import has_generator
from wgan.runtime.device import device_name, open_device
from wgan.utils.atomic_io import write_text
from wgan.utils.console import detail, say
from wgan.utils.errors import InputError

BATCH = 64  # images that a run's generator computes at a time
Fakes = tuple[Tensor, Tensor | None]  # (N, C, H, W) uint8 and the class that was asked for of each, where it is known


def evaluate_job(config: EvaluateConfig) -> int:
    """Write out/run/: metrics_report.out and metrics.json, report.html, pictures, config.yaml.

    Raises:
        InputError: the real or the generated images cannot be used, or out/run/ holds a training.
        RunFault: the directory cannot be written, or memory runs out.
    """
    directory = directory_of(config)
    device = open_device(config)
    require(config.metrics, config.inception_weights)
    data = load_data(config)
    say(f"Real: {data.description}")
    fakes = {letter: load_fakes(path, config, data, device) for letter, path in zip("AB", config.fakes, strict=False)}
    with filling(directory, config, 1, device_name(device)):
        text = _measure(config, data, fakes, device, directory)
    say(*(text.split("\n") if text else ()), f"Report: {directory / 'report.html'}", f"All results: {directory}/")
    return 0


def _measure(config: EvaluateConfig, data: Data, fakes: dict[str, Fakes], device: torch.device, directory: Path) -> str:
    """Write metrics and pictures of one or two sets of generated images; the table."""
    reports: dict[str, Report] = {}
    for letter, (fake, asked) in fakes.items():
        reports[letter] = report = evaluate_as(config, fake, data, device, asked)
        suffix = f"_{letter}" if len(fakes) > 1 else ""
        if report.confusion:
            confusion_chart(data.train.class_names, report.confusion, directory / f"confusion{suffix}.png")
        nearest = nearest_rows(fake, data.train.images, device=device)
        neighbour_picture(nearest, directory / f"nearest_neighbours{suffix}.png")
    found = Findings.of([str(path) for path in config.fakes], [*reports.values()])
    write_text(directory / "metrics_report.out", found.text)
    write_text(directory / "metrics.json", json.dumps(found.values, indent=2, allow_nan=False) + "\n")
    first, *others = reports.values()
    if first.class_counts:
        counts = {
            letter if others else "generated": [fake for _, fake, _ in report.class_counts]
            for letter, report in reports.items()
        } | {"real": [real for _, _, real in first.class_counts]}
        class_chart([name for name, _, _ in first.class_counts], counts, directory / "class_counts.png")
    page, index = partial(write_evaluation, directory, config.out, found), partial(write_index, config.out)
    attempt({directory / "report.html": page, config.out / "index.html": index})
    return found.text


def load_fakes(path: Path, config: EvaluateConfig, data: Data, device: torch.device) -> Fakes:
    """The images to measure: (N, C, H, W) uint8 at the configuration's size and channels, no more than the metrics use.

    `path` is a run's directory or a checkpoint file, of whose generator as many images are drawn as there are held-out
    ones, at least 256, for the metrics `cas` as many as to train on; or a folder of images, of whose sub-folders it may
    say the class. An InputError says that it is neither.
    """
    most, form = most_used(data.held_out.images[0]), form_of(config)
    if has_generator(path):
        generator = load_generator(path).to(device)
        quantity = max(MIN_PAIRS, min(most, len(data.train if "cas" in config.metrics else data.held_out)))
        labels = drawn_labels(generator.classes, range(quantity), config.seed)
        batches = generator.sample_batches(range(quantity), config.seed, BATCH, labels)
        images = torch.cat([to_uint8(batch) for batch in batches])
        if images.dim() != 4:
            raise InputError(f"{config.where('fakes')}: {path} generates points; arch: Evaluate measures images")
        say(f"Generated: {quantity:,} images by {path}")
        return fit(images, form), relabelled(labels, [*generator.classes], data.train.class_names)
    with located(config, "fakes"):
        found = load_folder(path, form, workers=config.loader_workers, cache=config.cache, all_to_train=True)
    for skip in found.skipped:
        detail(f"left out: {skip}")
    count = len(found.train)
    rows = draw(min(most, count), count, config.seed, "fakes").sort().values  # in the order in which they lie on disk
    lost = f"; {len(found.skipped):,} file{'s' * (len(found.skipped) > 1)} skipped" if found.skipped else ""
    measured = f", {len(rows):,} of them measured" if len(rows) < count else ""
    say(f"Generated: {count:,} images in {path}{measured}{lost}")
    chosen = found.train[rows]
    return chosen.images, relabelled(chosen.labels, chosen.class_names, data.train.class_names)
