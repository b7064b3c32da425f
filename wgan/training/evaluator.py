"""What a run shows and measures of its generator: images in grids, or points in the plane over the critic's contours.

The loop and the results ask `Samples`, chosen by the data's shape, and never which kind it is.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.schema import TrainConfig
from wgan.data.image_set import Data, to_float
from wgan.metrics import evaluate
from wgan.metrics.distribution import most_used
from wgan.metrics.neighbours import nearest_rows
from wgan.metrics.report import Report
from wgan.metrics.swd import SampleDistance
from wgan.metrics.toy_2d import evaluate_points, exact_w1, gradient_norms_by_depth, weights_of
from wgan.networks.base import NO_CLASSES, at_rest, drawn_labels
from wgan.networks.build import build_generator
from wgan.reporting import grids
from wgan.reporting.grids import COLUMNS, MOST_ROWS, neighbour_picture, save_grid, to_uint8
from wgan.reporting.toy_2d import depth_picture, plane_picture, side_by_side
from wgan.reporting.verdict import Course
from wgan.trainers.base import Trainer
from wgan.trainers.ema import ExponentialMovingAverage
from wgan.utils.rng import generator as randomness

BATCH = 256  # samples generated at a time


class Samples(ABC):
    """The samples of one run."""

    shown: int  # in a picture
    measured: int  # generated for the metrics

    def __init__(self, config: TrainConfig, data: Data) -> None:
        self.config, self.data = config, data
        classes = data.train.class_counts if config.conditional else NO_CLASSES
        self.asked = drawn_labels(classes, range(self.measured), config.seed, "metric classes")
        self.latents = self._latents(self.shown, "sample latents")
        self.real = to_float(data.train.images[: self.shown])  # as many as a picture shows, as the critic sees them

    @abstractmethod
    def draw(self, trainer: Trainer, path: Path) -> Tensor:
        """Write the picture of the averaged generator as it is now, of always the same latents, and return them."""

    def follow(self, trainer: Trainer, step: int, course: Course) -> Course:
        """A training's course with the distance from real samples that it has come to; as it is if the log has it."""
        return course

    def metrics(self, trainer: Trainer) -> dict[str, float]:
        """What is cheap enough to stand in each row of the log, by the names of its columns."""
        return {}

    def require(self) -> None:  # noqa: B027 - the metrics of points read no file
        """Raise an InputError for a file that the metrics will read and cannot, before the first step is taken."""

    @abstractmethod
    def evaluate(self, trainer: Trainer) -> Report:
        """The run's metrics of the averaged generator as it is now."""

    @abstractmethod
    def compare(self, trainer: Trainer, directory: Path) -> None:
        """Write the pictures of a finished run, real_fake_grid.png among them; a few seconds at most."""

    def generated(self, trainer: Trainer, count: int, labels: Tensor | None = None) -> Tensor:
        """The first `count` samples for the metrics, (count, ...) as `Trainer.sample` gives; or of these labels."""
        latents, labels = self._latents(self.measured, "metric latents"), self.asked if labels is None else labels
        batches = torch.arange(count).split(BATCH)
        return torch.cat([trainer.sample(latents[b], None if labels is None else labels[b]).cpu() for b in batches])

    def _latents(self, count: int, purpose: str) -> Tensor:
        return torch.randn(count, self.config.latent_vector, generator=randomness(self.config.seed, purpose))


class ImageSamples(Samples):
    """Images: grids of them, and the metrics that the YAML names."""

    shown, measured = 64, 2_048
    searched = 256  # images whose nearest training images are looked for at the end
    followed = 512  # images whose distance from real ones is noted with each grid

    def __init__(self, config: TrainConfig, data: Data) -> None:
        self.names = data.train.class_names[:MOST_ROWS] if config.conditional else ()  # of the rows of a grid
        self.labels = torch.arange(len(self.names)).repeat_interleave(COLUMNS) if self.names else None
        self.shown = len(self.names) * COLUMNS or self.shown
        super().__init__(config, data)

    @cached_property
    def _distance(self) -> SampleDistance:
        real, other = self.data.held_out.images, self.data.train.images
        count = min(self.followed, self.measured, len(real), len(other))
        return SampleDistance(real[:count], other[:count])

    def follow(self, trainer: Trainer, step: int, course: Course) -> Course:
        found = dict(course.distances)
        if not found:
            found[0] = self._distance_of(self._untrained(trainer))
        found[step] = self._distance_of(trainer)
        return Course(found, self._distance.floor)

    def _distance_of(self, trainer: Trainer) -> float:
        return self._distance(to_uint8(self.generated(trainer, self._distance.count)))

    def _untrained(self, trainer: Trainer) -> Trainer:
        """The trainer with the generator that its seed begins with, to be sampled alone."""
        fresh, shape = copy(trainer), self.data.train.images.shape[1:]
        generator = build_generator(self.config, shape, trainer.generator.classes).to(trainer.device)
        fresh.ema = ExponentialMovingAverage(generator.to(memory_format=torch.channels_last), 0.0)
        return fresh

    def draw(self, trainer: Trainer, path: Path) -> Tensor:
        images = trainer.sample(self.latents, self.labels)
        save_grid(images, path, COLUMNS, self.names)
        return images

    def require(self) -> None:
        evaluate.require(self.config.metrics, self.config.inception_weights)

    def evaluate(self, trainer: Trainer) -> Report:
        if not self.config.metrics:
            return Report()
        fake = to_uint8(self.generated(trainer, self.measured))
        return evaluate.evaluate_as(self.config, fake, self.data, trainer.device, self.asked)

    def compare(self, trainer: Trainer, directory: Path) -> None:
        held_out = self.data.held_out
        real = to_float(held_out.images[: self.shown])
        if self.names:
            each = [held_out.images[held_out.labels == label][:COLUMNS] for label in range(len(self.names))]
            real = grids.class_rows([to_float(images) for images in each])
        fake = self.generated(trainer, self.shown, self.labels)
        grids.real_fake_grid(real, fake, directory / "real_fake_grid.png", COLUMNS, self.names)
        # in quarter circles from one latent to another: every point on such a way is distributed as the latents
        # themselves, which those on a straight line are not
        angle = torch.linspace(0, math.pi / 2, 8)[:, None]
        walk = angle.cos() * self.latents[:8, None] + angle.sin() * self.latents[8:16, None]
        shares, names = None, list[str]()
        if self.names:
            shares, names = class_walks(self.names, len(self.data.train.class_names))
            walk[1::2] = walk[::2, :1]  # in these rows the class alone changes
        between = trainer.sample(walk.flatten(0, 1), shares).unflatten(0, walk.shape[:2])
        grids.interpolation_strip(between, directory / "interpolation.png", names)
        fake, seen = to_uint8(self.generated(trainer, self.searched)), self.data.train.images
        seen = seen[: most_used(seen[0], len(seen))]  # of so many large images that reading all takes minutes
        neighbour_picture(nearest_rows(fake, seen, device=trainer.device), directory / "nearest_neighbours.png")


def class_walks(names: Sequence[str], classes: int) -> tuple[Tensor, list[str]]:
    """Shares of classes, (64, classes), each second of 8 rows from that of the row above to the next one; names."""
    first = torch.arange(4) % len(names)
    second, one, way = (first + 1) % len(names), torch.eye(classes), torch.linspace(0, 1, 8)[:, None]
    rows = torch.stack([torch.lerp(one[first, None], one[last, None], way) for last in (first, second)], 1)
    told = [(names[i], f"to {names[j]}") for i, j in zip(first, second, strict=True)]
    return rows.flatten(0, 2), [name for pair in told for name in pair]


class PointSamples(Samples):
    """Points in the plane, where the distance that the critic estimates can be computed exactly."""

    shown, measured = 1_000, 10_000
    compared = 500  # of each kind in the log's exact distance: the simplex takes a tenth of a second for so many

    def draw(self, trainer: Trainer, path: Path) -> Tensor:
        points = trainer.sample(self.latents)
        with at_rest(trainer.critic):
            plane_picture(self.real, points, lambda raster: trainer.critic(raster.to(trainer.device)), path)
        return points

    @torch.no_grad()
    def metrics(self, trainer: Trainer) -> dict[str, float]:
        latents = self.latents[: self.compared].to(trainer.device)
        fake = trainer.generator(latents)  # the critic follows these weights, not the average
        return {"exact_w1": exact_w1(fake, self.real[: self.compared])}

    def evaluate(self, trainer: Trainer) -> Report:
        fake = self.generated(trainer, self.measured)
        return evaluate_points(fake, self.data.held_out, self.data.train, self.config.seed)

    def compare(self, trainer: Trainer, directory: Path) -> None:
        real, fake = self.data.held_out.images[: self.shown], self.generated(trainer, self.shown)
        side_by_side(real, fake, directory / "real_fake_grid.png")
        name, points = self.config.arch, torch.cat([real, fake]).to(trainer.device)
        with at_rest(trainer.critic):
            norms, weights = gradient_norms_by_depth(trainer.critic, points), weights_of(trainer.critic)
        depth_picture({name: weights}, {name: norms}, directory / "critic_depth.png")


def samples_of(config: TrainConfig, data: Data) -> Samples:
    """The kind that the data's shape asks for: (N, C, H, W) or (N, 2)."""
    return (PointSamples if data.train.images.dim() == 2 else ImageSamples)(config, data)
