"""What differs between operating systems, in one place."""

import os
from contextlib import suppress
from pathlib import Path

WINDOWS = os.name == "nt"
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names of devices on Windows, with any suffix."""

_CONTAINER = [
    ("memory.max", "memory.stat", "anon"),
    ("memory/memory.limit_in_bytes", "memory/memory.stat", "total_rss"),
]
"""Files of control groups, versions 2 and 1: the limit, what is taken, and its line of that."""


def flush_file(path: str | os.PathLike[str]) -> None:
    """Bring a file's content to the disk itself; Windows flushes only what may be written to."""
    _flush(os.open(path, os.O_RDWR))


def flush_folder(path: str | os.PathLike[str]) -> None:
    """Bring a folder's entries to the disk: a rename outlives a power cut. Windows opens no folder, and needs none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    _flush(descriptor)


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def address_space() -> int | None:
    """Bytes that this process may map, where that is limited (`ulimit -v`, some clusters)."""
    if WINDOWS:
        return None
    import resource

    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def free_memory() -> int:
    """Bytes that this process can still take: of the machine's, of its container's, of what it may map."""
    free = [2**63]  # nothing tells on other systems
    with suppress(OSError, KeyError):
        free.append(1024 * _numbers("/proc/meminfo")["MemAvailable:"])
    for most, used, kind in _CONTAINER:
        with suppress(OSError, KeyError, ValueError):  # there is none, or its limit is "max"
            free.append(int(Path("/sys/fs/cgroup", most).read_text("ascii")) - _numbers(f"/sys/fs/cgroup/{used}")[kind])
    if limit := address_space():
        with suppress(OSError, KeyError):
            free.append(limit - 1024 * _numbers("/proc/self/status")["VmSize:"])
    return max(0, min(free))


def _numbers(path: str) -> dict[str, int]:
    """The lines of a file of Linux that begin with a name and a number."""
    words = [line.split() for line in Path(path).read_text("ascii", "replace").splitlines()]
    return {name: int(number) for name, number, *_ in (line for line in words if len(line) > 1) if number.isdecimal()}
