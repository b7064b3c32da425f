"""What is known of the sets that have a name before a file of theirs is read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NamedSet:
    """One set."""

    training: int  # how many images or points there are to train on, all classes together
    class_names: tuple[str, ...] = ()  # one for each label; empty without labels
    class_sizes: tuple[int, ...] = ()  # of `training`; empty where there are no classes, or the seed decides
    side: int = 0  # height and width in pixels; 0 for points in the plane
    channels: int = 0  # 1 for grey, 3 for colour; 0 for points


_FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_DIGITS = tuple("0123456789")
_MNIST_5K = (429, 464, 452, 451, 457, 437, 460, 445, 441, 464)  # what data.sets.split leaves of 500 of each
_MNIST = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
NAMED_SETS = {
    "mnist-5k": NamedSet(4_500, _DIGITS, _MNIST_5K, side=28, channels=1),
    "mnist": NamedSet(60_000, _DIGITS, _MNIST, side=28, channels=1),
    "fashion-mnist": NamedSet(60_000, _FASHION, (6_000,) * 10, side=28, channels=1),
    "cifar10": NamedSet(50_000, _CIFAR10, (5_000,) * 10, side=32, channels=3),
    "8gaussians": NamedSet(100_000, tuple(map(str, range(8)))),
    "25gaussians": NamedSet(100_000, tuple(map(str, range(25)))),
    "swissroll": NamedSet(100_000),
}
POINT_SETS = tuple(name for name, known in NAMED_SETS.items() if not known.side)
"""Those that hold points in the plane, not images."""
