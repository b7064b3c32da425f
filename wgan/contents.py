"""Whether the images that a YAML names can do what it asks of them, as far as their files' names tell."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from wgan.keys import EvaluateKeys, Keys, TrainKeys
from wgan.listing import Listing, Unusable, class_indices, held_out_count, scan
from wgan.named_sets import NAMED_SETS
from wgan.problems import Problem


def check() -> Callable[[Keys], Iterator[Problem]]:
    """A check of `path`, `classes`, `batch_size` and `fakes` that lists each folder once for all runs of a sweep.

    What is wrong with the folders themselves, `wgan.paths` says.
    """

    @cache
    def listed(root: Path, *leave_out: Path) -> Listing:
        return scan(root, leave_out)

    def training_images(config: TrainKeys | EvaluateKeys) -> int | None:
        """How many there are if all can be decoded; None where only the files themselves would tell."""
        if config.dataset is not None:
            named = NAMED_SETS[config.dataset]
            if config.classes is None:
                return named.training
            class_indices(config.classes, named.class_names)
            return None
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
            if isinstance(config, TrainKeys) and count is not None and config.batch_size > count:
                yield too_few(config.batch_size, count)
        except Unusable as error:
            yield Problem((error.key,), error.problem, involves=("path", "dataset", "out"))
        for i, fakes in enumerate(config.fakes if isinstance(config, EvaluateKeys) else ()):
            try:
                if fakes.is_dir() and not has_generator(fakes):
                    listed(fakes).chosen(None)
            except Unusable as error:
                yield Problem(("fakes", i), error.problem)

    return checked


def has_generator(fakes: Path) -> bool:
    """Whether images come from the generator of a run's directory or a checkpoint file; else they are files."""
    return fakes.is_file() or (fakes / "checkpoints").is_dir()


def too_few(batch_size: int, images: int) -> Problem:
    """What is wrong with a batch that is larger than the whole training set."""
    said = f"{batch_size} is more than the {images} training images: set at most {images}"
    return Problem(("batch_size",), said, involves=("path", "dataset", "classes"))
