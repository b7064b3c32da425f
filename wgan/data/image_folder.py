"""What a folder or an archive of images holds, by its files' names: no image is decoded, torch is not imported.

So `path`, `classes` and `batch_size` are checked before any work.
"""

import contextlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wgan.config.diagnostics import suggestion
from wgan.config.schema import JobConfig
from wgan.config.yaml_file import WRITTEN_BY
from wgan.data import archive
from wgan.utils.atomic_io import open_regular
from wgan.utils.errors import InputError, is_out_of_memory
from wgan.utils.system import folder_identity
from wgan.utils.text import printable

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "DIB", "GIF", "PPM")  # none that starts another program


def _suffixes(kinds: str) -> frozenset[str]:
    return frozenset(f".{kind}" for kind in kinds.split())


SUFFIXES = _suffixes("png apng jpg jpeg jpe jfif webp avif tif tiff bmp dib gif ppm pgm pbm pnm")
"""Of files that are taken for images, in upper or lower case; only decoding shows what they are."""
BEGINNINGS = re.compile(rb"(?s)\x89PNG|\xff\xd8\xff|RIFF....WEBP|....ftypavi[fs]|II\*\0|MM\0\*|GIF8|BM....\0\0\0\0")
"""How images begin: a file without a suffix is one if it does."""

OTHER_IMAGES = _suffixes("heic heif jxl jp2 tga psd exr hdr ico svg raw dng cr2 cr3 nef arw orf rw2")
"""Suffixes of images that are not read: that they were ignored is worth a word; so is a file without a suffix."""
OF_FILE_SERVERS = frozenset({"@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found"})
"""Folders, in lower case, in which servers and systems keep thumbnails and what was deleted."""
_OF_A_RUN = ("samples", "checkpoints", "tensorboard")


@dataclass(frozen=True)
class Skipped:
    """A file that gave no image."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.reason}")


class Unusable(InputError):
    """The data that a key of the YAML asks for cannot be used; `problem` is what is wrong and what to do."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


@contextlib.contextmanager
def located(config: JobConfig, key: str | None = None) -> Iterator[None]:
    """Turn an `Unusable` of a block into an InputError that says where its key stands, or `key`."""
    try:
        yield
    except Unusable as error:
        raise InputError(f"{config.where(key or error.key)}: {error.problem}") from None


@dataclass(frozen=True)
class File:
    """One file, with what changes when its content does."""

    name: str  # path below the folder, parts joined by "/"; bytes that are no UTF-8 as surrogates (os.fsdecode)
    size: int  # bytes
    mtime_ns: int  # time of the last change, nanoseconds since 1970; in an archive `archive.Member.stamp`
    page: int = 0  # which of its images; above 0 of TIFFs alone

    @property
    def image_name(self) -> str:
        """Its own among the images of a folder: "a.png", "stack.tif, page 3"."""
        return f"{self.name}, page {self.page + 1}" if self.page else self.name

    @property
    def may_have_pages(self) -> bool:
        """Whether it may hold several images: only opening it shows."""
        return self.name.lower().endswith((".tif", ".tiff"))

    @property
    def class_name(self) -> str:
        """The first-level sub-folder it lies in; empty for a file of the folder itself."""
        return self.name.partition("/")[0] if "/" in self.name else ""


@dataclass(frozen=True)
class Listing:
    """What lies in a folder."""

    root: Path
    files: tuple[File, ...]  # those named like images, sorted by name; nothing is known of their content
    skipped: tuple[Skipped, ...]  # what is named like an image and cannot be opened, folders that cannot be listed
    others: Counter[str]  # suffix of other files -> how many have it
    omitted: tuple[Skipped, ...] = ()  # folders without images of the user's: this program's results, servers' own

    @property
    def left_out(self) -> str:
        """What may have been meant as images and is not taken, for the end of a line; empty where that is nothing."""
        parts = [f"{printable(skipped.path)} ({skipped.reason})" for skipped in self.omitted[:3]]
        if len(self.omitted) > 3:
            parts.append(f"{len(self.omitted) - 3:,} more folders")
        unread = sorted(suffix for suffix in self.others if not suffix or suffix in OTHER_IMAGES)
        if unread:
            counts = ", ".join(f"{self.others[suffix]:,} {suffix or 'without suffix'}" for suffix in unread)
            parts.append(f"{counts}, which are not read")
        return f"; left out: {', '.join(parts)}" if parts else ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The first-level sub-folders, sorted, if every image lies in one and there are at least two; else empty."""
        names = {file.class_name for file in self.files}
        return tuple(sorted(names)) if len(names) > 1 and "" not in names else ()

    def chosen(self, classes: Sequence[int | str] | None) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """The files of some classes and these classes' names; None chooses all.

        Raises:
            Unusable: there is no such class, or no image.
        """
        files, names = self.files, self.class_names
        if classes is not None and files:
            names = tuple(names[i] for i in class_indices(classes, names))
            files = tuple(file for file in files if file.class_name in names)
        if not files:
            raise nothing_usable(self)
        if len(files) == 1 and not files[0].may_have_pages:
            raise Unusable("path", f"{printable(self.root)} holds one image: two are needed, one of them held out")
        return files, names


def scan(root: Path, leave_out: Iterable[Path] = ()) -> Listing:
    """All images below `root`, at any depth, in an order that depends on their names alone.

    Links are followed; a folder reached twice, by a loop of links or otherwise, counts once. Left out are hidden files
    and folders (a leading dot: thumbnails, resource forks), folders of file servers, and the results of this program:
    runs, jobs and sweeps below `root`; of a job that is `root` itself, its grid; and the folders `leave_out`.

    Raises:
        Unusable: `root` is no folder or archive, cannot be listed, or holds a run's sample grids.
    """
    if archive.is_archive(root):
        return _scan_archive(root)
    try:
        pending = [(root, "", root.stat())]
        os.scandir(root).close()
    except OSError as error:
        raise Unusable("path", f"{printable(root)}: {error.strerror}. It must be a folder of images") from None
    if root.resolve().name in _OF_A_RUN and _holds_results(root.resolve().parent):
        raise Unusable("path", f"{printable(root)} belongs to a run: give its directory, whose generator makes images")
    seen = {folder_identity(folder, folder.stat()) for folder in leave_out if folder.is_dir()}
    files: list[File] = []
    skipped: list[Skipped] = []
    omitted: list[Skipped] = []
    others: Counter[str] = Counter()
    while pending:
        folder, prefix, status = pending.pop()
        identity = folder_identity(folder, status)
        if identity in seen:
            continue
        seen.add(identity)
        try:
            with os.scandir(folder) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            skipped.append(Skipped(folder, f"folder cannot be listed: {error.strerror}"))
            continue
        below = []
        results = not {"config.yaml", "sweep.yaml"}.isdisjoint(e.name for e in entries) and _holds_results(folder)
        if results and prefix:
            omitted.append(Skipped(folder, "results of this program"))
            continue
        if results:  # a job's images are named by their numbers
            entries = [e for e in entries if e.name not in _OF_A_RUN and (e.is_dir() or e.name[:-4].isdecimal())]
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path for each of 10^6 files takes seconds
            try:
                status = entry.stat()
            except OSError as error:
                if suffix in SUFFIXES:
                    skipped.append(Skipped(Path(entry.path), f"cannot be read: {error.strerror}"))
                continue
            if stat.S_ISDIR(status.st_mode) and entry.name.lower() in OF_FILE_SERVERS:
                omitted.append(Skipped(Path(entry.path), "kept by a file server or a system"))
            elif stat.S_ISDIR(status.st_mode):
                below.append((Path(entry.path), f"{prefix}{entry.name}/", status))
            elif suffix not in SUFFIXES and (suffix or not _begins_as_image(Path(entry.path))):
                others[suffix] += 1
            elif not stat.S_ISREG(status.st_mode):
                skipped.append(Skipped(Path(entry.path), "no regular file"))  # opening a pipe would wait for ever
            elif not os.access(entry.path, os.R_OK):
                skipped.append(Skipped(Path(entry.path), "cannot be read: Permission denied"))
            else:
                files.append(File(f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns))
        pending.extend(reversed(below))
    return Listing(root, tuple(sorted(files, key=lambda file: file.name)), tuple(skipped), others, tuple(omitted))


def _begins_as_image(path: Path) -> bool:
    with contextlib.suppress(OSError), open_regular(path) as file:
        return BEGINNINGS.match(file.read(archive.HEAD)) is not None
    return False


def _scan_archive(path: Path) -> Listing:
    """`scan` of an archive; `Unusable` where it cannot be read."""
    files, skipped, others = list[File](), list[Skipped](), Counter[str]()
    try:
        members = sorted(archive.members(path).items())
    except Exception as error:  # a hostile file makes the parsers raise anything
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unusable("path", f"{printable(path)} is no archive that can be read: {reason}") from None
    for name, member in members:
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - as in `scan`
        if suffix not in SUFFIXES and (suffix or not BEGINNINGS.match(member.head)):
            others[suffix] += 1
        elif member.fault:
            skipped.append(Skipped(path / name, member.fault))
        else:
            files.append(File(name, member.size, member.stamp))
    return Listing(path, tuple(files), tuple(skipped), others)


def _holds_results(folder: Path) -> bool:
    """Whether this program wrote a run, a job or a sweep into a folder."""
    for name in ("config.yaml", "sweep.yaml"):
        with contextlib.suppress(OSError), open_regular(folder / name) as file:
            if file.read(len(WRITTEN_BY)) == WRITTEN_BY.encode():
                return True
    return False


def held_out_count(total: int) -> int:
    """How many of `total` images are held out: a tenth, at least 256 and at most 10,000; a quarter of small sets.

    The two rules meet at 1,024 images. A set of one image keeps it for training.
    """
    if total < 1024:
        return max(total // 4, min(total - 1, 1))
    return min(max(total // 10, 256), 10_000)


def class_indices(classes: Sequence[int | str], class_names: Sequence[str]) -> list[int]:
    """Indices, sorted, of the classes a user named: each a name, or its place in the list, from 0.

    What was written is a name first: 001 is the folder 001. A place counts only where no class is called by a number.
    Names are compared in Unicode's composed form, since some systems store ä as two characters.

    Raises:
        Unusable: one of them is unknown, or the set has no classes at all.
    """
    if not class_names:
        raise Unusable(
            "classes",
            "these images have no classes. A folder has them where every image lies in one of at least two "
            "sub-folders, each named after its class. Drop the key to train on all images.",
        )
    found = set()
    by_name = {unicodedata.normalize("NFC", name): index for index, name in enumerate(class_names)}
    numbered = any(name.isdecimal() for name in class_names)
    for wanted in classes:
        name = unicodedata.normalize("NFC", str(wanted))
        if name in by_name:
            found.add(by_name[name])
        elif isinstance(wanted, int) and not numbered and 0 <= wanted < len(class_names):
            found.add(wanted)
        else:
            shown = ", ".join(map(printable, class_names[:20])) + (", ..." if len(class_names) > 20 else "")
            near = "" if "," in name else suggestion(name, class_names).removeprefix("; ")
            hint = f" Several are a list: [{name}]" if "," in name else f" {near[:1].upper()}{near[1:]}"
            raise Unusable("classes", f"{printable(name)} is not one of this set's classes: {shown}.{hint.rstrip()}")
    return sorted(found)


def nothing_usable(listing: Listing, undecodable: Sequence[Skipped] = ()) -> Unusable:
    """Why a folder gives no image, and what it holds instead; `undecodable` are the files that were looked into."""
    root, skipped = printable(listing.root), sorted([*listing.skipped, *undecodable], key=lambda skip: str(skip.path))
    if skipped:
        shown = "\n".join(f"  {skip}" for skip in skipped[:5])
        more = f"\n  and {len(skipped) - 5:,} more" if len(skipped) > 5 else ""
        return Unusable("path", f"{root} holds no usable image. Of {len(skipped):,} files:\n{shown}{more}")
    held = [f"{count:,} {printable(suffix) or 'without suffix'}" for suffix, count in listing.others.most_common(5)]
    found = ", ".join(held) or "nothing at all"
    return Unusable("path", f"{root} holds no image ({', '.join(FORMATS)}), only {found}")
