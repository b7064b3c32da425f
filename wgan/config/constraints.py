"""What keys mean for one another: combinations that cannot work, and settings that are known to fail.

A rule takes a whole configuration and the keys its user gave, and says what it finds.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Set

from wgan.config.algorithms import ALGORITHMS, Algorithm, unused_keys
from wgan.config.datasets import NAMED_SETS, POINT_SETS
from wgan.config.diagnostics import Problem, quoted
from wgan.config.metrics import BEST_METRICS, CATALOGUE, POINTS, RANKING, MetricSpec
from wgan.config.schema import CONFIG_VERSION, EvaluateConfig, GenerateConfig, JobConfig, TrainConfig, form_of
from wgan.utils.errors import InputError
from wgan.utils.system import can_name_a_folder
from wgan.utils.text import printable

RAY_MISSING = "ray needs a package that is not installed: pip install -r requirements-ray.txt"
TENSORBOARD_MISSING = "needs the package tensorboard, which is not installed: pip install tensorboard"
LONG, WARM_UPS, LONG_AGAIN = 100, 25, 500
"""WGAN's code, main.py: so many critic updates before each of the generator's first ones, and before every 500th."""
AUTO, AUTOMATIC = "auto", ("color", "translation", "cutout")
"""What `augment` calls the changes that follow the overfitting of the critic, and which they are."""
FEWEST_HELD_OUT = 16  # images, below which their mean score is too uncertain to say whether the critic overfits
INDEX = "index.html"  # what the program itself writes into `out`, beside the runs


def violations(config: JobConfig, given: Set[str], saved: bool) -> Iterator[Problem]:
    """What cannot work although each value alone is in range, and warnings of what has no effect or is known to fail.

    `given` are the keys that the user gave; `saved`: a run wrote this file, with every key, used or not.
    """
    algorithm = ALGORITHMS.get(config.arch)
    yield from _impossible(config, algorithm)
    if not saved and isinstance(config, TrainConfig | EvaluateConfig):
        yield from map(_warning, _images_without_effect(config, given))
    if not saved and isinstance(config, TrainConfig):
        yield from map(_warning, _training_without_effect(config, given))
    if not saved and isinstance(config, GenerateConfig):
        yield from map(_warning, _sampling_without_effect(given))
    if isinstance(config, TrainConfig) and algorithm:
        yield from map(_warning, _known_to_fail(config, given, algorithm))


def _impossible(config: JobConfig, algorithm: Algorithm | None) -> Iterator[Problem]:
    """Names the key to change."""
    if config.config_version > CONFIG_VERSION:
        message = f"version {config.config_version} was written by a newer release; this one reads up to"
        yield Problem(("config_version",), f"{message} {CONFIG_VERSION}: update it")
    run = config.run
    plain = run.isprintable() and not run.startswith(".") and run == run.strip() and not set(run) & set("/\\")
    if not (plain and can_name_a_folder(run) and 0 < len(run) <= 120 and len(run.encode(errors="replace")) <= 240):
        rule = "no / or \\, no control characters, no dot in front, at most 120 characters"
        yield Problem(("run",), f"must be the name of one folder: {rule}; got {quoted(run)}")
    if run.lower() == INDEX:  # some file systems take no notice of case
        yield Problem(("run",), f"{run} is the page over all runs in out; give this run another name")
    for key, value in config:
        items = [str(item) for item in value] if isinstance(value, tuple) else []
        for i, item in enumerate(items):
            if item in items[:i]:
                yield Problem((key, i), f"names {item} twice")
    if isinstance(config, TrainConfig | EvaluateConfig) and config.path is None and config.dataset is None:
        yield Problem(("path",), "missing: give the folder of your images, or dataset: mnist-5k", involves=("dataset",))
    if isinstance(config, EvaluateConfig) and config.dataset in POINT_SETS:
        yield Problem(("dataset",), f"{config.dataset} holds points in the plane; arch: Evaluate measures images")
    if isinstance(config, TrainConfig):
        yield from _impossible_training(config, algorithm)


def num_steps_of(config: TrainConfig, images: int) -> int:
    """The length of a training on so many images, in critic updates; epochs are rounded up to whole batches."""
    return config.num_steps or math.ceil((config.num_epochs or 0) * images / config.batch_size)


def generator_updates(config: TrainConfig, critic_updates: int) -> int:
    """How many updates of the generator have come after so many of the critic, and are done with them."""
    usual, long = config.critic_its, max(config.critic_its, LONG)
    if not config.critic_warm_up:
        return critic_updates // usual

    def critic_updates_before(index: int) -> int:
        return usual * (index + 1) + (long - usual) * (min(index + 1, WARM_UPS) + index // LONG_AGAIN)

    return bisect_right(range(critic_updates // usual), critic_updates, key=critic_updates_before)


def oversized_batch(config: TrainConfig, images: int) -> Problem | None:
    """What is wrong where a batch is larger than the whole training set of so many images."""
    if config.batch_size <= images:
        return None
    message = f"{config.batch_size} is more than the {images} training images: set at most {images}"
    return Problem(("batch_size",), message, involves=("path", "dataset", "classes"))


def require_a_batch(config: TrainConfig, images: int) -> None:
    """Refuse a batch larger than the training set, where only the images themselves tell how large that is.

    Raises:
        InputError: it is, and where the key stands.
    """
    if problem := oversized_batch(config, images):
        raise InputError(f"{config.where('batch_size')}: {problem.message}")


def require_held_out(config: TrainConfig, images: int) -> None:
    """As `require_a_batch`: refuse `augment: auto` where so few images are held out that nothing can steer it."""
    if AUTO in config.augment and images < FEWEST_HELD_OUT:
        raise InputError(f"{config.where('augment')}: auto needs {FEWEST_HELD_OUT} held-out images, here are {images}")


def require_classes(config: TrainConfig, counts: Mapping[str, int]) -> None:
    """As `require_a_batch`: refuse what takes classes where one has no training image, or there are none."""
    missing = [name for name, count in counts.items() if not count]
    if (config.conditional or config.class_balance == "even") and (missing or len(counts) < 2):
        lacking = f": none is left of {printable(missing[0])}" if missing else ""
        where = config.where("conditional" if config.conditional else "class_balance")
        raise InputError(f"{where}: needs images to train on of each class, of two or more{lacking}")


def _impossible_training(config: TrainConfig, algorithm: Algorithm | None) -> Iterator[Problem]:
    if config.num_epochs is not None and config.num_steps is not None:
        yield Problem(("num_steps",), "give num_epochs or num_steps, not both", involves=("num_epochs",))
    if config.critic_norm == "batch" and algorithm and algorithm.penalises_gradient:
        yield Problem(
            ("critic_norm",),
            f"batch norm does not go with {config.arch}: its penalty takes each image's own gradient, and batch norm "
            "couples the images of a batch (arXiv:1704.00028, sec. 4); use none, instance or layer",
            involves=("arch",),
        )
    if "r3_gamma" in (algorithm.own if algorithm else ()) and config.gen_batch_size != config.batch_size:
        said = f"{config.arch} pairs each generated image with a real one: must be batch_size, {config.batch_size}"
        yield Problem(("gen_batch_size",), said, involves=("batch_size", "arch"))
    if config.network == "dense" and config.critic_norm != "none":
        yield Problem(("critic_norm",), "dense networks have no norm; use none", involves=("network",))
    if config.conditional and {"dense", "plain"} & {config.network, config.gen_network}:
        said = "dense and plain networks do not know classes: set false, or take conv or resnet"
        yield Problem(("conditional",), said, involves=("network", "gen_network", "dataset"))
    if config.dataset in POINT_SETS:
        what = f"dataset {config.dataset} holds points in the plane"
        if config.network != "dense":
            yield Problem(("network",), f"{what}: the network must be dense", involves=("dataset",))
        elif config.gen_network != "dense":
            yield Problem(("gen_network",), f"{what}: the network must be dense", involves=("dataset",))
        if config.augment:
            yield Problem(("augment",), f"{what}: there is no image to augment", involves=("dataset",))
        if config.dequantise:
            yield Problem(("dequantise",), f"{what}: they have no grey levels", involves=("dataset",))
    if AUTO in config.augment and (named := [kind for kind in config.augment if kind in AUTOMATIC]):
        yield Problem(("augment",), f"auto holds {' and '.join(named)} already: leave auto or the others out")
    ranks = config.dataset in POINT_SETS or any(CATALOGUE[key].group in config.metrics for key in RANKING)
    if config.patience and not (config.metrics_every and (config.best_metric or ranks)):
        said = "needs metrics_every, and a metric that tells better from worse: set metrics_every: 1000, metrics: [swd]"
        yield Problem(("patience",), said, involves=("metrics_every", "metrics"))
    if config.best_metric is not None:
        yield from _impossible_choice(config, CATALOGUE[config.best_metric])
    parts = max(config.n_gpu, 1) * config.accumulate
    for key, size, sizes in uneven_batches(config, parts):
        said = f"must split evenly into {parts} parts (n_gpu x accumulate), got {size}; {sizes} would"
        yield Problem((key,), said, involves=("n_gpu", "accumulate"))


def uneven_batches(config: TrainConfig, parts: int) -> Iterator[tuple[str, int, str]]:
    """Each batch that does not split evenly into `parts`: its key, its size, the next smaller and larger that do."""
    for size, key in {config.gen_batch_size: "gen_batch_size", config.batch_size: "batch_size"}.items():
        if size % parts:
            below = size // parts * parts
            yield key, size, " or ".join(str(even) for even in (below, below + parts) if even)


def _impossible_choice(config: TrainConfig, metric: MetricSpec) -> Iterator[Problem]:
    """A metric to choose the best checkpoint by that the run does not compute."""
    message, involved = "", "dataset"
    if config.dataset in POINT_SETS:
        labelled = bool(NAMED_SETS[config.dataset].class_names)  # without labels no modes are known
        usable = [key for key in BEST_METRICS if CATALOGUE[key].group == POINTS][: 2 if labelled else 1]
        if metric.key not in usable:
            are = "are" if labelled else "is"
            message = f"{metric.key} is not computed of dataset {config.dataset}; {' and '.join(usable)} {are}"
    elif metric.group == POINTS:
        message = f"{metric.key} is a metric of points in the plane, and these are images"
    elif metric.group not in config.metrics:
        message = f"{metric.key} is computed by the group {metric.group}, which `metrics` does not name"
        involved = "metrics"
    if message:
        yield Problem(("best_metric",), message, involves=(involved,))


def _warning(found: tuple[str, ...]) -> Problem:
    key, message, *involves = found
    return Problem((key,), message, warning=True, involves=tuple(involves))


def _images_without_effect(config: TrainConfig | EvaluateConfig, given: Set[str]) -> Iterator[tuple[str, ...]]:
    if config.dataset in ("mnist-5k", *POINT_SETS) and "path" in given:
        yield "path", f"not used: dataset {config.dataset} needs no files", "dataset"
    if config.inception_weights and "inception" not in config.metrics:
        yield "inception_weights", "not used: `metrics` does not name inception", "metrics"
    native = NAMED_SETS.get(config.dataset or "")
    if native is None or config.dataset in POINT_SETS:
        return
    form = form_of(config)
    if max(form.height, form.width) > native.side:
        said = f"{config.dataset} has {native.side}x{native.side} pixels: {form.height}x{form.width} only enlarges"
        yield "image_size", said, "dataset"
    if "fit" in given and form.height == form.width:
        yield "fit", f"not used: {config.dataset} is square, as image_size is", "dataset", "image_size"
    if config.number_channels > native.channels:
        yield "number_channels", f"{config.dataset} is grey: 3 channels say one thing three times", "dataset"


def _sampling_without_effect(given: Set[str]) -> Iterator[tuple[str, ...]]:
    unused = {"quantity": given & {"seeds", "fill"}, "seeds": given & {"fill"}}
    unused |= dict.fromkeys(("frames", "seconds"), {"video"} - given)
    for key in sorted(given & unused.keys()):
        for by in sorted(unused[key]):
            yield key, f"not used: `{by}` {'says which images' if by in given else 'is not given'}", by


def _training_without_effect(config: TrainConfig, given: Set[str]) -> Iterator[tuple[str, ...]]:
    points, unmeasured = config.dataset in POINT_SETS, bool(config.metrics_every) and not config.metrics
    this = f": dataset {config.dataset}"
    rules: list[tuple[object, Set[str], str, str]] = [
        (True, unused_keys(config.arch), f" by arch {config.arch}", "arch"),
        (config.critic_its >= LONG, {"critic_warm_up"}, f": critic_its is {LONG} or more anyway", "critic_its"),
        (config.optimizer == "rmsprop", {"beta_adam", "beta2_adam"}, " by the optimizer rmsprop", "optimizer"),
        (points, {"image_size", "fit", "number_channels"}, f"{this} holds points, not images", "dataset"),
        (points and config.metrics, {"metrics"}, f"{this} holds points, which have metrics of their own", "dataset"),
        (unmeasured and not points, {"metrics_every"}, ": `metrics` is empty", "metrics"),
        (not config.metrics_every, {"best_metric"}, ": metrics_every is 0", "metrics_every"),
        (config.dataset, {"loader_workers"}, f"{this} needs no decoding", "dataset"),
        (config.sweep is None, {"parallel", "cpus", "executor"}, ": there is no `sweep`", "sweep"),
    ]
    for met, keys, why, involved in rules:
        for key in sorted(given & keys) if met else ():
            yield key, f"not used{why}", involved


def _known_to_fail(config: TrainConfig, given: Set[str], algorithm: Algorithm) -> Iterator[tuple[str, ...]]:
    if config.num_steps is not None and not generator_updates(config, config.num_steps):
        first = max(config.critic_its, LONG * config.critic_warm_up)
        key = next((key for key in ("critic_warm_up", "critic_its") if key in given), "num_steps")
        said = f"{first} critic updates come before the generator's first, and there are {config.num_steps}"
        yield key, said, "critic_its", "critic_warm_up", "num_steps"
    clips, penalised = "clip_value" in algorithm.own, "gp_lambda" in algorithm.own
    if clips and config.optimizer == "adam" and config.beta_adam > 0:
        key = "beta_adam" if "beta_adam" in given else "optimizer"
        advice = "training becomes unstable (arXiv:1701.07875): use rmsprop, or beta_adam: 0"
        yield key, f"Adam with momentum {config.beta_adam:g} and clipped weights: {advice}", "optimizer", "beta_adam"
    wide = config.critic_norm == "batch" and 0.05 <= config.clip_value <= 0.1  # as in configs/photographs_32.yaml
    if clips and config.critic_its == 1 and not wide:
        yield "critic_its", "one critic update is too few to follow the generator under clipping: 5 is usual", "arch"
    if clips and config.clip_value > 0.1:
        yield "clip_value", "above 0.1 the weights take long to reach their limit; 0.01 is usual", "arch"
    if clips and config.spectral_norm:
        yield "spectral_norm", "rescales the weights that are clipped: clip_value loses its meaning", "arch"
    if clips and max(config.learning_rate, config.critic_learning_rate) > 1e-3:
        yield "learning_rate", "high learning rates are unstable under clipping; 5e-5 is usual", "arch"
    if penalised and config.gp_lambda > 100:
        said = f"{config.gp_lambda:g} leaves the penalty alone in charge: 10 is usual, 0.1 to 100 work"
        yield "gp_lambda", said, "arch"
    if penalised and config.gp_lambda == 0:
        yield "gp_lambda", "0 leaves the critic unbounded: it diverges", "arch"
    if config.freeze_critic and not config.start_from:
        yield "freeze_critic", "holds random weights, unless start_from gives better ones", "start_from"
    if config.spectral_norm and config.critic_norm == "batch":
        yield "spectral_norm", "batch norm undoes it; set critic_norm: none (arXiv:1802.05957)", "critic_norm"
