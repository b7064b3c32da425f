"""Figures order sets of images as the eye does: each worse set, on real digits, gets the worse figure.

The real images are the digits 0 to 4; "other class" are the digits 5 to 9. One set of steps for all metrics, small
enough that none is easy. Figures of random features see texture before class: for them a slight blur is farther than
another class, so their order has these two the other way round.
"""

import os
import pickle
from pathlib import Path

import pytest
from filelock import FileLock
from real_digits import blurred, digits, noisy, random_pixels

from wgan.metrics import classifier, distribution, swd
from wgan.metrics.evaluate import evaluate
from wgan.metrics.report import Report
from wgan.metrics.resampling import subsets

pytestmark = pytest.mark.slow

COUNT = 350
REQUIRED_FIELDS = ["real", "light noise", "strong noise", "blurred", "other class", "random pixels"]
NOISE = ["real", "light noise", "strong noise", "random pixels"]
TEXTURE = ["real", "light noise", "strong noise", "other class", "blurred", "random pixels"]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Measured once, by whichever of the processes that share the tests comes first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    file = shared / "sanity_order.pickle"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            file.write_bytes(pickle.dumps(measured(tmp_path_factory.mktemp("cache"))))
        found: dict[str, Report] = pickle.loads(file.read_bytes())
    return found


def measured(cache: Path) -> dict[str, Report]:
    real, other = digits("01234"), digits("56789")
    held_out, train = real[:COUNT], real[2 * COUNT :]
    fake = real.images[COUNT : 2 * COUNT]
    sets = {
        "real": fake,
        "light noise": noisy(fake, 10),
        "strong noise": noisy(fake, 16),
        "blurred": blurred(fake, 0.6),
        "other class": other.images[:COUNT],
        "random pixels": random_pixels(COUNT, 1, 28),
    }
    groups = ["swd", "prdc", "mmd", "emd", "classifier"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "MOST_UPDATES", 250)  # enough for five digits
        patch.setattr(swd, "DIRECTIONS", 128)
        found = {"real": evaluate(sets.pop("real"), held_out, train, groups, 0, "cpu", cache=cache)}
        patch.setattr(distribution, "subsets", lambda *of: subsets(*of)[:2])  # nobody looks at the others' intervals
        return found | {name: evaluate(x, held_out, train, groups, 0, "cpu", cache=cache) for name, x in sets.items()}


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("swd", REQUIRED_FIELDS),
        ("frechet_classifier", REQUIRED_FIELDS),
        ("mmd", TEXTURE),
        ("mmd_cubic", TEXTURE),
        ("emd", ["light noise", "strong noise", "other class", "random pixels"]),
        ("emd_colour", NOISE),
    ],
)
def test_distances_grow_from_each_set_to_the_next_worse(key: str, order: list[str], reports: dict[str, Report]) -> None:
    values = [reports[name].values()[key] for name in order]
    assert values == sorted(values)
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("key", ["recall", "coverage"])
def test_recall_and_coverage_fall_from_each_set_to_the_next_worse(key: str, reports: dict[str, Report]) -> None:
    values = [reports[name].values()[key] for name in TEXTURE]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("key", ["precision", "density"])
def test_precision_and_density_prefer_light_noise_to_real_images(key: str, reports: dict[str, Report]) -> None:
    """Why neither ranks runs."""
    assert reports["light noise"].values()[key] > reports["real"].values()[key]


@pytest.mark.parametrize("key", ["swd", "mmd", "coverage", "recall", "precision"])
def test_real_images_are_as_near_as_real_against_real(key: str, reports: dict[str, Report]) -> None:
    figure = next(f for f in reports["real"].metrics if f.key == key)
    assert figure.real is not None
    half = max(figure.high - figure.value, figure.value - figure.low)
    assert abs(figure.value - figure.real) < 2 * half, "both carry this noise"


def test_psnr_and_the_distance_of_pixels_prefer_a_blur_to_real_images(reports: dict[str, Report]) -> None:
    """Why the table has more than these: the README says so, and this is its evidence."""
    assert reports["blurred"].values()["emd"] < reports["real"].values()["emd"]
    real = digits("01234")
    sharp, soft = (
        evaluate(x, real[:COUNT], real[2 * COUNT :], ["paired"], 0, "cpu").values()["psnr"]
        for x in (real.images[COUNT : 2 * COUNT], blurred(real.images[COUNT : 2 * COUNT], 3))
    )
    assert soft > sharp + 1
