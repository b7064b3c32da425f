"""The adjoint network gives the gradient that double backward gives."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wgan.networks.base import Critic
from wgan.networks.build import new_critic
from wgan.networks.layers import Conv2d

SIZES = [28, 32, 48, 64, 96, 128, 256]


def double_backward(critic: Critic, images: Tensor) -> Tensor:
    images = images.clone().requires_grad_()
    return torch.autograd.grad(critic(images).sum(), images, create_graph=True)[0]


def penalty_gradients(critic: Critic, gradient: Tensor) -> list[Tensor]:
    """What the weights get from WGAN-GP's penalty and, by the fourth power, WGAN-div's alike."""
    norms = gradient.flatten(1).norm(dim=1)
    penalty = (norms - 1).square().mean() + norms.pow(4).mean()
    return [
        torch.zeros(1) if g is None else g for g in torch.autograd.grad(penalty, critic.parameters(), allow_unused=True)
    ]


def critics() -> list:
    makes = [pytest.param(lambda s=s: new_critic("conv", (3, s, s), 2), s, id=f"conv-{s}") for s in SIZES]
    makes += [pytest.param(lambda s=s: new_critic("resnet", (3, s, s), 2), s, id=f"resnet-{s}") for s in SIZES]
    makes += [pytest.param(lambda: new_critic("dense", (3, 28, 28), 2), 28, id="dense-28")]
    for kind, s in (("resnet32", 28), ("resnet32", 32), ("resnet64", 64)):
        makes += [pytest.param(lambda k=kind, s=s: new_critic(k, (3, s, s), 2), s, id=f"{kind}-{s}")]
    for kind in ("conv", "resnet", "resnet32", "resnet64", "mnist", "dense"):
        makes += [pytest.param(lambda k=kind: new_critic(k, (3, 32, 32), 2, activation="relu"), 32, id=f"{kind}-relu")]
    spectral = {"spectral_norm": True}
    makes += [
        pytest.param(lambda: new_critic("resnet", (3, 32, 32), 2, **spectral).eval(), 32, id="resnet-32-spectral")
    ]
    return makes


def prepared(make, size: int) -> tuple[Critic, Tensor]:
    torch.manual_seed(size)
    critic = make()
    assert critic.piecewise_linear
    for p in critic.parameters():  # gradients of order one, so that the penalty's kink at 1 is away
        nn.init.normal_(p, 0.0, 0.3)
    return critic, torch.randn(3, 3, size, size)


def derivatives(critic: Critic, images: Tensor, adjoint: bool) -> list[Tensor]:
    """The input gradient, and the penalty's gradient by each weight; in float64."""
    gradient = critic.input_gradient(images) if adjoint else double_backward(critic, images)
    return [t.double() for t in (gradient, *penalty_gradients(critic, gradient))]


def distance(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


@pytest.mark.parametrize(("make", "size"), critics())
def test_adjoint_equals_double_backward(make, size: int) -> None:
    critic, images = prepared(make, size)
    critic, images = critic.double(), images.double()
    for ours, theirs in zip(derivatives(critic, images, True), derivatives(critic, images, False), strict=True):
        assert distance(ours, theirs) < 1e-10


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (28, 16), (56, 32)])
@pytest.mark.parametrize("kind", ["conv", "resnet", "resnet32", "resnet64", "mnist", "dense"])
def test_of_images_that_are_no_squares_too(kind: str, shape: tuple[int, int]) -> None:
    critic, _ = prepared(lambda: new_critic(kind, (3, *shape), 2).double(), sum(shape))
    images = torch.randn(3, 3, *shape, dtype=torch.float64)
    for ours, theirs in zip(derivatives(critic, images, True), derivatives(critic, images, False), strict=True):
        assert distance(ours, theirs) < 1e-10
        assert ours.any() == theirs.any()


@pytest.mark.parametrize("sides", [(9, 14), (10, 7)])
def test_pixels_that_no_kernel_reaches_get_no_gradient_whichever_side_has_them(sides: tuple[int, int]) -> None:
    layer = Conv2d(2, 3, 4, 2, 1).double()
    x = torch.randn(2, 2, *sides, dtype=torch.float64, requires_grad=True)
    y, adjoint = layer.linearise(x)
    gradient = torch.randn_like(y)
    assert torch.allclose(adjoint(gradient), torch.autograd.grad(F.conv2d(x, layer.weight, None, 2, 1), x, gradient)[0])


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("kind", ["conv", "resnet", "resnet32", "resnet64", "mnist"])
@pytest.mark.parametrize("size", [28, 48])
def test_the_adjoint_of_a_projection_takes_the_images_own_class(kind: str, size: int, spectral_norm: bool) -> None:
    classes = dict.fromkeys("abcde", 1)
    make = partial(new_critic, kind, (3, size, size), 2, spectral_norm=spectral_norm, classes=classes)
    critic, images = prepared(lambda: make().eval(), size)
    critic, images, labels = critic.double(), images.double(), torch.tensor([4, 0, 3])
    at = images.clone().requires_grad_()
    (truth,) = torch.autograd.grad(critic(at, labels).sum(), at, create_graph=True)
    expected = penalty_gradients(critic, truth)
    scores, gradient = critic.scores_and_gradient(images, labels)
    assert distance(scores, critic(images, labels)) < 1e-12
    for found in (critic.input_gradient(images, labels), gradient):
        assert distance(found, truth) < 1e-10
        for ours, theirs in zip(penalty_gradients(critic, found), expected, strict=True):
            assert distance(ours, theirs) < 1e-10
    other = critic.input_gradient(images, torch.tensor([4, 0, 2]))
    assert torch.allclose(other[:2], truth[:2], rtol=1e-10)
    assert distance(other[2], truth[2]) > 1e-3


def test_the_embeddings_are_normalised_too() -> None:
    critic = new_critic("resnet", (3, 32, 32), 4, spectral_norm=True, classes=dict.fromkeys("abc", 1)).train()
    for _ in range(50):
        critic(torch.randn(2, 3, 32, 32), torch.tensor([0, 1]))
    assert torch.linalg.matrix_norm(critic.main[-1].embedding.weight, 2).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "size"), critics())
def test_in_float32_it_is_as_near_the_truth_as_double_backward(make, size: int) -> None:
    """Both round; neither may be off by more than 1e-5, or by much more than the other where sums are long."""
    critic, images = prepared(make, size)
    ours, theirs = derivatives(critic, images, True), derivatives(critic, images, False)
    truth = derivatives(critic.double(), images.double(), False)
    for a, b, true in zip(ours, theirs, truth, strict=True):
        assert distance(a, true) < max(1e-5, 3 * distance(b, true))


@pytest.mark.parametrize("critic_norm", ["instance", "layer"])
@pytest.mark.parametrize("kind", ["conv", "resnet", "resnet32", "resnet64"])
def test_a_norm_takes_the_ordinary_double_backward(kind: str, critic_norm: str) -> None:
    critic = new_critic(kind, (1, 28, 28), 4, critic_norm).double()
    assert not critic.piecewise_linear
    images = torch.randn(3, 1, 28, 28, dtype=torch.float64)
    step = 1e-6
    direction = torch.randn_like(images)
    difference = (critic(images + step * direction) - critic(images - step * direction)) / (2 * step)
    slope = (critic.input_gradient(images) * direction).flatten(1).sum(1)
    assert torch.allclose(difference, slope, rtol=1e-5, atol=1e-9)
