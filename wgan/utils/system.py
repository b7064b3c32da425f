"""What differs between operating systems, in one place."""

import os

WINDOWS = os.name == "nt"
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names of devices on Windows, with any suffix."""


def flush_file(path: str | os.PathLike[str]) -> None:
    """Bring a file's content to the disk itself."""
    descriptor = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # Windows flushes only what may be written to
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(path: str | os.PathLike[str]) -> None:
    """Bring a folder's entries to the disk: a rename outlives a power cut. Windows opens no folder, and needs none."""
    if not WINDOWS:
        flush_file(path)


def folder_identity(path: str | os.PathLike[str], status: os.stat_result) -> object:
    """Equal for one folder reached in two ways. The entries of os.scandir have inode 0 on Windows."""
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def can_name_a_folder(name: str) -> bool:
    """Whether this system takes a folder of that name, without a separator in it."""
    reserved = name.split(".")[0].lower() in RESERVED
    return not WINDOWS or not (reserved or name.endswith((".", " ")) or set('<>:"|?*') & set(name))


def cores() -> int:
    """The cores that this process may use, which a container or a batch system may have narrowed."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
