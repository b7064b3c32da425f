"""What a machine can do to a training, in one line that says what to do."""

import errno

import torch

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
        advice = ADVICE.get(error.errno or 0, "")
        return f"{error.filename or place}: {error.strerror or error}{f': {advice}' if advice else ''}."
    if is_out_of_memory(error):
        remedy = (
            f"set batch_size: {batch_size // 2} (now {batch_size})" if batch_size > 1 else "take a smaller image_size"
        )
        return f"{device} has too little memory: {remedy} or fewer feature maps."
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the CPU or on an accelerator."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)
