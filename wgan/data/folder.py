"""A user's folder: which files are images, which classes they form, which of them can be opened at all."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wgan.data.sets import Skipped, Unusable, printable

SUFFIXES = frozenset(
    f".{kind}"
    for kinds in ("png apng jpg jpeg jpe jfif webp", "tif tiff bmp dib gif", "ppm pgm pbm pnm")
    for kind in kinds.split()
)
"""A file is taken for an image by its suffix, in any case; only decoding shows what it is."""


@dataclass(frozen=True)
class File:
    """One file, and what tells whether it is still the same.

    Attributes:
        name: path below the folder, parts joined by "/"; bytes that are no UTF-8 as surrogates (os.fsdecode).
        size: bytes.
        mtime_ns: time of the last change, nanoseconds since 1970.
    """

    name: str
    size: int
    mtime_ns: int

    @property
    def class_name(self) -> str:
        """The first-level sub-folder it lies in; empty for a file of the folder itself."""
        return self.name.partition("/")[0] if "/" in self.name else ""


@dataclass(frozen=True)
class Listing:
    """What lies in a folder.

    Attributes:
        root: the folder.
        files: those named like images, sorted by name; nothing is known of their content.
        skipped: what is named like an image and cannot be opened, and folders that cannot be listed.
        others: how many files have another suffix, by suffix. They are none of our business.
    """

    root: Path
    files: tuple[File, ...]
    skipped: tuple[Skipped, ...]
    others: Counter[str]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The first-level sub-folders, sorted, if every image lies in one and there are at least two; else empty."""
        names = {file.class_name for file in self.files}
        return tuple(sorted(names)) if len(names) > 1 and "" not in names else ()


def scan(root: Path, leave_out: Iterable[Path] = ()) -> Listing:
    """All images below `root`, at any depth, in an order that depends on their names alone.

    Links are followed; a folder reached twice, by a loop of links or otherwise, counts once. Hidden files and folders
    (a leading dot: thumbnails, resource forks) are left out.

    Args:
        root: the folder.
        leave_out: folders below it to leave out, such as the one that results are written to.

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
