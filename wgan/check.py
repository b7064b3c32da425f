"""`--check`: what a YAML would do, without doing it.

First what is known without torch: every value and where it comes from, the run's directory. Then the images, the
device, the networks layer by layer, and what the training would take.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from wgan.config.algorithms import ALGORITHMS, unused_keys
from wgan.config.constraints import num_steps_of, require_a_batch
from wgan.config.datasets import POINT_SETS
from wgan.config.docs import written
from wgan.config.resolve import combinations
from wgan.config.schema import Config, EvaluateConfig, GenerateConfig, TrainConfig
from wgan.data.image_folder import File, Unusable, held_out_count, scan
from wgan.runs import job_dir, run_dir
from wgan.runs.run_dir import has_generator
from wgan.utils.errors import InputError, UserError
from wgan.utils.text import printable

HEADERS_READ = 200
"""Of so many images of a folder the size is looked up: enough to show what lies there, at once."""


def check(config: Config) -> int:
    """Print what would happen. Trains nothing; writes nothing, except that a named set which is missing is downloaded.

    Returns:
        0, or 2 where the job would not begin: what stands in its way is on stderr.
    """
    status = 0
    for part in _parts(config):
        try:
            print("\n".join(part()), end="\n\n", flush=True)  # before the next part loads torch
        except UserError as error:
            print(error, file=sys.stderr, flush=True)
            status = error.exit_status
    return status


def _parts(config: Config) -> Iterator[Callable[[], Iterator[str]]]:
    yield lambda: values(config)
    yield lambda: directory(config)
    if isinstance(config, TrainConfig):
        shown = list(_one_of_each_source(config))
        lengths: list[int] = []
        yield from (partial(images, run, lengths) for run in shown)
        yield lambda: networks(shown[0], lengths[0] if lengths else 0)
    elif isinstance(config, GenerateConfig):
        yield lambda: sampler(config)
    else:
        yield lambda: images(config)
        yield lambda: generated(config)


def _one_of_each_source(config: TrainConfig) -> Iterator[TrainConfig]:
    """The configuration; of a sweep the first run on each choice of images."""
    source = ("path", "dataset", "classes")
    narrowed = {key: values if key in source else values[:1] for key, values in (config.sweep or {}).items()}
    return (run for _, run in combinations(config.model_copy(update={"sweep": narrowed})))


def values(config: Config) -> Iterator[str]:
    """Every key with its value and where that comes from."""
    unused = unused_keys(config.arch) if config.arch in ALGORITHMS else frozenset()
    rows = [("key", "value", "from")]
    for key, value in config:
        origin = f"not used by {config.arch}" if key in unused else config.origin(key)
        rows.append((key, written(value), origin))
    width = min(max(len(shown) for _, shown, _ in rows), 48)
    yield from (f"{key:22}{shown:{width}}  {origin}" for key, shown, origin in rows)


def directory(config: Config) -> Iterator[str]:
    """Where the results would be written, and what stands there.

    Raises:
        InputError: out/run/ holds a training, and the job trains nothing.
    """
    if not isinstance(config, TrainConfig):
        yield f"Results: {job_dir.directory_of(config)}/"
    elif config.sweep:
        yield f"Sweep: {math.prod(map(len, config.sweep.values()))} runs in {config.out}/, for {written(config.sweep)}"
    else:
        run, _ = run_dir.find(config)
        state = run.read_state()
        found = f"{state.get('state')} at step {state.get('step')}" if state else "new"
        yield f"Run: {run.directory}/ ({found})"


def images(config: TrainConfig | EvaluateConfig, lengths: list[int] | None = None) -> Iterator[str]:
    """What `path` or `dataset` holds, and the training's length, which is added to `lengths`.

    Raises:
        InputError: no image, fewer than a batch, or a class that is not there.
    """
    if config.dataset is None and config.path is not None:
        count, lines = _folder(config, config.path)
        yield from lines
    else:
        from wgan.data.load import load_data

        found = load_data(config)
        count = len(found.train)
        yield f"Images: {found.description}"
    if isinstance(config, TrainConfig):
        require_a_batch(config, count)
        steps = num_steps_of(config, count)
        lengths = [] if lengths is None else lengths
        lengths.append(steps)
        yield f"Length: {steps:,} critic updates, {steps // config.critic_its:,} generator updates"


def generated(config: EvaluateConfig) -> Iterator[str]:
    """What `fakes` names. Folders are listed; a run's generator or a checkpoint is opened only to measure it.

    Raises:
        InputError: a folder holds no image.
    """
    for fakes in config.fakes:
        if has_generator(fakes):
            yield f"Generated: by the generator of {printable(fakes)}"
            continue
        try:
            files, _ = scan(fakes).chosen(None)
        except Unusable as error:
            raise InputError(f"{config.where('fakes')}: {error.problem}") from None
        yield f"Generated: {printable(fakes)}: {len(files):,} files"
        yield f"  {_sizes_of_some(fakes, files)}"


def _folder(config: TrainConfig | EvaluateConfig, root: Path) -> tuple[int, list[str]]:
    """How many images to train on, and what to say of the folder. Its images are listed, not decoded."""
    try:
        listing = scan(root, [config.out])
        files, names = listing.chosen(config.classes)
    except Unusable as error:
        raise InputError(f"{config.where(error.key)}: {error.problem}") from None
    held_out = held_out_count(len(files))
    count = len(files) - held_out
    numbers = f"{len(files):,} files, {count:,} to train on, {held_out:,} held out"
    lines = [f"Images: {printable(root)}: {numbers}{listing.left_out}"]
    if names:
        found = Counter(file.class_name for file in files).most_common(20)
        shown = ", ".join(f"{printable(name)} {number:,}" for name, number in found)
        lines.append(f"  {len(names)} classes: {shown}{', ...' if len(names) > len(found) else ''}")
    lines.append(f"  {_sizes_of_some(root, files)}")
    return count, lines + [f"  left out: {skipped}" for skipped in listing.skipped[:5]]


def _sizes_of_some(root: Path, files: Sequence[File]) -> str:
    return sizes([root / file.name for file in files[:: max(1, len(files) // HEADERS_READ)]])


def sizes(paths: Sequence[Path]) -> str:
    """The smallest and the largest width and height that the headers of some images tell."""
    from PIL import Image

    found: list[tuple[int, int]] = []
    for path in paths:
        try:
            with Image.open(path) as image:
                found.append(image.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # not decodable: counted below
    if not found:
        return f"none of the {len(paths)} looked at is an image"
    least, most = ("x".join(str(pick(side)) for side in zip(*found, strict=True)) for pick in (min, max))
    lost = f"; {len(paths) - len(found)} are no images" if len(found) < len(paths) else ""
    return f"{len(paths)} looked at: {least} to {most} pixels{lost}"


def networks(config: TrainConfig, steps: int) -> Iterator[str]:
    """The device, both networks layer by layer, and roughly the memory and the disk that the training takes.

    Args:
        config: of one training.
        steps: its length.

    Raises:
        InputError: there is no such device, or too little free disk.
    """
    from wgan.runtime.device import choose_precision, open_device
    from wgan.training import resources

    device = open_device(config)
    precision = choose_precision(config, device)
    image = (config.number_channels, config.image_size, config.image_size)
    shape = (2,) if config.dataset in POINT_SETS else image
    generator, critic = resources.meta_networks(config, shape)
    generator_layers = resources.layers(generator, (config.latent_vector,))
    critic_layers = resources.layers(critic, shape)
    yield f"Device: {device.type}, {precision}"
    for title, found in (("Generator", generator_layers), ("Critic", critic_layers)):
        yield f"\n{title}: {resources.weights(found):,} parameters"
        yield from map(str, found)
    yield (
        f"\nMemory: roughly {_bytes(resources.memory(config, generator_layers, critic_layers, precision.dtype))} "
        "beside the program itself"
    )
    run, _ = run_dir.find(config)
    done = run.read_state().get("step")
    disk = resources.disk(config, generator, critic, shape, steps - (done if isinstance(done, int) else 0))
    yield f"Disk: roughly {_bytes(disk)} for checkpoints ({config.keep_checkpoints} are kept) and sample grids"
    resources.require_disk(config, disk, run.checkpoints)


def sampler(config: GenerateConfig) -> Iterator[str]:
    """The generator that a checkpoint holds, layer by layer.

    Raises:
        InputError: the checkpoint cannot be used, or there is no such device.
    """
    from wgan.networks.pretrained import load_generator
    from wgan.runtime.device import open_device
    from wgan.training import resources

    generator = load_generator(config.checkpoint).to("meta")
    network = resources.layers(generator, (generator.latent_vector,))
    yield f"Device: {open_device(config).type}"
    yield f"\nGenerator: {resources.weights(network):,} parameters"
    yield from map(str, network)


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
