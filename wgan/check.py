"""`--check`: what a YAML would do, without doing it.

First what is known without torch: every value, the run's directory. Then images, device, networks, time, memory, disk.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from wgan.config.algorithms import ALGORITHMS, unused_keys
from wgan.config.constraints import generator_updates, num_steps_of, require_a_batch, require_held_out
from wgan.config.datasets import POINT_SETS
from wgan.config.docs import written
from wgan.config.resolve import combinations
from wgan.config.schema import Config, EvaluateConfig, GenerateConfig, TrainConfig, form_of
from wgan.data.archive import Locate, locating
from wgan.data.image_folder import File, held_out_count, located, scan
from wgan.data.tiff import pages_in
from wgan.runs import job_dir, run_dir
from wgan.runs.run_dir import has_generator
from wgan.utils import console
from wgan.utils.errors import UserError
from wgan.utils.text import duration, printable

HEADERS_READ = 200  # images of a folder whose size is looked up: enough to show what lies there, at once


def check(config: Config) -> int:
    """Print what would happen; 2 where the job would not begin: what stands in its way is on stderr.

    Trains nothing; writes nothing, except that a named set which is missing is downloaded.
    """
    status = 0
    for part in _parts(config):
        try:
            lines = "\n".join(part()).split("\n")
            print("\n".join(map(printable, lines)), end="\n\n", flush=True)  # before the next part loads torch
        except UserError as error:
            console.error(error)
            status = error.exit_status
    return status


def _parts(config: Config) -> Iterator[Callable[[], Iterator[str]]]:
    """Each part gives its lines, or raises the UserError that a job would end with."""
    yield partial(values, config)
    yield partial(directory, config)
    if isinstance(config, GenerateConfig):
        yield partial(sampler, config)
    elif isinstance(config, EvaluateConfig):
        yield partial(images, config)
        yield partial(generated, config)
    else:  # of a sweep, the first run on each choice of images
        source = ("path", "dataset", "classes")
        narrowed = {key: found if key in source else found[:1] for key, found in (config.sweep or {}).items()}
        shown = [run for _, run in combinations(config.model_copy(update={"sweep": narrowed}))]
        found: list[tuple[int, int, Sequence[str]]] = []
        yield from (partial(images, run, found) for run in shown)
        yield lambda: networks(shown[0], *(found[0] if found else (0, 0, ())))
        if config.sweep:
            count, together = len(list(combinations(config))), config.parallel
            yield lambda: iter([f"Runs: {count} like this one, {together} at a time"])


def values(config: Config) -> Iterator[str]:
    """Every key with its value and where that comes from."""
    unused = unused_keys(config.arch) if config.arch in ALGORITHMS else frozenset()
    origins = {key: f"not used by {config.arch}" if key in unused else config.origin(key) for key, _ in config}
    rows = [("key", "value", "from"), *((key, written(value), origins[key]) for key, value in config)]
    width = min(max(len(shown) for _, shown, _ in rows), 48)
    yield from (f"{key:22}{shown:{width}}  {origin}" for key, shown, origin in rows)


def directory(config: Config) -> Iterator[str]:
    """Where the results would be written, and what stands there."""
    if not isinstance(config, TrainConfig):
        yield f"Results: {job_dir.directory_of(config)}/"
    elif config.sweep:
        yield f"Sweep: {math.prod(map(len, config.sweep.values()))} runs in {config.out}/, for {written(config.sweep)}"
    else:
        run, _ = run_dir.find(config)
        state = run.read_state()
        found = f"{state.get('state')} at step {state.get('step')}" if state else "new"
        yield f"Run: {run.directory}/ ({found})"


def images(
    config: TrainConfig | EvaluateConfig, found: list[tuple[int, int, Sequence[str]]] | None = None
) -> Iterator[str]:
    """What `path` or `dataset` holds; a training's steps, held-out images and classes' names are added to `found`."""
    if config.dataset is None and config.path is not None:
        with located(config):
            listing = scan(config.path, [config.out])
            files, names = listing.chosen(config.classes)
        with locating(config.path, config.cache) as locate:
            paged = [max(1, len(pages_in(locate(file.name)))) if file.may_have_pages else 1 for file in files]
            shown_sizes = sizes(locate, files)
        total = sum(paged)
        held_out = held_out_count(total)
        count = total - held_out
        pages = f" with {total:,} pages" * (total > len(files))
        numbers = f"{len(files):,} files{pages}, {count:,} to train on, {held_out:,} held out"
        yield f"Images: {printable(config.path)}: {numbers}{listing.left_out}"
        if names:
            largest = Counter(file.class_name for file in files).most_common(20)
            shown = ", ".join(f"{printable(name)} {number:,}" for name, number in largest)
            yield f"  {len(names)} classes: {shown}{', ...' if len(names) > len(largest) else ''}"
        yield f"  {shown_sizes}"
        yield from (f"  left out: {skipped}" for skipped in listing.skipped[:5])
    else:
        from wgan.data.load import load_data

        data = load_data(config)
        count, held_out, names = len(data.train), len(data.held_out), data.train.class_names
        yield f"Images: {data.description}"
    if isinstance(config, TrainConfig):
        require_a_batch(config, count)
        require_held_out(config, held_out)
        steps = num_steps_of(config, count)
        if found is not None:
            found.append((steps, held_out, names))
        yield f"Length: {steps:,} critic updates, {generator_updates(config, steps):,} generator updates"


def generated(config: EvaluateConfig) -> Iterator[str]:
    """What `fakes` names. Folders are listed; a run's generator or a checkpoint is opened only to measure it."""
    for fakes in config.fakes:
        if has_generator(fakes):
            yield f"Generated: by the generator of {printable(fakes)}"
            continue
        with located(config, "fakes"):
            files, _ = scan(fakes).chosen(None)
        yield f"Generated: {printable(fakes)}: {len(files):,} files"
        yield f"  {sizes(fakes.joinpath, files)}"


def sizes(locate: Locate, files: Sequence[File]) -> str:
    """The smallest and the largest width and height that the headers of some images tell."""
    from PIL import Image

    looked_at = files[:: max(1, len(files) // HEADERS_READ)]
    found: list[tuple[int, int]] = []
    for file in looked_at:
        try:
            with locate(file.name).open("rb") as content, Image.open(content) as image:
                found.append(image.size)
        except Exception:  # a hostile file makes the parsers raise anything
            continue  # counted below
    if not found:
        return f"none of the {len(looked_at)} looked at is an image"
    least, most = ("x".join(str(pick(side)) for side in zip(*found, strict=True)) for pick in (min, max))
    lost = f"; {len(looked_at) - len(found)} are no images" if len(found) < len(looked_at) else ""
    return f"{len(looked_at)} looked at: {least} to {most} pixels{lost}"


def networks(config: TrainConfig, steps: int, held_out: int, class_names: Sequence[str]) -> Iterator[str]:
    """The device, both networks layer by layer, and roughly the memory, disk and time that a training takes."""
    from wgan.runtime.device import choose_precision, open_device
    from wgan.training import estimate, resources
    from wgan.training.progress import expected

    device = open_device(config)
    precision = choose_precision(config, device)
    shape = (2,) if config.dataset in POINT_SETS else form_of(config).shape
    classes = dict.fromkeys(class_names, 1) if config.conditional else {}
    generator, critic = resources.meta_networks(config, shape, classes)
    layers = resources.layers(generator, (config.latent_vector,)), resources.layers(critic, shape)
    yield f"Device: {device.type}, {precision}"
    yield from resources.layer_table("Generator", layers[0])
    yield from resources.layer_table("Critic", layers[1])
    memory = resources.memory(config, *layers, precision.dtype)
    yield f"\nMemory: roughly {_bytes(memory)} beside the program itself"
    run, _ = run_dir.find(config)
    done = run.read_state().get("step")
    left = steps - (done if isinstance(done, int) else 0)
    disk = resources.disk(config, generator, critic, shape, left)
    yield f"Disk: roughly {_bytes(disk)} for checkpoints ({config.keep_checkpoints} are kept) and sample grids"
    resources.require_disk(config, disk, run.checkpoints)
    if config.n_gpu <= 1:
        each = estimate.seconds_per_step(config, shape, classes, device, precision)
        most = None if config.max_minutes is None else 60 * config.max_minutes
        time, *warnings = expected(each, left, most)
        beside = duration(estimate.other_seconds(config, held_out, steps))
        named = ", ".join([*config.metrics, "pictures"])
        yield f"Time: {time[:1].lower()}{time[1:]}; beside it about {beside} for {named}"
        yield from warnings


def sampler(config: GenerateConfig) -> Iterator[str]:
    """The generator that a checkpoint holds, layer by layer."""
    from wgan.generation.choose import open_generator
    from wgan.networks.pretrained import chosen_classes
    from wgan.runtime.device import open_device
    from wgan.training import resources

    generator = open_generator(config)
    if names := chosen_classes(config, generator):
        yield f"Classes: {', '.join(names)}"
    generator = generator.to("meta")
    yield f"Device: {open_device(config).type}"
    yield from resources.layer_table("Generator", resources.layers(generator, (generator.latent_vector,)))


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
