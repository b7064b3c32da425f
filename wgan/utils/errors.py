"""What can go wrong for a user, each with its exit status, and what a machine's errors mean for them.

Anything else is our own fault and keeps its traceback.
"""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wgan.utils import console
from wgan.utils.system import address_space
from wgan.utils.text import printable

OUT_OF_MEMORY = (
    "out of memory",  # CUDA, XPU, HIP, MPS
    "can't allocate memory",  # the CPU's allocator raises a plain RuntimeError
    "ALLOC_FAILED",  # cuBLAS, cuDNN
    "could not create a primitive",  # oneDNN
    "bad_alloc",  # C++
    "can't start new thread",  # there is no room for its stack
    "failed to map segment",  # of a library that is loaded
)
ADVICE = {
    errno.ENOSPC: "free some space on that disk, or set a smaller keep_checkpoints",
    errno.EDQUOT: "your quota is used up: free some space, or write elsewhere (out:)",
    errno.EACCES: "make it writable, or write elsewhere (out:)",
    errno.EPERM: "make it writable, or write elsewhere (out:)",
    errno.EROFS: "write elsewhere (out:)",
    errno.EIO: "the disk or the network share fails: the system's log tells more",
    errno.ESTALE: "the network share has gone: mount it anew",
}


class UserError(Exception):
    """One clear message (what, where, what to do); the entry prints it without a traceback."""

    exit_status = 2  # what the process ends with


class InputError(UserError):
    """The YAML, the images or a checkpoint cannot be used: nothing was started, nothing was written."""


class RunFault(UserError):
    """The machine failed a training that had begun (full disk, out of memory): the last checkpoint is intact."""

    exit_status = 1


class Diverged(RunFault):
    """A loss or a weight became infinite or no number: the last good checkpoint is intact."""


def explain(error: Exception, batch_size: int, device: str, place: object) -> str | None:
    """What happened and what to do; None for what is no fault of the machine.

    `device` is its name for people; `place` is named where an error of the file system names no file.
    """
    if is_out_of_memory(error):
        halved = f"set batch_size: {batch_size // 2} (now {batch_size})"
        remedy = halved if batch_size > 1 else "take a smaller image_size"
        return f"{device} has too little memory: {remedy} or fewer feature maps{_ration()}."
    if isinstance(error, OSError):
        return _disk_error(error, place)
    return None


def exit_status(work: Callable[[], int | None]) -> int:
    """That of a process which does `work`: what a user can cause is told in one line, without a traceback."""
    try:
        return work() or 0
    except UserError as error:
        console.error(error)
        return error.exit_status
    except PermissionError as error:  # met where no block explains it: as a rule somebody else's folder
        place = printable(str(error.filename or "a file"))
        console.error(f"{place}: {error.strerror}: give yourself the right to it, or name another place")
        return UserError.exit_status
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (package := (error.name or "wgan").partition(".")[0]) != "wgan":
            told = f"The package {package} is not installed for {sys.executable}: pip install -r requirements.txt"
            console.error(told)
            return UserError.exit_status
        if not is_out_of_memory(error):
            raise
        console.error(f"Stopped: {too_little_memory('to go on', error)}")
        return UserError.exit_status


def too_little_memory(purpose: str, error: BaseException) -> str:
    """What happened and what to do, where no key of the YAML would help."""
    return f"there is too little memory {purpose} ({first_line(error)}): free some, or ask for more{_ration()}."


def _ration() -> str:
    """How much this process may take, where that is limited."""
    limit = address_space()
    return "" if limit is None else f" (this process may take {limit / 1e9:.3g} GB of address space: ulimit -v)"


@contextmanager
def explain_disk_errors(place: object) -> Iterator[None]:
    """Turn an error of the file system, in a block that computes nothing, into one line as `explain` does.

    Raises:
        RunFault: the disk is full, a right is missing, a share has gone.
    """
    try:
        yield
    except OSError as error:
        raise RunFault(_disk_error(error, place)) from error


def _disk_error(error: OSError, place: object) -> str:
    return f"{printable(str(error.filename or place))}: {reason(error)}."


def reason(error: Exception) -> str:
    """What an error says, in one line: the system's words and what to do, or its kind and its message."""
    if not isinstance(error, OSError):
        return f"{type(error).__name__}: {first_line(error)}"
    advice = ADVICE.get(error.errno or 0, "")
    return f"{error.strerror or error}{f': {advice}' if advice else ''}"


def first_line(error: BaseException) -> str:
    """Of its message, or its kind where it has none."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, on the CPU or on an accelerator, here or in what led to the error."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        if isinstance(error, RuntimeError | ImportError | OSError) and any(s in str(error) for s in OUT_OF_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False
