"""Packages that only some keys need: whether they are installed is told with the YAML's other mistakes."""

from collections.abc import Iterator
from importlib.util import find_spec

from wgan.config.diagnostics import Problem
from wgan.config.schema import Keys, TrainKeys

RAY = "ray needs a package that is not installed: pip install -r requirements-ray.txt"
TENSORBOARD = "needs the package tensorboard, which is not installed: pip install tensorboard"


def checked(config: Keys) -> Iterator[Problem]:
    """What a configuration needs and is not there. Looks for packages without importing them."""
    if not isinstance(config, TrainKeys):
        return
    if config.tensorboard and find_spec("tensorboard") is None:
        yield Problem(("tensorboard",), f"{TENSORBOARD}, or set false: log.csv holds the same figures")
    if config.sweep and config.executor == "ray" and find_spec("ray") is None:
        yield Problem(("executor",), RAY, involves=("sweep",))
