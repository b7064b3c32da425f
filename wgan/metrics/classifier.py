"""A small classifier of the run's own labelled images: which classes are generated, and how far its features are.

It stands where Inception stands for photographs, knows the data at hand, and needs no download.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wgan.data.image_set import ImageSet
from wgan.metrics.distribution import LARGEST, drawn, measure
from wgan.metrics.features import batched, digest, he_normal_fan_out_
from wgan.metrics.frechet import frechet_distance
from wgan.metrics.images import EvaluationInputs, LeftOut, draw, to_unit
from wgan.metrics.report import Report
from wgan.runs import checkpoint
from wgan.utils.atomic_io import make_folder, replacing
from wgan.utils.errors import InputError
from wgan.utils.rng import generator

SIDE = 32  # larger images are averaged down to it
FEATURES = 64
STEPS, BATCH, RATE = 600, 128, 2e-3
RECIPE = f"classifier 1 {STEPS} {BATCH} {RATE} {FEATURES}"  # part of the cached file's name: change it with the recipe
PRESENT = 0.1  # a class counts as generated from a tenth of its share among real images upwards


class Classifier(nn.Module):
    """(N, C, H, W) uint8 to logits; three convolutions, 64 features, one linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, 32, 5, stride=2, padding=2), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, FEATURES)),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 64) features before their ReLU."""
        found: Tensor = self.body(to_unit(images, self.head.weight.device, SIDE) * 2 - 1)
        return found

    def logits(self, features: Tensor) -> Tensor:
        """(N, classes) of (N, 64) features."""
        found: Tensor = self.head(F.relu(features))
        return found


def classifier_metrics(inputs: EvaluationInputs) -> Report:
    """Fréchet distance, class histogram, classes generated, confidence; and the counts of each class.

    A fifth of the training images, at most `LARGEST`, is kept from the classifier and stands for them in the
    real-against-real values: on images it was trained on, its features are not those of new ones.
    """
    train = inputs.train
    if train.labels is None or len(train.class_names) < 2:
        raise LeftOut("needs labelled images of two classes or more and was left out.")
    order = draw(len(train), len(train), inputs.seed, "classifier/kept-back")
    seen, unseen = order.tensor_split([-min(LARGEST, len(order) // 5)])
    sets = drawn(inputs, part=train[unseen])
    network, notes = trained(train[seen], inputs.seed, inputs.device, inputs.cache)
    features = sets.map(lambda images: batched(images, network.features))
    network.cpu()

    def probabilities(rows: Tensor) -> Tensor:
        with torch.no_grad():
            return network.logits(rows).softmax(dim=1)

    def compared(fake: Tensor, real: Tensor) -> dict[str, float]:
        found, expected = probabilities(fake), probabilities(real)
        shares, real_shares = (_counts(each).double() / len(each) for each in (found, expected))
        return {
            "frechet_classifier": frechet_distance(fake, real),
            "class_imbalance": float((shares - real_shares).abs().sum() / 2),
            "class_coverage": float((shares >= PRESENT * real_shares)[real_shares > 0].double().mean()),
            "class_confidence": float(found.max(dim=1).values.double().mean()),
        }

    section = f"a classifier trained on the training images, {len(sets.fake)} images each"
    counts = [_counts(probabilities(rows)).tolist() for rows in (features.fake, features.real)]
    return Report(
        measure(compared, features, section, jackknife=True),
        (f"The classifier names {accuracy(network, inputs.held_out):.1%} of the held-out images correctly.", *notes),
        tuple(zip(train.class_names, *counts, strict=True)),
    )


def _counts(probabilities: Tensor) -> Tensor:
    return torch.bincount(probabilities.argmax(dim=1), minlength=probabilities.shape[1])


def accuracy(network: Classifier, images: ImageSet) -> float:
    """Share of labelled images whose label is the most probable one; NaN without labels."""
    if images.labels is None:
        return float("nan")
    logits = batched(images.images, lambda batch: network.logits(network.features(batch)))
    return float((logits.argmax(dim=1) == images.labels).double().mean())


def trained(
    train: ImageSet, seed: int, device: torch.device | str, cache: Path | None
) -> tuple[Classifier, tuple[str, ...]]:
    """The classifier of `train`, from `cache` if it was trained before, and a note if it could not be kept there.

    `train` has labels of two classes or more; `seed` is that of initialisation and batches; `cache` None trains anew.
    """
    assert train.labels is not None
    network = Classifier(train.images.shape[1], len(train.class_names)).to(device)
    recipe = hashlib.blake2b(f"{RECIPE} {seed}".encode(), digest_size=8).hexdigest()
    file = cache / "classifiers" / f"{digest(train.images, train.labels)}-{recipe}.pt" if cache else None
    if file:
        with suppress(InputError, RuntimeError):  # no such file or a damaged one; whole, but of another network
            network.load_state_dict(checkpoint.load(file))
            return network.eval(), ()
    _train(network, train.images, train.labels, seed, device)
    try:  # a cache that cannot be written must not cost a training its metrics
        if file:
            make_folder(file.parent)
            with replacing(file) as temporary, temporary.open("wb") as opened:  # by name, torch would write that down
                torch.save(network.state_dict(), opened)
    except (OSError, RuntimeError, InputError) as error:  # torch reports a full disk as RuntimeError
        note = f"The classifier could not be kept in {file and file.parent} ({error}): it will be trained again."
        return network.eval(), (note,)
    return network.eval(), ()


def _train(network: Classifier, images: Tensor, labels: Tensor, seed: int, device: torch.device | str) -> None:
    """Adam with a rate that falls linearly to zero, on batches of the endless stream of permuted epochs."""
    he_normal_fan_out_(network, generator(seed, "classifier/weights"))
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    order = draw(STEPS * BATCH, len(images), seed, "classifier/batches")
    for batch in order.reshape(STEPS, BATCH):
        loss = F.cross_entropy(network.logits(network.features(images[batch])), labels[batch].to(device))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
