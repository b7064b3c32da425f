"""Wasserstein GANs on your own images. Importing this package is cheap: torch is loaded by the modules that compute."""

from pathlib import Path
from typing import TYPE_CHECKING

from wgan.utils.version import __version__

if TYPE_CHECKING:
    from wgan.networks.base import Generator

__all__ = ["__version__", "load_generator"]


def load_generator(path: str | Path) -> "Generator":
    """The averaged generator of a run, ready to sample: `load_generator("out/digits").sample(16, seed=1)`.

    `path` is a run's directory, a checkpoint file, or the state_dict of a DCGAN generator (`networks.pretrained`). The
    generator is on the CPU, in evaluation mode; `sample` gives (count, C, H, W), float32 in [-1, 1], of a conditional
    run `sample(16, classes=["owl", "wren"])` those classes in turn.

    Raises:
        InputError: there is no such file, it is damaged, or it holds no generator.
    """
    from wgan.networks import pretrained

    return pretrained.load_generator(Path(path))
