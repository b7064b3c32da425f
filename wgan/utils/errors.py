"""What can go wrong for a user, each with its exit status. Anything else is our own fault and keeps its traceback."""


class UserError(Exception):
    """One clear message (what, where, what to do); the entry prints it without a traceback.

    Attributes:
        exit_status: what the process ends with.
    """

    exit_status = 2


class InputError(UserError):
    """The YAML, the images or a checkpoint cannot be used: nothing was started, nothing was written."""


class RunFault(UserError):
    """The machine failed a training that had begun (full disk, out of memory): the last checkpoint is intact."""

    exit_status = 1


class Diverged(RunFault):
    """A loss or a weight became infinite or no number: the last good checkpoint is intact."""
