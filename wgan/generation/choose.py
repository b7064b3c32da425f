"""Which images of a generator: by their numbers, by their classes, by what the run's critic thinks of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor

from wgan.config.coercion import expanded
from wgan.config.schema import GenerateConfig
from wgan.data.image_folder import Unusable, located, scan
from wgan.networks.base import Critic, Generator, drawn_labels
from wgan.networks.pretrained import chosen_classes, load_generator
from wgan.utils.errors import InputError
from wgan.utils.text import printable

OF_IMAGES = ("video", "strip", "export")  # keys
Inputs = Mapping[str, Tensor]
"""What a generator takes, on the CPU: latents, (N, K), and of a conditional one labels, (N,) int64."""


def open_generator(config: GenerateConfig) -> Generator:
    """The generator that the YAML names, on the CPU; an InputError where it cannot do what is asked."""
    with located(config):
        generator = load_generator(config.checkpoint, config.weights)
        asked = [key for key in OF_IMAGES if getattr(config, key)]
        if asked and generator.sample(1).dim() == 2:
            raise Unusable(asked[0], f"takes images, and {config.checkpoint} generates points in the plane")
    return generator


class Choice(NamedTuple):
    """Some images, by what makes them."""

    numbers: Sequence[int]
    labels: Tensor | None  # (N,) int64, the class of each, of a conditional generator

    def batches(self, config: GenerateConfig, generator: Generator) -> Iterator[Tensor]:
        """The images, (n, C, H, W) in [-1, 1], or points, (n, 2)."""
        return generator.sample_batches(self.numbers, config.seed, config.batch_size, self.labels, config.truncation)

    def inputs(self, config: GenerateConfig, generator: Generator) -> Inputs:
        """What the generator makes them from."""
        latents = config.truncation * generator.latents(self.numbers, config.seed)
        return {"latents": latents} | ({} if self.labels is None else {"labels": self.labels})


def choices(config: GenerateConfig, generator: Generator) -> dict[str, Choice]:
    """What the YAML asks for, by the folder that it goes to: one for each class, "" where none is asked for."""
    numbers = expanded(config.seeds) if config.seeds else range(config.quantity)
    wanted: dict[str, Sequence[int]] = dict.fromkeys(chosen_classes(config, generator), numbers)
    if config.fill is not None:  # as many of each class as it has fewer than the folder's largest
        with located(config, "fill"):
            files, classes = scan(config.fill).chosen(None)
            if not classes:
                raise Unusable("fill", f"{printable(config.fill)} has no sub-folder for each class")
            generator.labels_of(classes)  # an error for one that it was not trained on
        counts = Counter(file.class_name for file in files)
        lacking = {name: max(counts.values()) - counts[name] for name in classes if not wanted or name in wanted}
        if not any(lacking.values()):
            said = f"all classes of {printable(config.fill)} have as many images already"
            raise InputError(f"{config.where('fill')}: {said}")
        wanted = {name: range(count) for name, count in lacking.items() if count}
    if not wanted:
        return {"": Choice(numbers, drawn_labels(generator.classes, numbers, config.seed))}
    labels = zip(wanted, generator.labels_of([*wanted]), strict=True)
    return {name: Choice(wanted[name], label.expand(len(wanted[name]))) for name, label in labels}


def in_turn(wanted: Mapping[str, Choice], count: int) -> Choice:
    """The first `count` images of all, one of each class in turn."""
    places = [(choice, i) for i in range(count) for choice in wanted.values() if i < len(choice.numbers)][:count]
    labels = [choice.labels[i] for choice, i in places if choice.labels is not None]
    return Choice([choice.numbers[i] for choice, i in places], torch.stack(labels) if labels else None)


@torch.no_grad()
def most_real(choice: Choice, config: GenerateConfig, generator: Generator, critic: Critic) -> Choice:
    """Those `pick` of a choice that the critic scores highest, the best first.

    It was trained to tell real images from this generator's: the more real it takes one for, the higher it scores.
    """
    numbers, labels = choice
    parts = repeat(None) if labels is None else labels.to(next(critic.parameters()).device).split(config.batch_size)
    scores = torch.cat([*map(critic, choice.batches(config, generator), parts)])
    best = scores.topk(min(config.pick or len(scores), len(scores))).indices.tolist()
    return Choice([numbers[index] for index in best], None if labels is None else labels[best])
