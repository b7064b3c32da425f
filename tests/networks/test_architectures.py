"""The networks' layers, against the papers and the documents that describe them."""

import pytest
import torch
from torch import Tensor, nn

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.networks.build import build_critic, build_generator, new_critic, new_generator
from wgan.networks.layers import LeakyReLU, Residual

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
        (new_generator("resnet32", 7, shape, 2), new_critic("resnet32", shape, 2)),
        (new_generator("resnet64", 7, shape, 2), new_critic("resnet64", shape, 2, "layer")),
    ]
    for generator, critic in pairs:
        images = generator(torch.randn(4, 7))
        assert images.shape == (4, *shape)
        assert images.abs().max() <= 1
        assert critic(images).shape == (4,)


def weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def conv(before: int, after: int, kernel: int = 3) -> int:
    return before * after * kernel**2 + after


def test_resnet32_is_the_network_of_wgan_gps_code_for_cifar10() -> None:
    """gan_cifar_resnet.py: DIM_G = DIM_D = 128, unconditional; without the bias of its first dense layer."""
    generator, critic = new_generator("resnet32", 128, (3, 32, 32), 128), new_critic("resnet32", (3, 32, 32), 128)
    doubling = 2 * 128 + conv(128, 128) + 2 * 128 + conv(128, 128) + conv(128, 128, 1)
    assert weights(generator) == 128 * 4 * 4 * 128 + 3 * doubling + 2 * 128 + conv(128, 3)
    first = conv(3, 128) + conv(128, 128) + conv(3, 128, 1)
    halving, staying = 2 * conv(128, 128) + conv(128, 128, 1), 2 * conv(128, 128)
    assert weights(critic) == first + halving + 2 * staying + 128 + 1
    assert maps(generator.main, torch.zeros(2, 128, 1, 1), (Residual,)) == [(128, s, s) for s in (8, 16, 32)]
    assert maps(critic.main, torch.zeros(2, 3, 32, 32), (Residual,)) == [(128, s, s) for s in (16, 8, 8, 8)]


def test_resnet64_is_the_network_of_wgan_gps_code_for_64_px() -> None:
    """gan_64x64.py and wgan_div.py: GoodGenerator and GoodDiscriminator, DIM = 64; the biases differ, see below."""
    generator = new_generator("resnet64", 128, (3, 64, 64), 64)
    critic = new_critic("resnet64", (3, 64, 64), 64, "layer", activation="relu")
    up = [(512, 512), (512, 256), (256, 128), (128, 64)]
    blocks = sum(2 * a + conv(a, b) + 2 * b + conv(b, b) + conv(a, b, 1) for a, b in up)
    assert weights(generator) == 128 * 4 * 4 * 512 + blocks + 2 * 64 + conv(64, 3)
    down = [(64, 128), (128, 256), (256, 512), (512, 512)]
    blocks = sum(2 * a + conv(a, a) + 2 * a + conv(a, b) + conv(a, b, 1) for a, b in down)
    assert weights(critic) == conv(3, 64) + blocks + 4 * 4 * 512 + 1
    assert maps(critic.main, torch.zeros(2, 3, 64, 64), (nn.Conv2d, Residual)) == [
        (64, 64, 64),
        *[(128, 32, 32), (256, 16, 16), (512, 8, 8), (512, 4, 4)],
    ]


@pytest.mark.parametrize("kind", ["conv", "resnet", "resnet32", "resnet64", "mnist", "dense"])
@pytest.mark.parametrize(("activation", "slope"), [("leaky", 0.2), ("relu", 0.0)])
def test_all_of_a_critics_activations_are_the_one_that_is_named(kind: str, activation: str, slope: float) -> None:
    critic = new_critic(kind, (1, 28, 28), 2, activation=activation)
    slopes = {layer.negative_slope for layer in critic.main.modules() if isinstance(layer, LeakyReLU)}
    assert slopes == {slope}


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


@pytest.mark.parametrize("kind", ["conv", "resnet", "dense"])
def test_a_generator_may_be_of_another_kind_than_the_critic(kind: str) -> None:
    """The three generators of WGAN's figure 6 stand before one critic; the plain one has no norm and one width."""
    keys = {"arch": "WGAN-CLIP", "path": "x", "image_size": 32, "gen_feature_maps": 6, "dis_feature_maps": 6}
    critics, kinds = set(), {}
    for other in ("conv", "plain", "dense"):
        config = resolve({**keys, "network": kind, "gen_network": other})
        assert isinstance(config, TrainConfig)
        kinds[other] = build_generator(config, (3, 32, 32))
        assert kinds[other].sample(2).shape == (2, 3, 32, 32)
        critics.add(str(build_critic(config, (3, 32, 32))))
    assert len(critics) == 1
    plain = [layer for layer in kinds["plain"].modules() if not list(layer.children())]
    assert not [layer for layer in plain if isinstance(layer, torch.nn.BatchNorm2d)]
    widths = [layer.out_channels for layer in plain if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert widths == [6, 6, 6, 3]
    usual = resolve({**keys, "network": kind})
    assert usual.gen_network == kind
    assert usual.origin("gen_network") == "network"
