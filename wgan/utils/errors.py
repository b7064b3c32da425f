"""What can go wrong for a user, each with its exit status, and what a machine's errors mean for them.

Anything else is our own fault and keeps its traceback.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

OUT_OF_MEMORY = (
    "out of memory",  # CUDA, XPU, HIP, MPS
    "can't allocate memory",  # the CPU's allocator raises a plain RuntimeError
    "ALLOC_FAILED",  # cuBLAS, cuDNN
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
    if isinstance(error, OSError):
        return _disk_error(error, place)
    if is_out_of_memory(error):
        halved = f"set batch_size: {batch_size // 2} (now {batch_size})"
        remedy = halved if batch_size > 1 else "take a smaller image_size"
        return f"{device} has too little memory: {remedy} or fewer feature maps."
    return None


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
    advice = ADVICE.get(error.errno or 0, "")
    return f"{error.filename or place}: {error.strerror or error}{f': {advice}' if advice else ''}."


def first_line(error: Exception) -> str:
    """Of its message, or its kind where it has none."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the CPU or on an accelerator."""
    import torch  # where only files are written nobody waits for it

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)
