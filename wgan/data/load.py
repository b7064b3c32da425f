"""From a YAML's `path` or `dataset` to images as uint8 tensors, and to the batches of a training."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from wgan.config.image_form import Form
from wgan.config.schema import EvaluateConfig, TrainConfig, form_of
from wgan.data.cache import digest, prepare
from wgan.data.image_folder import File, Skipped, Unusable, held_out_count, located, nothing_usable, scan
from wgan.data.image_set import Data, ImageSet, fit, hold_out, select
from wgan.data.named_sets import named_set
from wgan.data.toy_2d import TOYS, toy
from wgan.utils.console import warn
from wgan.utils.errors import InputError, UserError, is_out_of_memory, too_little_memory
from wgan.utils.text import printable

Classes = Sequence[int | str] | None


def load_data(config: TrainConfig | EvaluateConfig) -> Data:
    """The data a run asks for.

    Raises:
        InputError: no usable image, too little memory, a set whose files are missing, or unknown `classes`.
        RunFault: the cache of decoded images cannot be written.
    """
    wanted = form_of(config), config.classes
    try:
        with located(config):
            if config.dataset is not None:
                folder = config.path or config.cache / "sets"
                return load_named(config.dataset, *wanted, seed=config.seed, folder=folder)
            if config.path is None:
                raise Unusable("path", "names no images: give a folder, or a set by `dataset`")
            workers, cache = config.loader_workers, config.cache
            return load_folder(config.path, *wanted, workers=workers, cache=cache, leave_out=[config.out])
    except Exception as error:
        if isinstance(error, UserError) or not is_out_of_memory(error):
            raise
        where = config.where("path" if config.dataset is None else "dataset")
        raise InputError(f"{where}: {too_little_memory('to load the images', error)}") from error


def load_folder(
    root: Path,
    form: Form,
    classes: Classes = None,
    *,
    workers: int,
    cache: Path,
    leave_out: Iterable[Path] = (),
    all_to_train: bool = False,
) -> Data:
    """A folder of images; the first rows of its decoded cache, whose order is as good as shuffled, are held out.

    With `all_to_train` none is. A warning is printed where the images are hardly what was meant.

    Raises:
        Unusable: it is no folder, or holds fewer than two usable images that differ.
        RunFault: the cache cannot be written.
    """
    listing = scan(root, leave_out)
    files, class_names = listing.chosen(classes)
    choice = "" if classes is None else "/".join(class_names)
    store, key = prepare(root, files, form, workers, cache, choice)
    failed = [Skipped(root / file.image_name, str(reason)) for file, reason in store.failed.items()]
    name, total, content = printable(root), len(store.images), [f"{form.channels}x{form.name}", store.content]
    if total == 0:
        raise nothing_usable(listing, failed)
    _warn_of(store.notes, name)
    count = 0 if all_to_train else held_out_count(total)
    rows, rows_held_out, copies = hold_out(store.images, count)
    if total == 1 or len(rows_held_out) < min(count, 1):
        held = "one usable image" if total == 1 else f"one image {total:,} times"
        raise Unusable("path", f"{name} holds {held}: two are needed, one of them held out")
    skipped = tuple(sorted([*listing.skipped, *failed], key=lambda skip: str(skip.path)))
    label_of = {name: label for label, name in enumerate(class_names)}
    labels = torch.tensor([label_of[file.class_name] for file in store.files]) if class_names else None
    images = ImageSet(store.images, labels, class_names)
    cut, told = total - len(rows), f"; {copies:,} of all {total:,} are copies of others" * (copies > 0)
    held_out = images[:cut]  # a slice stays on the disk
    if unused := cut - len(rows_held_out):
        held_out, content = images[rows_held_out], [*content, str(cut)]
        told += f" ({unused:,} are not used, so that none is trained on and held out)"
    data = _data(name, images[cut:], held_out, skipped, digest(*content), named=classes is not None)
    return replace(data, description=data.description + told + listing.left_out, file_fingerprint=key)


def _warn_of(notes: Mapping[File, Mapping[str, int]], root: str) -> None:
    dark = [note["largest"] for note in notes.values() if "largest" in note]
    if dark:
        found = f"{len(dark):,} of its files of 16 bits hold no value above {max(dark):,} of 65,535"
        warn(f"{root}: {found}, nearly black: scale them to the whole range if they are 12-bit data or the like")
    stacks = [(note.get("pages", 1), printable(f.name)) for f, note in notes.items() if not f.may_have_pages]
    if stacks := [stack for stack in stacks if stack[0] > 1]:
        (pages, name), more = max(stacks), f"; so of {len(stacks) - 1:,} more files" * (len(stacks) > 1)
        warn(f"{root}: {name} is a TIFF of {pages:,} pages, of which only the first is read{more}: call it .tif")


def load_named(name: str, form: Form, classes: Classes = None, *, seed: int, folder: Path) -> Data:
    """One of `SETS` or `TOYS`, at the run's form (the toys' points have none), or some of its classes.

    The toys depend on the seed; all other sets, and their held-out part, are the same for every seed. Their files lie
    in `folder` or are downloaded to it.

    Raises:
        Unusable: files are missing, or `classes` names unknown ones.
    """
    train, held_out = toy(name, seed) if name in TOYS else named_set(name, folder)
    train, held_out = select(train, classes), select(held_out, classes)
    if name in TOYS:
        return _data(name, train, held_out, (), digest(name, str(seed), *map(str, classes or ())))
    train, held_out = (replace(s, images=fit(s.images, form)) for s in (train, held_out))
    fingerprint = digest(name, form.name, str(form.channels), *map(str, classes or ()))
    return _data(name, train, held_out, (), fingerprint, named=classes is not None)


def _data(
    name: str, train: ImageSet, held_out: ImageSet, skipped: tuple[Skipped, ...], fingerprint: str, named: bool = False
) -> Data:
    """With one line for the screen: "mnist-5k: 4,500 grey images of 28x28 in 10 classes, 500 more held out".

    Classes that the user `named` are repeated with their counts: "900 grey images of 28x28 (3: 450, 8: 450)".
    """
    if train.images.dim() == 2:
        kind = "points"
    else:
        channels, height, width = train.images.shape[1:]
        kind = f"{'grey' if channels == 1 else 'colour'} images of {height}x{width}"
    classes = f" in {len(train.class_names)} classes" if len(train.class_names) > 1 else ""
    if named and train.labels is not None:
        each = [f"{printable(name)}: {count:,}" for name, count in train.class_counts.items()]
        classes = f" ({', '.join(each[:10])}{', ...' * (len(each) > 10)})"
    lost = f"; {len(skipped):,} file{'s' * (len(skipped) > 1)} skipped" if skipped else ""
    description = f"{name}: {len(train):,} {kind}{classes}, {len(held_out):,} more held out{lost}"
    return Data(train, held_out, skipped, description, fingerprint)
