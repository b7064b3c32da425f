"""The networks of configs/seeds/003_one_digit.yaml, layer by layer."""

import torch
from torch import nn

from wgan.networks.build import new_critic, new_generator


def shapes(network: nn.Sequential, x: torch.Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """Each layer's name and the shape of its output for one image."""
    found = []
    for layer in network:
        x = layer(x)
        found.append((type(layer).__name__, tuple(x.shape[1:])))
    return found


def test_the_generator_is_the_documents() -> None:
    generator = new_generator("mnist", 100, (1, 28, 28), 128)
    assert shapes(generator.main, torch.zeros(2, 100, 1, 1)) == [
        *[("Flatten", (100,)), ("Linear", (128 * 7 * 7,)), ("LeakyReLU", (128 * 7 * 7,)), ("Unflatten", (128, 7, 7))],
        *[(name, (128, 14, 14)) for name in ("ConvTranspose2d", "BatchNorm2d", "LeakyReLU")],
        *[(name, (128, 28, 28)) for name in ("ConvTranspose2d", "BatchNorm2d", "LeakyReLU")],
        *[("Conv2d", (1, 28, 28)), ("Tanh", (1, 28, 28))],
    ]
    transposed, last = generator.main[4], generator.main[-2]
    assert isinstance(transposed, nn.ConvTranspose2d)
    assert isinstance(last, nn.Conv2d)
    assert (transposed.kernel_size, transposed.stride) == ((4, 4), (2, 2))
    assert last.kernel_size == (7, 7)


def test_the_critic_is_the_documents() -> None:
    critic = new_critic("mnist", (1, 28, 28), 64, "batch")
    assert shapes(critic.main, torch.zeros(2, 1, 28, 28)) == [
        *[(name, (64, 14, 14)) for name in ("Conv2d", "BatchNorm2d", "LeakyReLU")],
        *[(name, (64, 7, 7)) for name in ("Conv2d", "BatchNorm2d", "LeakyReLU")],
        *[("Flatten", (64 * 7 * 7,)), ("Linear", (1,))],
    ]
    assert all(layer.kernel_size == (4, 4) for layer in critic.main if isinstance(layer, nn.Conv2d))


def test_without_norm_the_critic_knows_its_adjoint() -> None:
    """So that a gradient penalty needs no double backward."""
    critic = new_critic("mnist", (1, 28, 28), 4).double()
    assert critic.piecewise_linear
    images = torch.randn(3, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    (reference,) = torch.autograd.grad(critic(images).sum(), images)
    assert torch.allclose(critic.input_gradient(images), reference, rtol=1e-10)


def test_all_weights_begin_with_deviation_two_hundredths() -> None:
    generator = new_generator("mnist", 100, (1, 28, 28), 32, torch.Generator().manual_seed(0))
    for layer in generator.main:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            assert abs(float(layer.weight.detach().std()) - 0.02) < 0.02 * 4 / layer.weight.numel() ** 0.5
