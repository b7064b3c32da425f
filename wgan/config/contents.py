"""Whether the images that a YAML names can do what it asks of them, as far as their files' names tell."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from wgan.config.constraints import FIGURES, oversized_batch
from wgan.config.datasets import NAMED_SETS
from wgan.config.diagnostics import Problem
from wgan.config.schema import EvaluateKeys, Keys, TrainKeys
from wgan.data.image_folder import Listing, Unusable, class_indices, held_out_count, scan


def check() -> Callable[[Keys], Iterator[Problem]]:
    """A check of `path`, `classes`, `batch_size` and `fakes` that lists each folder once for all runs of a sweep.

    What is wrong with the folders themselves, `wgan.paths` says.
    """

    @cache
    def listed(root: Path, *leave_out: Path) -> Listing:
        return scan(root, leave_out)

    def training_images(config: TrainKeys | EvaluateKeys) -> tuple[int | None, int]:
        """How many images there are to train on, if all can be decoded, and of how many classes.

        The first is None where only the files themselves would tell.
        """
        if config.dataset is not None:
            named = NAMED_SETS[config.dataset]
            if config.classes is None:
                return named.training, len(named.class_names)
            wanted = class_indices(config.classes, named.class_names)
            return sum(named.class_sizes[i] for i in wanted) if named.class_sizes else None, len(wanted)
        assert config.path is not None, "wgan.rules refuses neither"
        files, names = listed(config.path, config.out).chosen(config.classes)
        return len(files) - held_out_count(len(files)), len(names)

    def training_problems(config: TrainKeys) -> Iterator[Problem]:
        count, classes = training_images(config)
        if count is not None and (problem := oversized_batch(config, count)):
            yield problem
        if config.best_metric in FIGURES["classifier"] and classes < 2:
            said = f"{config.best_metric} needs images of two classes or more, and these are of {classes or 'none'}"
            yield Problem(("best_metric",), said, involves=("path", "dataset", "classes"))

    def checked(config: Keys) -> Iterator[Problem]:
        if not isinstance(config, TrainKeys | EvaluateKeys):
            return
        try:
            if config.dataset is not None or (config.path is not None and config.path.is_dir()):
                if isinstance(config, TrainKeys):
                    yield from training_problems(config)
                else:
                    training_images(config)
        except Unusable as error:
            yield Problem((error.key,), error.problem, involves=("path", "dataset", "out"))
        if not isinstance(config, EvaluateKeys):
            return
        given = config.model_fields_set  # all of them in a run's config.yaml, which holds the version too
        if "loader_workers" in given and "config_version" not in given and decodes_nothing(config):
            yield Problem(("loader_workers",), "not used: there is nothing to decode", True, ("dataset", "fakes"))
        for i, fakes in enumerate(config.fakes):
            try:
                if fakes.is_dir() and not has_generator(fakes):
                    listed(fakes).chosen(None)
            except Unusable as error:
                yield Problem(("fakes", i), error.problem)

    return checked


def has_generator(fakes: Path) -> bool:
    """Whether images come from the generator of a run's directory or a checkpoint file; else they are files."""
    return fakes.is_file() or (fakes / "checkpoints").is_dir()


def decodes_nothing(config: EvaluateKeys) -> bool:
    """Whether the real images are a named set's, and a generator makes the others."""
    return config.dataset is not None and all(map(has_generator, config.fakes))
