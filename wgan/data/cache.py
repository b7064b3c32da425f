"""Decoded images on disk: a folder is decoded once, by all workers, whatever interrupts it.

    <cache>/folders/<folder's name>-<hash of its path>/
        64x3-v1.lock             held while some process prepares; the system drops it when that process dies
        64x3-v1-<key>/           complete: it got this name in one rename
        64x3-v1-<key>.part/      under way, or interrupted

The key is a hash of every file's name, size and time of change, so a changed folder has another key. Files that did
not change are then copied over from what there is, whole or interrupted, instead of being decoded again.
"""

import contextlib
import errno
import hashlib
import math
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

from filelock import FileLock, Timeout
from PIL import Image

from wgan.config.image_form import Form
from wgan.data.archive import Locate, locating
from wgan.data.array_store import GrowingStore, Store, open_store, salvage
from wgan.data.decode import DECODE_VERSION, Decoded, Room, Undecodable, decode_file
from wgan.data.image_folder import File
from wgan.data.tiff import pages_in
from wgan.utils.atomic_io import make_folder
from wgan.utils.console import progress_bar, say
from wgan.utils.errors import RunFault
from wgan.utils.system import free_memory
from wgan.utils.text import printable

CHUNK = 64  # files between two entries of the journal: what an interruption costs at most
KEPT_SETTINGS = 8
"""Versions kept of one folder (image sizes, channels, choices of classes); the least recently used goes."""
SCARCE = 2**25  # bytes: where fewer are free, a file that cannot be decoded may be whole
_VERSION = re.compile(r"\d+(x\d+)?(pad|stretch)?x\d-v\d+(-[0-9a-f]{16}){1,2}(\.part)?")  # the name of one


def prepare(
    root: Path, files: Sequence[File], form: Form, workers: int, cache: Path, choice: str = ""
) -> tuple[Store, str]:
    """`files` of the folder `root` at `form`, decoded now or found in `cache`; and a key for equal files and settings.

    The rows stand in the order of a hash of the images' names: as good as shuffled, and hardly changed by more files,
    so that a contiguous part of them can be held out. Each page of a TIFF is an image. `workers` threads decode
    (Pillow's codecs run without Python's lock: as fast as processes, and lighter). `choice` says what `files` are of
    the folder's files; each choice has a version of its own in the cache.

    Raises:
        RunFault: the cache cannot be written, or the folder vanished.
    """
    files = in_store_order(files)
    settings = f"{form.name}x{form.channels}-v{DECODE_VERSION}" + (f"-{digest(choice)}" if choice else "")
    key = digest(settings, *(f"{file.name}/{file.size}/{file.mtime_ns}" for file in files))
    resolved = root.resolve()
    home = cache / "folders" / f"{re.sub(r'[^-.0-9A-Za-z]', '_', resolved.name)[:40]}-{digest(str(resolved))}"
    target = home / f"{settings}-{key}"
    store = open_store(target, form.shape)
    if store is not None and _is_current(store):
        with contextlib.suppress(OSError):  # a cache that cannot be written can be read
            os.utime(target)  # the least recently used version is removed first
        return store, key
    try:
        make_folder(home.parent)
        make_folder(home)
        with _locked(home / f"{settings}.lock", root):
            store = open_store(target, form.shape)  # another process may have made it meanwhile
            if store is None or not _is_current(store):
                with locating(root, home) as locate:
                    store = _build(target, root, locate, files, form, workers)
            _remove_old(home, settings, target)
    except OSError as error:
        raise RunFault(
            f"cache: the decoded images ({len(files) * math.prod(form.shape) / 1e6:,.0f} MB) cannot be written to "
            f"{printable(home)}: {error.strerror or error}. `cache:` can name another folder."
        ) from error
    return store, key


def in_store_order(files: Iterable[File]) -> list[File]:
    """As good as shuffled, and hardly changed by more files."""
    return sorted(files, key=lambda file: digest(file.image_name))


def _is_current(store: Store) -> bool:
    """Whether it needs no second try, and no version wrote it that read only the first page of a TIFF."""
    paged = {file.name for file in store.files if file.page}
    first_alone = (f.name for f, note in store.notes.items() if f.may_have_pages and note.get("pages", 1) > 1)
    return not any(reason.transient for reason in store.failed.values()) and paged.issuperset(first_alone)


def digest(*parts: str) -> str:
    """16 hexadecimal digits that stand for `parts`, which hold no NUL."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _build(target: Path, root: Path, locate: Locate, files: Sequence[File], form: Form, workers: int) -> Store:
    """Decode into `target`.part, going on from what is there, and rename it."""
    pages = {
        replace(file, page=page): offset
        for file in files
        if file.may_have_pages
        for page, offset in enumerate(pages_in(locate(file.name)))
        if page
    }
    files = in_store_order([*files, *pages])
    part = target.with_name(f"{target.name}.part")
    known: dict[File, Decoded | Undecodable] = {}
    for folder in target.parent.glob(f"{form.name}x{form.channels}-v{DECODE_VERSION}-*"):
        if folder != part and folder.is_dir():  # another version or choice, whole or interrupted
            old = salvage(folder, form.shape)
            rows = zip(old.files, old.images.numpy(), strict=True)
            known |= {file: Decoded(pixels, old.notes.get(file, {})) for file, pixels in rows}
            known |= {file: reason for file, reason in old.failed.items() if not reason.transient}

    room = Room(free_memory() // 2)

    def take(file: File) -> Decoded | Undecodable:
        if file in known:
            return known[file]
        try:
            return decode_file(locate(file.name), form, room, pages.get(file, 0))
        except Undecodable as reason:
            if free_memory() < SCARCE:  # codecs that get none call the file damaged: it would be missed silently
                raise MemoryError from reason
            return reason

    growing = GrowingStore(part, files, form.shape)
    left = files[growing.taken :]
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        if shutil.disk_usage(part).free < len(left) * math.prod(form.shape):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        bar = progress_bar(len(files), growing.taken, "image", desc="Preparing images")
        with bar, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on odd metadata
            Image.init()  # loads Pillow's codecs now, not in all threads at once
            chunks = (pool.map(take, left[at : at + CHUNK]) for at in range(0, len(left), CHUNK))
            for decoded, _ in pairwise(chain(chunks, [iter(())])):  # the next chunk is under way already
                images = list(decoded)
                if any(isinstance(image, Undecodable) and image.transient for image in images) and not root.exists():
                    raise RunFault(f"path: {printable(root)} vanished while its images were being decoded.")
                growing.append(images)
                bar.update(len(images))
        growing.finish()
    finally:
        pool.shutdown(cancel_futures=True)
        growing.close()
    shutil.rmtree(target, ignore_errors=True)  # a damaged one, or one with files to try again
    part.rename(target)
    store = open_store(target, form.shape)
    if store is None:
        raise OSError(errno.EIO, "what was written reads back differently")
    return store


def _locked(lock: Path, root: Path) -> AbstractContextManager[object]:
    """A lock, held, that the system drops when the process dies; print a line while another process holds it."""
    held = FileLock(lock)
    try:
        return held.acquire(timeout=0)
    except Timeout:
        said = f"Another process is decoding {printable(root)}: waiting for it (`cache:` can name another folder)."
        say(said, stream=sys.stderr)
        return held.acquire()


def _remove_old(home: Path, settings: str, target: Path) -> None:
    """Remove what `target` replaces, and the least recently used of too many other settings."""
    versions: dict[str, list[Path]] = {}
    for folder in home.iterdir():
        if _VERSION.fullmatch(folder.name) and folder.is_dir() and folder != target:
            versions.setdefault(folder.name.rpartition("-")[0], []).append(folder)
    for folder in versions.pop(settings, []):
        shutil.rmtree(folder, ignore_errors=True)
    by_use = sorted(versions, key=lambda name: max(folder.stat().st_mtime_ns for folder in versions[name]))
    for name in by_use[: max(0, len(by_use) + 1 - KEPT_SETTINGS)]:
        with contextlib.suppress(Timeout), FileLock(home / f"{name}.lock", timeout=0):  # unless it is being made
            for folder in versions[name]:
                shutil.rmtree(folder, ignore_errors=True)
