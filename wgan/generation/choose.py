"""Which images of a generator: by their numbers, by their classes, by what the run's critic thinks of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor

from wgan.config.coercion import expanded
from wgan.config.schema import GenerateConfig
from wgan.data.image_folder import Unusable, located, scan
from wgan.networks.base import Critic, Generator, drawn_labels
from wgan.networks.pretrained import chosen_classes
from wgan.utils.errors import InputError
from wgan.utils.text import printable


class Choice(NamedTuple):
    """Some images, by what makes them."""

    numbers: Sequence[int]
    labels: Tensor | None = None  # (N,) int64, the class of each; None as `Generator.sample_batches` draws them

    def batches(self, config: GenerateConfig, generator: Generator) -> Iterator[Tensor]:
        """The images, (n, C, H, W) in [-1, 1], or points, (n, 2)."""
        return generator.sample_batches(self.numbers, config.seed, config.batch_size, self.labels, config.truncation)


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
        return {"": Choice(numbers)}
    labels = zip(wanted, generator.labels_of([*wanted]), strict=True)
    return {name: Choice(wanted[name], label.expand(len(wanted[name]))) for name, label in labels}


@torch.no_grad()
def most_real(choice: Choice, config: GenerateConfig, generator: Generator, critic: Critic) -> Choice:
    """Those `pick` of a choice that the critic scores highest, the best first.

    It was trained to tell real images from this generator's: the more real it takes one for, the higher it scores.
    """
    labels = choice.labels
    if labels is None:
        labels = drawn_labels(generator.classes, choice.numbers, config.seed)
    parts = repeat(None) if labels is None else labels.to(next(critic.parameters()).device).split(config.batch_size)
    batches = Choice(choice.numbers, labels).batches(config, generator)
    scores = torch.cat([critic(images, part) for images, part in zip(batches, parts, strict=False)])
    best = scores.topk(min(config.pick or len(scores), len(scores))).indices.tolist()
    return Choice([choice.numbers[index] for index in best], None if labels is None else labels[best])
