"""What a folder of images holds, by its files' names alone: no image is opened, torch is not imported.

So `path`, `classes` and `batch_size` are checked before any work.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wgan.utils.errors import InputError
from wgan.utils.text import printable

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM")  # none that starts another program
_KINDS = "png apng jpg jpeg jpe jfif webp tif tiff bmp dib gif ppm pgm pbm pnm"
SUFFIXES = frozenset(f".{kind}" for kind in _KINDS.split())
"""Of files that are taken for images, in upper or lower case; only decoding shows what they are."""


@dataclass(frozen=True)
class Skipped:
    """A file that gave no image."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.reason}"


class Unusable(InputError):
    """The data that `key` of the YAML asks for cannot be used; `problem` is what is wrong and what to do."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


@dataclass(frozen=True)
class File:
    """One file, with what changes when its content does."""

    name: str  # path below the folder, parts joined by "/"; bytes that are no UTF-8 as surrogates (os.fsdecode)
    size: int  # bytes
    mtime_ns: int  # time of the last change, nanoseconds since 1970

    @property
    def class_name(self) -> str:
        """The first-level sub-folder it lies in; empty for a file of the folder itself."""
        return self.name.partition("/")[0] if "/" in self.name else ""


@dataclass(frozen=True)
class Listing:
    """What lies in the folder `root`."""

    root: Path
    files: tuple[File, ...]  # those named like images, sorted by name; nothing is known of their content
    skipped: tuple[Skipped, ...]  # what is named like an image and cannot be opened; folders that cannot be listed
    others: Counter[str]  # how many files have another suffix, by suffix

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
        return files, names


def scan(root: Path, leave_out: Iterable[Path] = ()) -> Listing:
    """All images below `root`, at any depth, in an order that depends on their names alone.

    Links are followed; a folder reached twice, by a loop of links or otherwise, counts once. Hidden files and folders
    (a leading dot: thumbnails, resource forks) are left out, and those below `leave_out`, such as a run's results.

    Raises:
        Unusable: `root` is no folder, or cannot be listed.
    """
    try:
        pending = [(root, "", root.stat())]
        os.scandir(root).close()
    except OSError as error:
        raise Unusable("path", f"{printable(root)}: {error.strerror}. It must be a folder of images") from None
    seen = {(s.st_dev, s.st_ino) for s in (folder.stat() for folder in leave_out if folder.is_dir())}
    files: list[File] = []
    skipped: list[Skipped] = []
    others: Counter[str] = Counter()
    while pending:
        folder, prefix, status = pending.pop()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        try:
            with os.scandir(folder) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            skipped.append(Skipped(folder, f"folder cannot be listed: {error.strerror}"))
            continue
        below = []
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path for each of 10^6 files takes seconds
            try:
                status = entry.stat()
            except OSError as error:
                if suffix in SUFFIXES:
                    skipped.append(Skipped(Path(entry.path), f"cannot be read: {error.strerror}"))
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append((Path(entry.path), f"{prefix}{entry.name}/", status))
            elif suffix not in SUFFIXES:
                others[suffix] += 1
            elif not stat.S_ISREG(status.st_mode):
                skipped.append(Skipped(Path(entry.path), "no regular file"))  # opening a pipe would wait for ever
            elif not os.access(entry.path, os.R_OK):
                skipped.append(Skipped(Path(entry.path), "cannot be read: Permission denied"))
            else:
                files.append(File(f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns))
        pending.extend(reversed(below))
    return Listing(root, tuple(sorted(files, key=lambda file: file.name)), tuple(skipped), others)


def held_out_count(total: int) -> int:
    """How many of `total` images are held out: a tenth, at least 256 and at most 10,000; a quarter of small sets.

    The two rules meet at 1,024 images. A set of one image keeps it for training.
    """
    if total < 1024:
        return max(total // 4, min(total - 1, 1))
    return min(max(total // 10, 256), 10_000)


def class_indices(classes: Sequence[int | str], class_names: Sequence[str]) -> list[int]:
    """Indices, sorted, of the classes a user named: each a name (a folder called 3 may be written 3) or an index.

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
    for wanted in classes:
        if str(wanted) in class_names:
            found.add(class_names.index(str(wanted)))
        elif isinstance(wanted, int) and 0 <= wanted < len(class_names):
            found.add(wanted)
        else:
            shown = ", ".join(map(printable, class_names[:20])) + (", ..." if len(class_names) > 20 else "")
            raise Unusable("classes", f"{printable(str(wanted))} is not one of this set's classes: {shown}.")
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
