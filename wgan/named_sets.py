"""What is known of the sets that have a name before a file of theirs is read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NamedSet:
    """One set.

    Attributes:
        training: how many images or points there are to train on, all classes together.
        class_names: one for each label; empty without labels.
        side: height and width in pixels; 0 for points in the plane.
        channels: 1 for grey, 3 for colour; 0 for points.
    """

    training: int
    class_names: tuple[str, ...] = ()
    side: int = 0
    channels: int = 0


_FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_DIGITS = tuple("0123456789")
NAMED_SETS = {
    "mnist-5k": NamedSet(4_500, _DIGITS, side=28, channels=1),
    "mnist": NamedSet(60_000, _DIGITS, side=28, channels=1),
    "fashion-mnist": NamedSet(60_000, _FASHION, side=28, channels=1),
    "cifar10": NamedSet(50_000, _CIFAR10, side=32, channels=3),
    "8gaussians": NamedSet(100_000, tuple(map(str, range(8)))),
    "25gaussians": NamedSet(100_000, tuple(map(str, range(25)))),
    "swissroll": NamedSet(100_000),
}
