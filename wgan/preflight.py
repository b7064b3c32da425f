"""What is looked at on this machine before any work: paths, images, packages, accelerators. Writes nothing.

The entry hands `Preflight` to `wgan.config.resolve.load_config`, so that all that is wrong is told together. Images are
judged by their files' names; torch is imported only where accelerators are asked for, to count them.
"""

import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from wgan.config.constraints import RAY_MISSING, TENSORBOARD_MISSING, oversized_batch
from wgan.config.datasets import NAMED_SETS
from wgan.config.diagnostics import Place, Problem
from wgan.config.metrics import CATALOGUE
from wgan.config.schema import EvaluateConfig, GenerateConfig, JobConfig, TrainConfig
from wgan.config.yaml_file import BACKSLASH
from wgan.data.archive import is_archive
from wgan.data.image_folder import Unusable, class_indices, held_out_count, scan
from wgan.runs.run_dir import find, has_generator
from wgan.utils.text import printable

_ARCHIVES = {".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"}
_EFFECTIVE = os.access in os.supports_effective_ids


class Preflight:
    """Called with a configuration, then with each run of its sweep: what this machine lacks for it."""

    def __init__(self) -> None:
        self.listing = cache(scan)  # each folder once for all runs of a sweep
        self.on_cluster = False  # the runs of this sweep train on other machines

    def __call__(self, config: JobConfig) -> Iterator[Problem]:
        if isinstance(config, TrainConfig) and config.sweep:
            self.on_cluster = config.executor == "ray"
        wrong: set[str] = set()
        for check in (check_paths, self.check_images, check_packages, self.check_accelerators):
            for problem in check(config):
                if not wrong & {problem.place[0], *problem.involves}:  # else it rests on what is wrong itself
                    yield problem
                    wrong |= set() if problem.warning else {str(problem.place[0])}

    def check_images(self, config: JobConfig) -> Iterator[Problem]:
        """Whether the images, as far as files' names tell, can do what is asked; folders are for `check_paths`."""
        if not isinstance(config, TrainConfig | EvaluateConfig):
            return
        try:
            if config.dataset is not None or (config.path and (config.path.is_dir() or is_archive(config.path))):
                yield from self._check_training_images(config)
        except Unusable as error:
            yield Problem((error.key,), error.problem, involves=("path", "dataset", "out"))
        if not isinstance(config, EvaluateConfig):
            return
        given = config.model_fields_set  # all of them in a run's config.yaml, which holds the version too
        decodes = config.dataset is None or not all(map(has_generator, config.fakes))
        if "loader_workers" in given and "config_version" not in given and not decodes:
            yield Problem(("loader_workers",), "not used: there is nothing to decode", True, ("dataset", "fakes"))
        for i, fakes in enumerate(config.fakes):
            try:
                if fakes.is_dir() and not has_generator(fakes):
                    self.listing(fakes).chosen(None)
            except Unusable as error:
                yield Problem(("fakes", i), error.problem)

    def _check_training_images(self, config: TrainConfig | EvaluateConfig) -> Iterator[Problem]:
        count: int | None  # None where only the files themselves would tell
        stray = ""
        if config.dataset is None:
            assert config.path is not None, "wgan.config.constraints refuses neither"
            files, names = self.listing(config.path, (config.out,)).chosen(config.classes)
            count, classes = len(files) - held_out_count(len(files)), len(names)
            if any(file.may_have_pages for file in files):
                count = None
            outside = [file.name for file in files if not file.class_name]
            if 0 < len(outside) < len(files):
                stray = f": {printable(outside[0])} lies in no sub-folder"
        else:
            named = NAMED_SETS[config.dataset]
            count, classes = named.training, len(named.class_names)
            if config.classes is not None:
                wanted = class_indices(config.classes, named.class_names)
                count, classes = sum(named.class_sizes[i] for i in wanted) if named.class_sizes else None, len(wanted)
        if not isinstance(config, TrainConfig):
            return
        if count is not None and (problem := oversized_batch(config, count)):
            yield problem
        of_classifier = config.best_metric and CATALOGUE[config.best_metric].group == "classifier"
        asking = {"best_metric": of_classifier and config.best_metric, "conditional": config.conditional and "true"}
        for key, value in (asking | {"class_balance": config.class_balance == "even" and "even"}).items():
            if value and classes < 2:
                message = f"{value} needs images of two classes or more, and these are of {classes or 'none'}{stray}"
                yield Problem((key,), message, involves=("path", "dataset", "classes"))

    def check_accelerators(self, config: JobConfig) -> Iterator[Problem]:
        """`n_gpu`, where it asks for more than there are."""
        if config.n_gpu == 0 or self.on_cluster or "LOCAL_WORLD_SIZE" in os.environ:  # torchrun's ranks take one each
            return
        from wgan.runtime.device import count_accelerators, too_few_accelerators

        if config.n_gpu > (present := count_accelerators()):
            yield Problem(("n_gpu",), too_few_accelerators(config.n_gpu, present))


def check_packages(config: JobConfig) -> Iterator[Problem]:
    """Packages that only some keys need. Looks for them without importing them."""
    if isinstance(config, GenerateConfig):
        for key, form in [("video", config.video), *(("export", form) for form in config.export)]:
            package = {"mp4": "imageio_ffmpeg", "safetensors": "safetensors", "onnx": "onnxscript"}.get(str(form))
            if package and find_spec(package) is None:
                yield Problem((key,), f"{form} needs packages that are missing: pip install -r requirements-{key}.txt")
    if not isinstance(config, TrainConfig):
        return
    if config.tensorboard and find_spec("tensorboard") is None:
        yield Problem(("tensorboard",), f"{TENSORBOARD_MISSING}, or set false: log.csv holds the same metrics")
    if config.sweep and config.executor == "ray" and find_spec("ray") is None:
        yield Problem(("executor",), RAY_MISSING, involves=("sweep",))


def check_paths(config: JobConfig) -> Iterator[Problem]:
    """Whether what the paths name can be read, and `out` written."""
    named: list[tuple[Place, Path | None, str]] = []
    if isinstance(config, TrainConfig | EvaluateConfig):
        archived = config.path is not None and is_archive(config.path)
        named.append((("path",), None if config.dataset or archived else config.path, "folder"))
        named.append((("inception_weights",), config.inception_weights, "file"))
    if isinstance(config, EvaluateConfig):
        kinds = {True: "file or folder", False: "folder"}
        named += [(("fakes", i), fakes, kinds[fakes.suffix == ".pt"]) for i, fakes in enumerate(config.fakes)]
    if isinstance(config, TrainConfig) and config.start_from and not any(find(config)[0].checkpoints.glob("*.pt")):
        named.append((("start_from",), config.start_from, "file or folder"))
    if isinstance(config, GenerateConfig):
        named += [(("checkpoint",), config.checkpoint, "file or folder"), (("fill",), config.fill, "folder")]
    for place, path, kind in named:
        if path is not None and (problem := _unreadable(path, kind)):
            yield Problem(place, problem)
    if problem := _unwritable(config.out):
        yield Problem(("out",), problem)
    if isinstance(config, TrainConfig) and config.path is not None and config.path.resolve() == config.out.resolve():
        yield Problem(("out",), "is the folder of the images too; give the results another", involves=("path",))


def _unreadable(path: Path, kind: str) -> str:
    """Why a file or a folder, or either, cannot be read; empty where it can."""
    try:
        is_folder = path.is_dir()
        if not path.exists():
            where = "" if path.is_absolute() else f" (looked for in {Path.cwd()})"
            return f"there is no {kind} {path}{where}{'' if str(path).isprintable() else f'; {BACKSLASH}'}"
        if kind == "folder" and not is_folder and path.suffix.lower() in _ARCHIVES:
            return f"{path} is an archive that is not read; unpack it, or pack it as .zip or .tar"
        if kind == "folder" and not is_folder:
            return f"{path} is a file; give the folder that holds it"
        if kind == "file" and is_folder:
            return f"{path} is a folder; give the file in it"
        readable = os.access(path, os.R_OK | (os.X_OK if is_folder else 0), effective_ids=_EFFECTIVE)
        return "" if readable else f"{path} cannot be read: permission denied"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def _unwritable(out: Path) -> str:
    """Why `out` is no folder that takes files, and cannot be made in one that does; empty where it can."""
    try:
        existing = next((folder for folder in (out, *out.parents) if folder.exists()), Path())
        if not existing.is_dir():
            return f"{existing} is a file; results need a folder"
        writable = os.access(existing, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)
        return "" if writable else f"{existing} cannot be written to: permission denied"
    except OSError as error:
        return f"{out} cannot be written to: {error.strerror}"
