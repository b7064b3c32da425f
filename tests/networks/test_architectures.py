"""The networks' layers, against the papers and the documents that describe them."""

import pytest
import torch
from torch import Tensor, nn

from wgan.networks.build import new_critic, new_generator

SIZES = [28, 32, 48, 64, 96, 128, 256]


def maps(network: nn.Sequential, x: Tensor, kinds: tuple[type[nn.Module], ...]) -> list[tuple[int, ...]]:
    """The sizes (C, H, W) after each layer of the given kinds."""
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, kinds):
            found.append(tuple(x.shape[1:]))
    return found


def test_the_critic_at_64_px_has_the_layers_of_the_seeds_table() -> None:
    critic = new_critic("conv", (3, 64, 64), 64, "instance")
    convolutions = [layer for layer in critic.main if isinstance(layer, nn.Conv2d)]
    assert maps(critic.main, torch.zeros(2, 3, 64, 64), (nn.Conv2d,)) == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (1, 1, 1),
    ]
    assert [(c.kernel_size, c.stride, c.padding) for c in convolutions] == [
        *[((4, 4), (2, 2), (1, 1))] * 4,
        ((4, 4), (1, 1), (0, 0)),
    ]
    assert [type(layer).__name__ for layer in critic.main] == [
        *["Conv2d", "LeakyReLU"],
        *["Conv2d", "InstanceNorm2d", "LeakyReLU"] * 3,
        "ConvToScalar",
    ]


def test_the_generator_at_64_px_has_the_layers_of_the_seeds_table() -> None:
    generator = new_generator("conv", 100, (3, 64, 64), 128)
    assert maps(generator.main, torch.zeros(2, 100, 1, 1), (nn.ConvTranspose2d,)) == [
        (1024, 4, 4),
        (512, 8, 8),
        (256, 16, 16),
        (128, 32, 32),
        (3, 64, 64),
    ]
    assert [type(layer).__name__ for layer in generator.main] == [
        *["ConvFromLatent", "BatchNorm2d", "ReLU"],
        *["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 3,
        *["ConvTranspose2d", "Tanh"],
    ]


def test_the_state_of_pytorchs_dcgan_example_loads() -> None:
    """Its generator is written out here as that example has it."""
    nz, ngf, nc = 10, 4, 3
    example = nn.Sequential(
        *[nn.ConvTranspose2d(nz, ngf * 8, 4, 1, 0, bias=False), nn.BatchNorm2d(ngf * 8), nn.ReLU(True)],
        *[nn.ConvTranspose2d(ngf * 8, ngf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 4), nn.ReLU(True)],
        *[nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 2), nn.ReLU(True)],
        *[nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf), nn.ReLU(True)],
        *[nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False), nn.Tanh()],
    )
    ours = new_generator("conv", nz, (nc, 64, 64), ngf)
    ours.load_state_dict({f"main.{name}": value for name, value in example.state_dict().items()})
    latents = torch.randn(3, nz)
    assert torch.allclose(ours.eval()(latents), example.eval()(latents[:, :, None, None]), atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_generates_images_in_range_and_one_score_each(size: int, channels: int) -> None:
    shape = (channels, size, size)
    pairs = [
        (new_generator("conv", 7, shape, 2), new_critic("conv", shape, 2)),
        (new_generator("resnet", 7, shape, 2), new_critic("resnet", shape, 2)),
        (new_generator("dense", 7, shape, 2), new_critic("dense", shape, 2)),
    ]
    for generator, critic in pairs:
        images = generator(torch.randn(4, 7))
        assert images.shape == (4, *shape)
        assert images.abs().max() <= 1
        assert critic(images).shape == (4,)


@pytest.mark.parametrize("size", SIZES)
def test_a_generator_is_as_deep_as_its_critic(size: int) -> None:
    """Each map of the one has its counterpart in the other: the smallest is 4 to 7 pixels wide."""
    generated = maps(new_generator("conv", 3, (1, size, size), 2).main, torch.zeros(2, 3, 1, 1), (nn.ConvTranspose2d,))
    scored = maps(new_critic("conv", (1, size, size), 2).main, torch.zeros(2, 1, size, size), (nn.Conv2d,))
    assert generated[:-1] == scored[-2::-1]
    assert 4 <= generated[0][1] <= 7


def test_the_initial_weights_are_those_of_the_paper() -> None:
    """DCGAN, sec. 4: normal, deviation 0.02."""
    critic = new_critic("conv", (3, 64, 64), 64, random=torch.Generator().manual_seed(0))
    for layer in critic.main:
        if isinstance(layer, nn.Conv2d):
            count = layer.weight.numel()
            assert layer.weight.std().item() == pytest.approx(0.02, rel=4 / count**0.5)
            assert layer.weight.mean().item() == pytest.approx(0, abs=4 * 0.02 / count**0.5)
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize(
    "make",
    [
        lambda g: new_generator("conv", 5, (1, 28, 28), 4, g),
        lambda g: new_generator("resnet", 5, (1, 28, 28), 4, g),
        lambda g: new_critic("conv", (1, 28, 28), 4, spectral_norm=True, random=g),
    ],
)
def test_initial_weights_depend_on_the_seed_alone(make) -> None:
    torch.manual_seed(1)
    one = make(torch.Generator().manual_seed(3)).state_dict()
    torch.manual_seed(2)
    other = make(torch.Generator().manual_seed(3)).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_bfloat16_differs_from_float32_by_its_rounding_alone(size: int, channels: int) -> None:
    shape = (channels, size, size)
    generator, critic = new_generator("conv", 7, shape, 8), new_critic("conv", shape, 8)
    latents = torch.randn(4, 7)
    images = generator(latents)
    assert (generator(latents.bfloat16()).float() - images).abs().max() < 0.05 * images.abs().max()
    scores = critic(images)
    assert critic(images.bfloat16()).dtype == torch.float32
    assert (critic(images.bfloat16()) - scores).abs().max() < 0.05 * scores.abs().max()
