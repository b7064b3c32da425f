"""Whether the images that a YAML names can do what it asks of them, as far as their files' names tell."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from wgan.keys import EvaluateKeys, Keys, TrainKeys
from wgan.listing import Unusable, held_out_count, scan
from wgan.problems import Problem

TRAINING_IMAGES = {"mnist-5k": 4_500, "mnist": 60_000, "fashion-mnist": 60_000, "cifar10": 50_000}
"""Of the named sets, all classes together."""


def check() -> Callable[[Keys], Iterator[Problem]]:
    """A check of `path`, `classes` and `batch_size` that lists each folder once, however many runs a sweep has."""
    listed = cache(lambda root, out: scan(root, [out]))

    def training_images(config: TrainKeys | EvaluateKeys) -> int | None:
        """How many there are if all can be decoded; None where only the files themselves would tell."""
        if config.dataset is not None:
            return TRAINING_IMAGES.get(config.dataset) if config.classes is None else None
        root: Path | None = config.path
        if root is None or not root.is_dir():
            return None
        files, _ = listed(root, config.out).chosen(config.classes)
        return len(files) - held_out_count(len(files))

    def checked(config: Keys) -> Iterator[Problem]:
        if not isinstance(config, TrainKeys | EvaluateKeys):
            return
        try:
            count = training_images(config)
        except Unusable as error:
            yield Problem((error.key,), error.problem, involves=("path", "dataset", "out"))
            return
        if isinstance(config, TrainKeys) and count is not None and config.batch_size > count:
            yield too_few(config.batch_size, count)

    return checked


def too_few(batch_size: int, images: int) -> Problem:
    """What is wrong with a batch that is larger than the whole training set."""
    said = f"{batch_size} is more than the {images} training images: set at most {images}"
    return Problem(("batch_size",), said, involves=("path", "dataset", "classes"))
