"""What a machine can do to a training, in one line that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from wgan.utils.errors import RunFault

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


def explained(error: Exception, batch_size: int, device: str, place: object) -> str | None:
    """What happened and what to do; None for what is no fault of the machine.

    Args:
        error: what was raised.
        batch_size: of the training.
        device: its name, for people.
        place: named where an error of the file system names no file.
    """
    if isinstance(error, OSError):
        return _of_the_disk(error, place)
    if is_out_of_memory(error):
        remedy = (
            f"set batch_size: {batch_size // 2} (now {batch_size})" if batch_size > 1 else "take a smaller image_size"
        )
        return f"{device} has too little memory: {remedy} or fewer feature maps."
    return None


@contextmanager
def of_the_disk_explained(place: object) -> Iterator[None]:
    """Turn an error of the file system, in a block that computes nothing, into one line that says what to do.

    Args:
        place: named where the error names no file.

    Raises:
        RunFault: the disk is full, a right is missing, a share has gone.
    """
    try:
        yield
    except OSError as error:
        raise RunFault(_of_the_disk(error, place)) from error


def _of_the_disk(error: OSError, place: object) -> str:
    advice = ADVICE.get(error.errno or 0, "")
    return f"{error.filename or place}: {error.strerror or error}{f': {advice}' if advice else ''}."


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the CPU or on an accelerator."""
    import torch  # where only files are written nobody waits for it

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)
