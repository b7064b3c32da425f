"""How a process that trains on the CPU holds its memory.

The C library of Linux gives each large block back to the system when it is freed, and the system clears every page of
the next one anew: a training step frees and takes the same activations again and again, which costs up to 15 % of it
(measured: benchmarks/README.md). Elsewhere these functions do nothing.
"""

import ctypes
import platform
from functools import cache
from pathlib import Path

from wgan.utils.system import address_space

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
LARGEST = 2**31 - 1  # the largest value that mallopt takes, a C int
PAD = 2**30  # address space that the heap grows by, in bytes; it takes memory where it is written to
MMAP_THRESHOLD = 32 * 2**20
"""glibc's own upper bound: it maps blocks beyond it one by one, where the heap has no room for them."""


def keep_freed() -> None:
    """From now on freed memory stays with the process, for the next step."""
    if glibc := _glibc():
        glibc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        glibc.mallopt(M_TRIM_THRESHOLD, LARGEST)
        if not _address_space_is_rationed():
            glibc.mallopt(M_TOP_PAD, PAD)
            glibc.free(glibc.malloc(MMAP_THRESHOLD - 4096))  # the heap grows now: the first large blocks fit in


def give_back() -> None:
    """Return what is free to the system: after work that took more than a step does."""
    if glibc := _glibc():
        glibc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    glibc = ctypes.CDLL(None)
    glibc.malloc.restype, glibc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    return glibc


def _address_space_is_rationed() -> bool:
    """Whether it is limited (`ulimit -v`, some clusters) or counts as memory (overcommit_memory 2)."""
    try:
        strict = Path("/proc/sys/vm/overcommit_memory").read_text(encoding="utf-8").strip() == "2"
    except OSError:
        strict = True  # a sandbox that hides it may ration as well
    return strict or address_space() is not None
