import math

import pytest
import torch
from sklearn.datasets import make_swiss_roll

from wgan.data.toy_2d import HELD_OUT_POINTS, TOYS, TRAIN_POINTS, eight_centres, toy, twenty_five_centres


@pytest.mark.parametrize("name", TOYS)
def test_points_follow_from_the_seed(name: str) -> None:
    train, held_out = toy(name, seed=5)
    assert train.images.shape == (TRAIN_POINTS, 2)
    assert held_out.images.shape == (HELD_OUT_POINTS, 2)
    assert train.images.dtype == torch.float32
    assert torch.equal(toy(name, seed=5)[0].images, train.images)
    assert not torch.equal(toy(name, seed=6)[0].images, train.images)
    assert not torch.isin(held_out.images[:, 0], train.images[:, 0]).all()


@pytest.mark.parametrize(
    ("name", "centres", "deviation"),
    [("8gaussians", eight_centres(), 0.02 / 1.414), ("25gaussians", twenty_five_centres(), 0.05 / 2.828)],
)
def test_gaussians_lie_around_their_centres(name: str, centres: torch.Tensor, deviation: float) -> None:
    points = toy(name, seed=0)[0]
    assert points.labels is not None
    modes = len(centres)
    assert len(points.class_names) == modes
    counts = points.labels.bincount()
    assert (counts - TRAIN_POINTS / modes).abs().max() < 5 * math.sqrt(TRAIN_POINTS / modes)
    offsets = points.images - centres[points.labels]
    assert offsets.std(0).tolist() == pytest.approx([deviation, deviation], rel=0.02)
    assert torch.equal(torch.cdist(points.images, centres).argmin(1), points.labels)


def test_the_centres_are_those_of_the_paper() -> None:
    half = 1 / math.sqrt(2)
    corners = [(1, 0), (half, half), (0, 1), (-half, half), (-1, 0), (-half, -half), (0, -1), (half, -half)]
    assert torch.allclose(eight_centres(), torch.tensor(corners) * 2 / 1.414, atol=1e-6)
    grid = [(2 * x / 2.828, 2 * y / 2.828) for x in range(-2, 3) for y in range(-2, 3)]
    assert torch.allclose(twenty_five_centres(), torch.tensor(grid))


def test_the_swiss_roll_is_distributed_as_scikit_learn_s() -> None:
    ours = toy("swissroll", seed=0)[0].images
    reference = make_swiss_roll(TRAIN_POINTS, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    theirs = torch.from_numpy(reference).float()
    quantiles = torch.linspace(0.01, 0.99, 50)
    for ours_1d, theirs_1d in (
        (ours[:, 0], theirs[:, 0]),
        (ours[:, 1], theirs[:, 1]),
        (ours.norm(dim=1), theirs.norm(dim=1)),
    ):
        assert torch.allclose(ours_1d.quantile(quantiles), theirs_1d.quantile(quantiles), atol=0.03)
