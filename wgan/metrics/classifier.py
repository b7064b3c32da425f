"""A small classifier of the run's own labelled images: which classes are generated, and how far its features are.

It stands where Inception stands for photographs, knows the data at hand, and needs no download.
"""

import hashlib
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from statistics import fmean

import torch
from filelock import FileLock
from torch import Tensor, nn
from torch.nn import functional as F

from wgan.config.metrics import Metric, spec_of
from wgan.data.image_set import ImageSet, hold_out
from wgan.metrics.distribution import LARGEST, RULER, Sets, drawn, measure, most_used
from wgan.metrics.features import LARGEST as LARGEST_SIDE
from wgan.metrics.features import batched, digest_of, he_normal_fan_out_
from wgan.metrics.frechet import frechet_distance
from wgan.metrics.images import EvaluationInputs, LeftOut, draw, to_unit
from wgan.metrics.report import Report
from wgan.runs import checkpoint
from wgan.utils.atomic_io import make_folder, replacing
from wgan.utils.errors import InputError
from wgan.utils.rng import generator

MOST_IMAGES = 50_000  # it is trained on at most
LEAST_UPDATES, MOST_UPDATES = 300, 3800
EPOCHS, BATCH, RATE = 20, 64, 3e-3
FEATURES = 16, 16, 32  # of each depth
REACH = 28  # images are shifted by up to a 28th of their side: one pixel of 28
RECIPE = f"classifier 3 {LEAST_UPDATES} {MOST_UPDATES} {EPOCHS} {BATCH} {RATE} {FEATURES} {REACH}"
"""Part of the cached file's name: change it with the recipe."""
PATIENCE = 900.0  # seconds that a process waits for another one to train the same classifier
LEAST = 10  # images of a class that have a distance from others
PRESENT = 0.1  # a class counts as generated from a tenth of its share among real images upwards


class Classifier(nn.Module):
    """(N, C, H, W) uint8 to logits: three convolutions with batch norm, features of each, one linear layer.

    The features of the shallow layers still see what a class does not depend on: noise, blur, a pixel's shift. Images
    above 64 pixels are averaged down; those above 32 meet a first convolution with a stride.
    """

    def __init__(self, train: ImageSet) -> None:
        super().__init__()
        channels, *sides = train.images.shape[1:]
        stride = math.ceil(min(max(sides), LARGEST_SIDE) / 32)
        layers = (channels, 32, 2 * stride + 1, stride, 2), (32, 64, 3, 1, 2), (64, 128, 3, 1, 1)
        self.convolutions = nn.ModuleList(
            nn.Sequential(  # the largest of four, then the ReLU: the same as the other way round, in a quarter of it
                nn.Conv2d(i, o, k, s, k // 2, bias=False),
                nn.BatchNorm2d(o),
                nn.MaxPool2d(pool) if pool > 1 else nn.Identity(),
                nn.ReLU(inplace=True),
            )
            for i, o, k, s, pool in layers
        )
        self.projections = nn.ModuleList(
            nn.Sequential(
                *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * layer[1], features, bias=False)),
                nn.BatchNorm1d(features, affine=False),
            )
            for layer, features in zip(layers, FEATURES, strict=True)
        )
        self.head = nn.Linear(sum(FEATURES), len(train.class_names))
        self.to(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        """(N, 64) features before their ReLU, of mean 0 and deviation 1 over the images it was trained on."""
        maps = to_unit(images, self.head.weight.device, LARGEST_SIDE) * 2 - 1
        found = []
        for convolution, projection in zip(self.convolutions, self.projections, strict=True):
            maps = convolution(maps)
            found.append(projection(maps))
        return torch.cat(found, dim=1)

    def logits(self, features: Tensor) -> Tensor:
        """(N, classes) of (N, 64) features."""
        found: Tensor = self.head(F.relu(features))
        return found


def classifier_metrics(inputs: EvaluationInputs) -> Report:
    """Fréchet distance, class histogram, classes generated, confidence; and the counts of each class."""
    train = inputs.train
    if train.labels is None or len(train.class_names) < 2:
        raise LeftOut("needs labelled images of two classes or more and was left out.")
    seen, unseen = kept_back(train)
    sets = drawn(inputs, part=unseen)
    network, notes = trained(seen, inputs.device, inputs.cache)
    features = sets.map(lambda images: batched(images, network.features))
    network.cpu()

    asked = Report()
    section = f"a classifier trained on the training images, {len(sets.fake)} images each"
    if inputs.asked is not None:
        held_out, others = (ImageSet(each.labels) for each in (inputs.held_out, unseen) if each.labels is not None)
        labels = Sets.draw(len(sets.fake), inputs.asked, held_out, others, RULER, "sets")  # of the images in `sets`
        asked = compared_by_class(network, features, labels, train.class_names, section)

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

    counts = [_counts(probabilities(rows)).tolist() for rows in (features.fake, features.real)]
    told = f"The classifier names {accuracy(network, inputs.held_out):.1%} of the held-out images correctly."
    return Report(
        measure(compared, features, section) + asked.metrics,
        (told, *notes, *asked.notes),
        tuple(zip(train.class_names, *counts, strict=True)),
        confusion=asked.confusion,
    )


@torch.no_grad()
def compared_by_class(network: Classifier, features: Sets, labels: Sets, names: Sequence[str], section: str) -> Report:
    """What was generated against what was asked for, and each class against the real images of it.

    `labels` are those of the images, (N,) of each kind; a class of fewer than `LEAST` images of a kind has no distance.
    """

    def distances(fake: Tensor, real: Tensor) -> dict[str, float]:
        pairs = {name: [rows[rows[:, -1] == k, :-1] for rows in (fake, real)] for k, name in enumerate(names)}
        return {name: frechet_distance(*pair) for name, pair in pairs.items() if min(map(len, pair)) >= LEAST}

    def compared(fake: Tensor, real: Tensor) -> dict[str, float]:
        found, right = distances(fake, real).values(), taken_for(fake[:, :-1]) == fake[:, -1]
        return {"class_asked": float(right.double().mean()), "frechet_classes": fmean(found or [math.nan])}

    def taken_for(rows: Tensor) -> Tensor:
        return network.logits(rows).argmax(dim=1)

    beside = Sets(*(torch.cat([rows, of[:, None]], dim=1) for rows, of in zip(features, labels, strict=True)))
    worst = sorted(distances(beside.fake, beside.real).items(), key=lambda pair: -pair[1])[:10]
    note = f"Fréchet distance by class, the largest: {', '.join(f'{name} {value:.3g}' for name, value in worst)}."
    places = labels.fake * len(names) + taken_for(features.fake)
    confusion = torch.bincount(places, minlength=len(names) ** 2).view(-1, len(names)).tolist()
    return Report(measure(compared, beside, section), (note,), confusion=tuple(map(tuple, confusion)))


def cas_metrics(inputs: EvaluationInputs) -> Report:
    """Classification accuracy score (arXiv:1905.10887): train on generated or as many real images, test on held-out."""
    if inputs.asked is None or inputs.train.labels is None:
        raise LeftOut("needs generated images of which the class is known and was left out.")
    count, names = min(len(inputs.fake), len(inputs.train), MOST_IMAGES), inputs.train.class_names
    real = inputs.train[draw(count, len(inputs.train), RULER, "cas")]
    made = ImageSet(inputs.fake[:count], inputs.asked[:count], names)
    value, best = (accuracy(_train(images, inputs.device), inputs.held_out) for images in (made, real))
    section, spec = f"{count:,} images train a classifier, which names held-out ones", spec_of("cas")
    return Report((Metric("cas", spec.name, section, value, spec.better, best),))


def kept_back(train: ImageSet) -> tuple[ImageSet, ImageSet]:
    """(what the classifier sees, what stands for the training images in the real-against-real values).

    A fifth, at most `LARGEST`, of which it sees no copy: of images it was trained on, its features are not those of
    new ones.
    """
    order = draw(len(train), len(train), RULER, "classifier/kept-back")
    seen, unseen, _ = hold_out(train.images, min(LARGEST, len(order) // 5), order.flip(0))  # the last of the order
    return train[seen.flip(0)[: most_used(train.images[0], MOST_IMAGES)]], train[unseen.flip(0)]


def _counts(probabilities: Tensor) -> Tensor:
    return torch.bincount(probabilities.argmax(dim=1), minlength=probabilities.shape[1])


def accuracy(network: Classifier, images: ImageSet) -> float:
    """Share of labelled images whose label is the most probable one; NaN without labels."""
    if images.labels is None:
        return float("nan")
    logits = batched(images.images, lambda batch: network.logits(network.features(batch)))
    return float((logits.argmax(dim=1) == images.labels).double().mean())


def trained(train: ImageSet, device: torch.device | str, cache: Path | None) -> tuple[Classifier, tuple[str, ...]]:
    """The classifier of `train`, from `cache` if it was trained before, and a note if it could not be kept there.

    `train` has labels of two classes or more and alone decides, so that all runs on the same images share one ruler.
    Of processes that share a cache one trains, and the others wait for it; `cache` None trains anew.
    """
    assert train.labels is not None
    if cache is None:
        return _train(train, device), ()
    recipe = hashlib.blake2b(RECIPE.encode(), digest_size=8).hexdigest()
    file = cache / "classifiers" / f"{digest_of(train.images, train.labels)}-{recipe}.pt"
    with _locked(file):
        network = Classifier(train)
        if _loaded(network, file):
            return network.to(device).eval(), ()
        network = _train(train, device)
        try:  # a cache that cannot be written must not cost a training its metrics
            make_folder(file.parent)
            with replacing(file) as temporary, temporary.open("wb") as opened:  # by name, torch would write that down
                torch.save(network.state_dict(), opened)
        except (OSError, RuntimeError, InputError) as error:  # torch reports a full disk as RuntimeError
            return network, (f"The classifier could not be kept in {file.parent} ({error}): it will be trained again.",)
        return network, ()


def _locked(file: Path) -> AbstractContextManager[object]:
    try:
        make_folder(file.parent)
        return FileLock(file.with_suffix(".lock")).acquire(timeout=PATIENCE)
    except (OSError, InputError):  # a cache that cannot be written can be read
        return nullcontext()


def _loaded(network: Classifier, file: Path) -> bool:
    """Whether `network` now has the weights in `file`; if not, it may have some of them."""
    with suppress(Exception):  # of a file that anybody can have made, a reader may say anything
        network.load_state_dict(checkpoint.load(file))
        return all(bool(values.isfinite().all()) for values in network.state_dict().values())
    return False


def _train(train: ImageSet, device: torch.device | str) -> Classifier:
    """Adam on shifted images, the rate rising and then falling linearly; a number of updates, never of seconds."""
    assert train.labels is not None
    network = Classifier(train)
    he_normal_fan_out_(network, generator(RULER, "classifier/weights"))
    network.to(device).train()
    updates = min(MOST_UPDATES, max(LEAST_UPDATES, EPOCHS * len(train) // BATCH))
    optimiser = torch.optim.Adam(network.parameters(), RATE, foreach=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, updates, pct_start=0.2, anneal_strategy="linear", cycle_momentum=False
    )
    order = draw(updates * BATCH, len(train), RULER, "classifier/batches").reshape(updates, BATCH)
    with torch.backends.cudnn.flags(benchmark=False, deterministic=True):
        for step, rows in enumerate(order):
            logits = network.logits(network.features(shifted(train.images, rows, generator(RULER, "shifts", step))))
            loss = F.cross_entropy(logits, train.labels[rows].to(device))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return network.eval()


def shifted(images: Tensor, rows: Tensor, random: torch.Generator) -> Tensor:
    """Some of (N, C, H, W) images, each moved by up to a `REACH`-th of each side, its edge repeated. Never mirrored: a
    letter mirrored is none, and the ruler must see it.
    """

    def places(side: int) -> Tensor:
        offsets = torch.randint(-(side // REACH), side // REACH + 1, (len(rows), 1), generator=random)
        return (torch.arange(side) + offsets).clamp_(0, side - 1)

    y, x = map(places, images.shape[2:])
    return images[rows[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
