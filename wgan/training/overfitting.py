"""Does the critic know its training images by heart? Its scores of images that it never saw tell.

(E f(train) - E f(held out)) / (E f(train) - E f(fake)): 0 where it scores unseen images as it does those that it is
trained on, 1 where it takes them for generated ones (arXiv:2006.06676, eq. 1: r_v).
"""

import math

import torch

from wgan.config.constraints import AUTO, FEWEST_HELD_OUT
from wgan.config.schema import TrainConfig
from wgan.data.image_set import Data, to_float
from wgan.networks.base import aside
from wgan.trainers.base import Trainer
from wgan.utils.rng import Draws, generator

EVERY, MOST = 50, 128
"""Critic updates between measurements; images of each kind in one, if a batch has so many: under 2 % of the time."""
KEPT = 0.9  # of the weight of what was measured before, at each measurement: what counts is 19 of them
TARGET, RAMP = 0.3, 200_000
"""`augment: auto` holds the ratio at this target: the probability of each change begins at 0 and moves by one small
amount at each measurement: from 0 to 1 takes at least so many training images (arXiv:2006.06676, sec. 3.1)."""


class OverfittingGauge:
    """The measurements of one training, smoothed: means over the past, weighed by `KEPT`, before they are divided."""

    def __init__(self, data: Data, config: TrainConfig) -> None:
        self.data, sizes = data, (len(data.train), len(data.held_out))
        self.rows = min(*sizes, config.batch_size, MOST)
        self.increment = EVERY * config.batch_size / RAMP if AUTO in config.augment else 0.0
        self.probability = 0.0  # of each change of `augment: auto`
        self.shares = 1 / sizes[0], 1 / sizes[1], 0.0  # of the variance that are left when all have been scored
        self.is_possible = sizes[1] >= FEWEST_HELD_OUT
        self.step = 0  # of the last measurement
        self.sums = [0.0] * 7  # of weights, of their squares, of the two differences, of the three variances

    def is_due(self, step: int) -> bool:
        """Whether to measure after so many critic updates: whatever the log's rows are, a training stays the same."""
        return self.is_possible and step % EVERY == 0 and step > self.step

    def add(self, step: int, measured: list[list[float]]) -> None:
        """Take up what `measure` gave."""
        (train, held_out, fake), variances = measured
        new = [1.0, 1.0, train - held_out, train - fake, *variances]
        self.step = step
        if all(map(math.isfinite, new)):  # else the training has diverged, and the next row says so
            kept = [KEPT, KEPT**2, *[KEPT] * 5]
            self.sums = [share * old + number for share, old, number in zip(kept, self.sums, new, strict=True)]
        if found := self.ratio():
            moved = self.probability + math.copysign(self.increment, found["overfitting"] - TARGET)
            self.probability = min(1.0, max(0.0, moved))

    def state(self) -> list[float]:
        """For a checkpoint."""
        return [self.step, self.probability, *self.sums]

    def restore(self, state: list[float], step: int) -> None:
        """Take up what `state` gave, from a checkpoint of this step; a ValueError for what no training writes."""
        measured, probability, *sums = state
        positive = [*sums[:2], *sums[4:]]  # weights and variances
        sound = len(sums) == len(self.sums) and all(map(math.isfinite, sums)) and min(positive) >= 0
        if not (sound and 0 <= measured <= step and 0 <= probability <= 1):
            raise ValueError(f"its gauge of overfitting is {state}")
        self.step, self.probability, self.sums = int(measured), probability, sums

    def row(self) -> dict[str, float]:
        """What stands in a row of the log."""
        return self.ratio() | ({"augment_p": self.probability} if self.increment else {})

    def ratio(self) -> dict[str, float]:
        """The ratio and its standard error; nothing before training images score above the fakes by two of theirs.

        Images are drawn anew for each measurement, from sets that are draws themselves: the variance of a mean is the
        scores', divided by the images that count, and again by all that there are. The ratio's is of first order.
        """
        weight = self.sums[0] or 1.0
        squares, gap, reach, *variances = (number / weight for number in self.sums[1:])
        drawn = squares / weight / self.rows
        of_train, of_held_out, of_fake = (v * (drawn + share) for v, share in zip(variances, self.shares, strict=True))
        if reach <= 2 * math.sqrt(of_train + of_fake):
            return {}
        ratio = gap / reach
        variance = (1 - ratio) ** 2 * of_train + of_held_out + ratio**2 * of_fake
        return {"overfitting": ratio, "overfitting_error": math.sqrt(variance) / reach}

    @torch.no_grad()
    def measure(self, trainer: Trainer, step: int) -> list[list[float]]:
        """Score random images of each kind as the next critic update would, and change nothing.

        Returns:
            The means and the variances of the scores of training images, of held-out ones, of generated ones. Each kind
            is a batch of its own, all of one size: where batch norm makes a score depend on its batch, as in training.
        """
        draws, random = Draws(trainer.config.seed, trainer.device), generator(trainer.config.seed, "overfitting", step)
        labels, seen = list[torch.Tensor | None](), list[torch.Tensor]()
        for images in (self.data.train, self.data.held_out):
            images = images[torch.randint(len(images), (self.rows,), generator=random)]
            known = images.labels if trainer.generator.classes else None
            labels.append(None if known is None else known.to(trainer.device))
            seen.append(trainer.as_seen(to_float(images.images).to(trainer.device), draws, step))
        latents = draws.normal("overfitting latents", step, self.rows, trainer.config.latent_vector).to(trainer.dtype)
        labels.append(labels[0])
        seen.append(trainer.fake_as_seen(aside(trainer.generator, latents, labels[0]), draws, step))
        pairs = zip(seen, labels, strict=True)
        scores = torch.stack([aside(trainer.critic, images.to(trainer.dtype), of) for images, of in pairs]).double()
        found: list[list[float]] = torch.stack([scores.mean(1), scores.var(1)]).tolist()
        return found
