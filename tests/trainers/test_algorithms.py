"""Each algorithm against its paper, written out plainly in double precision."""

from typing import Any
from unittest.mock import Mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wgan.config.algorithms import ALGORITHMS
from wgan.config.constraints import generator_updates
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.networks.base import Critic
from wgan.networks.layers import Chain, ConditionalBatchNorm2d, Flatten, Linear, Residual
from wgan.trainers.base import Trainer, build_trainer, interpolate, rate_factor
from wgan.utils.rng import generator

ARCHS = [*ALGORITHMS]
CLASSES = {"frog": 5, "newt": 2, "toad": 3}
LABELS = torch.tensor([2, 0, 1, 1, 0, 2])
PENALISED = {"WGAN-GP", "WGAN-DIV", "R3GAN"}


def config(arch: str, **keys: Any) -> TrainConfig:
    small = {"dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "batch_size": 6, "latent_vector": 5}
    small |= {"gen_feature_maps": 4, "dis_feature_maps": 4, "seed": 7, "spectral_norm": False}
    resolved = resolve({"arch": arch, **small, **keys})
    assert isinstance(resolved, TrainConfig)
    return resolved


def double_trainer(arch: str, **keys: Any) -> Trainer:
    chosen = config(arch, **keys)
    shape, classes = (
        (chosen.number_channels, chosen.image_size, chosen.image_size),
        CLASSES if chosen.conditional else {},
    )
    trainer = build_trainer(chosen, shape, torch.device("cpu"), classes=classes)
    for network in (trainer.generator, trainer.critic, trainer.ema.model):
        network.double()
    numbers = generator(1, "test weights")
    for weights in trainer.critic.parameters():  # scores and gradients of order one
        nn.init.normal_(weights, 0.0, 0.1, generator=numbers)
    for name, weights in trainer.generator.named_parameters():
        if name.endswith(("gain", "offset")):  # which begin alike for all classes
            nn.init.normal_(weights, 1.0, 0.5, generator=numbers)
    trainer.dtype = torch.float64
    return trainer


def real_images(trainer: Trainer) -> Tensor:
    size, channels = trainer.config.image_size, trainer.config.number_channels
    shape = (trainer.config.batch_size, channels, size, size)
    return torch.rand(shape, generator=generator(1, "test images"), dtype=torch.float64) * 2 - 1


def plain_scores(trainer: Trainer, images: Tensor, labels: Tensor | None) -> Tensor:
    """f(x); with classes psi(phi(x)) + <V y, phi(x)> (arXiv:1802.05637, eq. 3), written out."""
    if labels is None:
        return trainer.critic.main(images).view(len(images))
    *body, last = trainer.critic.main
    phi = nn.Sequential(*body)(images).flatten(1)
    psi = phi @ last.score.weight.flatten() + last.score.bias
    return psi + torch.stack([last.embedding.weight[y].flatten() @ f for y, f in zip(labels, phi, strict=True)])


def plain_generator(layers: nn.Module, x: Tensor, labels: Tensor | None) -> Tensor:
    """G(z); with classes each batch norm is gamma_y (x - mu) / sigma + beta_y (arXiv:1610.07629, eq. 5)."""
    if isinstance(layers, Residual):
        return plain_generator(layers.body, x, labels) + plain_generator(layers.shortcut, x, labels)
    for layer in layers:
        if isinstance(layer, ConditionalBatchNorm2d):
            assert labels is not None
            mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
            normed = (x - mean) / (variance + 1e-5).sqrt()
            x = torch.stack(
                [
                    layer.gain[y][:, None, None] * image + layer.offset[y][:, None, None]
                    for y, image in zip(labels, normed, strict=True)
                ]
            )
        else:
            x = plain_generator(layer, x, labels) if isinstance(layer, Residual) else layer(x)
    return x


def published_critic_loss(trainer: Trainer, real: Tensor, step: int, labels: Tensor | None = None) -> Tensor:
    """The critic's loss as the papers write it: three forwards, the graph through everything, double backward."""
    arch, seed, n = trainer.config.arch, trainer.config.seed, len(real)
    z = torch.randn(n, trainer.config.latent_vector, generator=generator(seed, "critic latents", step)).double()
    fake = plain_generator(trainer.generator.main, z[:, :, None, None], labels)
    f_real, f_fake = plain_scores(trainer, real, labels), plain_scores(trainer, fake, labels)
    if arch == "DCGAN":
        s = trainer.config.label_smoothing
        log_d, log_not_d = torch.log(torch.sigmoid(f_real)), torch.log(1 - torch.sigmoid(f_real))
        return -((1 - s) * log_d + s * log_not_d).mean() - torch.log(1 - torch.sigmoid(f_fake)).mean()
    if arch == "R3GAN":
        loss = torch.log(1 + torch.exp(f_fake - f_real)).mean()
        for images in (real, fake):
            at = images.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(plain_scores(trainer, at, labels).sum(), at, create_graph=True)
            loss = loss + trainer.config.r3_gamma / 2 * gradient.pow(2).sum(dim=(1, 2, 3)).mean()
        return loss
    if arch == "SNGAN":
        zero = torch.zeros(n, dtype=torch.float64)
        return torch.maximum(zero, 1 - f_real).mean() + torch.maximum(zero, 1 + f_fake).mean()
    loss = f_fake.mean() - f_real.mean()
    if arch in PENALISED:
        e = torch.rand(n, 1, 1, 1, generator=generator(seed, "interpolation", step)).double()
        x_hats = {"line": [e * real + (1 - e) * fake], "real": [real], "fake": [fake], "both": [real, fake]}
        chosen = x_hats[trainer.config.penalty_at]
        for x_hat in chosen:  # both: half of the weight at each
            x_hat = x_hat.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(plain_scores(trainer, x_hat, labels).sum(), x_hat, create_graph=True)
            norm = gradient.pow(2).sum(dim=(1, 2, 3)).sqrt()
            if arch == "WGAN-GP":
                excess = norm - 1
                if trainer.config.one_sided:
                    excess = torch.maximum(excess, torch.zeros_like(excess))
                loss = loss + trainer.config.gp_lambda / len(chosen) * (excess**2).mean()
            else:
                loss = loss + trainer.config.div_k / len(chosen) * (norm**trainer.config.div_p).mean()
    return loss


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-300))


COMBINATIONS = [
    (arch, network, critic_norm, "line", None)
    for arch in ARCHS
    for network in ("conv", "resnet", "dense")
    for critic_norm in (("none",) if network == "dense" else ("none", "batch", "instance", "layer"))
    if not (critic_norm == "batch" and arch in PENALISED)  # refused by the configuration
]
COMBINATIONS += [
    (arch, network, "none" if arch in PENALISED else critic_norm, "line", LABELS)
    for arch in ARCHS
    for network, critic_norm in {"conv": "batch", "resnet": "none", "resnet32": "batch", "resnet64": "none"}.items()
]
COMBINATIONS += [("WGAN-GP", "conv", "layer", "both", LABELS), ("R3GAN", "resnet", "instance", "line", LABELS)]
COMBINATIONS += [("WGAN-GP", "mnist", "none", "fake", LABELS), ("DCGAN", "mnist", "batch", "line", LABELS)]
COMBINATIONS += [
    (arch, network, critic_norm, at, None)
    for arch in ("WGAN-GP", "WGAN-DIV")
    for network, critic_norm in (("conv", "none"), ("resnet", "none"), ("dense", "none"), ("conv", "instance"))
    for at in ("real", "fake", "both")
]


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_mean_scores_are_logged_with_every_algorithm(arch: str, accumulate: int) -> None:
    trainer = double_trainer(arch, critic_norm="none", accumulate=accumulate)
    real, step = real_images(trainer), 3
    with torch.no_grad():
        fake = trainer.generator(trainer.latents(len(real), "critic latents", step))
        f_real, f_fake = trainer.critic.main(real).mean(), trainer.critic.main(fake).mean()
    found = trainer.critic_update(real, step)
    assert not any(metric.requires_grad for metric in found.values()), "no graph is kept until the log is read"
    assert float(found["critic_real"]) == pytest.approx(float(f_real), rel=1e-10)
    assert float(found["critic_fake"]) == pytest.approx(float(f_fake), rel=1e-10)
    if "wasserstein_estimate" in found:
        assert float(found["wasserstein_estimate"]) == pytest.approx(float(f_real - f_fake), rel=1e-10)


@pytest.mark.parametrize("at", ["line", "real", "fake", "both"])
def test_a_critic_update_never_waits_for_the_device(at: str) -> None:
    """On a device without numbers whoever reads one fails."""
    with torch.device("meta"):
        trainer = build_trainer(config("WGAN-GP", penalty_at=at), (1, 28, 28), torch.device("meta"))
    loss = trainer.critic_loss(*torch.empty(2, 6, 1, 28, 28, device="meta"), torch.empty(6, 1, 1, 1, device="meta"))
    loss.total.backward()
    assert {"critic_real", "critic_fake"} < loss.metrics().keys()


@pytest.mark.parametrize("slope", [0.5, 1.5])
def test_the_one_sided_penalty_is_that_of_wgan_lp(slope: float) -> None:
    trainer = double_trainer("WGAN-GP", one_sided=True)
    trainer.gradient_norm = lambda images: torch.full((len(images),), slope)
    real = real_images(trainer)
    loss = trainer.critic_loss(real, real, torch.rand(len(real), 1, 1, 1))
    assert float(loss.gradient_penalty) == pytest.approx(10 * max(0, slope - 1) ** 2)


@pytest.mark.parametrize(("arch", "network", "critic_norm", "penalty_at", "labels"), COMBINATIONS)
def test_the_critics_loss_and_every_gradient_are_those_of_the_paper(
    arch: str, network: str, critic_norm: str, penalty_at: str, labels: Tensor | None
) -> None:
    keys: dict[str, Any] = {"conditional": labels is not None, "label_smoothing": 0.1, "penalty_at": penalty_at}
    trainer = double_trainer(arch, network=network, critic_norm=critic_norm, **keys)
    real, step = real_images(trainer), 3
    with torch.no_grad():
        fake = trainer.generator(trainer.latents(len(real), "critic latents", step).double(), labels)
    epsilon = trainer.draws.uniform("interpolation", step, len(real), 1, 1, 1)
    trainer.labels = labels
    ours = trainer.critic_loss(real, fake, epsilon).total
    theirs = published_critic_loss(trainer, real, step, labels)
    assert relative(ours.detach(), theirs.detach()) < 1e-10

    weights = list(trainer.critic.parameters())
    for name, a, b in zip(
        dict(trainer.critic.named_parameters()),
        torch.autograd.grad(ours, weights, allow_unused=True),
        torch.autograd.grad(theirs, weights, allow_unused=True),
        strict=True,
    ):
        zero = torch.zeros(1, dtype=torch.float64)
        a, b = zero if a is None else a, zero if b is None else b
        assert (a - b).abs().max() <= 1e-10 * max(1.0, float(b.abs().max())), name


@pytest.mark.parametrize("arch", sorted(PENALISED))
def test_float64_networks_see_interpolates_in_float64_whatever_type_the_real_images_have(arch: str) -> None:
    trainer, step = double_trainer(arch), 3
    real = real_images(trainer).float()
    with torch.no_grad():
        fake = trainer.generator(trainer.latents(len(real), "critic latents", step))
    epsilon = trainer.draws.uniform("interpolation", step, len(real), 1, 1, 1)
    e, x = epsilon.double(), real.double()
    assert (interpolate(real, fake, epsilon) - (e * x + (1 - e) * fake)).abs().max() < 1e-12
    theirs = published_critic_loss(trainer, x, step).detach()
    assert relative(trainer.critic_loss(real, fake, epsilon).total.detach(), theirs) < 1e-12


@pytest.mark.parametrize(("network", "labels"), [("conv", None), ("conv", LABELS), ("resnet", LABELS)])
@pytest.mark.parametrize("arch", ARCHS)
def test_one_step_of_both_networks_equals_the_algorithm_written_out(
    arch: str, network: str, labels: Tensor | None
) -> None:
    keys = {"critic_its": 1, "network": network, "conditional": labels is not None}
    ours, plain = double_trainer(arch, **keys), double_trainer(arch, **keys)
    real = real_images(ours)
    ours.critic_update(real, 0, labels)
    ours.generator_update(len(real), 0, real, labels)

    plain.critic_optimizer.zero_grad()
    published_critic_loss(plain, real, 0, labels).backward()
    plain.critic_optimizer.step()
    if arch == "WGAN-CLIP":
        for weights in plain.critic.parameters():
            weights.data.clamp_(-0.01, 0.01)
    z = torch.randn(len(real), 5, generator=generator(7, "generator latents", 0)).double()
    scores = plain_scores(plain, plain_generator(plain.generator.main, z[:, :, None, None], labels), labels)
    loss = -torch.log(torch.sigmoid(scores)).mean() if arch == "DCGAN" else -scores.mean()
    if arch == "R3GAN":
        loss = torch.log(1 + torch.exp(plain_scores(plain, real, labels) - scores)).mean()
    plain.generator_optimizer.zero_grad()
    loss.backward()
    plain.generator_optimizer.step()

    for one, other in ((ours.critic, plain.critic), (ours.generator, plain.generator)):
        kept = nn.Module.state_dict if labels is None else lambda network: dict(network.named_parameters())
        for (name, a), b in zip(kept(one).items(), kept(other).values(), strict=True):
            # Adam divides a gradient by its size, so the noise of a zero gradient shows: compare to a share of a step
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-7), name


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("at", ["line", "real", "fake", "both"])
def test_a_batch_in_two_parts_is_penalised_as_the_whole(at: str, accumulate: int) -> None:
    ours = double_trainer("WGAN-GP", penalty_at=at, accumulate=accumulate)
    real = real_images(ours)
    found = ours.critic_update(real, 3)["critic_loss"]
    theirs = published_critic_loss(double_trainer("WGAN-GP", penalty_at=at), real, 3).detach()
    assert float(found) == pytest.approx(float(theirs), rel=1e-10)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 3.0])
def test_the_penalties_of_a_linear_critic_have_their_closed_form(slope: float) -> None:
    """f(x) = w.x with |w| = slope: (slope - 1)^2 for WGAN-GP, slope^p for WGAN-div, whatever the images."""
    w = torch.randn(784, dtype=torch.float64)
    w = slope * w / w.norm()
    for arch, expected in (("WGAN-GP", 10 * (slope - 1) ** 2), ("WGAN-DIV", 2 * slope**6)):
        trainer = double_trainer(arch)
        linear = Linear(784, 1, dtype=torch.float64)
        linear.weight.data = w[None]
        trainer.critic = Critic(Chain(Flatten(), linear))
        real = real_images(trainer)
        loss = trainer.critic_loss(real, -real, torch.rand(len(real), 1, 1, 1))
        assert loss.gradient_penalty is not None
        assert loss.gradient_penalty.item() == pytest.approx(expected, rel=1e-10)
        assert loss.gradient_norm is not None
        assert loss.gradient_norm.item() == pytest.approx(slope, rel=1e-10)
        assert loss.wasserstein_estimate is not None
        assert loss.wasserstein_estimate.item() == pytest.approx(float((2 * real.flatten(1) @ w).mean()), abs=1e-12)


def test_the_norm_is_taken_per_image_over_all_its_pixels_and_channels() -> None:
    """Not per pixel, not over the batch: the penalty of a batch is the mean of the images' own penalties."""
    trainer = double_trainer("WGAN-GP", number_channels=3, image_size=32)
    real = real_images(trainer)
    norms = trainer.gradient_norm(real)
    alone = torch.cat([trainer.gradient_norm(image[None]) for image in real])
    assert norms.shape == (len(real),)
    assert torch.allclose(norms, alone, rtol=1e-12)


def test_weights_stay_inside_the_clip_range_after_every_step() -> None:
    trainer = build_trainer(config("WGAN-CLIP", learning_rate=0.1), (1, 28, 28), torch.device("cpu"))
    real = real_images(trainer).float()
    for step in range(5):
        trainer.critic_update(real, step)
        bounds = torch.stack([w.abs().max() for w in trainer.critic.parameters()])
        assert (bounds <= 0.01).all()
    assert (bounds == 0.01).any(), "a step of 0.1 reaches the bound"


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_a_discriminator_that_says_one_minus_s_of_real_images_is_optimal(smoothing: float) -> None:
    trainer = double_trainer("DCGAN", label_smoothing=smoothing, critic_norm="none")
    p = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    losses, images = [], real_images(trainer)
    for probability in p:
        real_logits = torch.logit(probability).expand(6)
        trainer.scores = Mock(return_value=(real_logits, torch.full((6,), -50.0)))
        losses.append(trainer.critic_loss(images, images, images).total)
    best = p[torch.stack(losses).argmin()]
    assert float(best) == pytest.approx(min(1 - smoothing, 0.99))


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("network", ["conv", "resnet", "dense"])
def test_no_critic_ends_in_a_sigmoid(arch: str, network: str) -> None:
    """Scores grow without bound with the last layer's weights; a squashed output would saturate."""
    keys = {} if network != "dense" else {"critic_norm": "none"}
    trainer = double_trainer(arch, network=network, **keys)
    images = real_images(trainer)
    last = [m for m in trainer.critic.main.modules() if isinstance(m, nn.Conv2d | nn.Linear)][-1]
    before = trainer.critic(images)
    last.weight.data.mul_(1000)
    if last.bias is not None:
        last.bias.data.mul_(1000)
    assert torch.allclose(trainer.critic(images), 1000 * before, rtol=1e-9)


@pytest.mark.parametrize("arch", ARCHS)
def test_the_critics_update_leaves_the_generator_alone_and_the_other_way_round(arch: str) -> None:
    trainer = build_trainer(config(arch), (1, 28, 28), torch.device("cpu"))
    real = real_images(trainer).float()

    def weights(network: nn.Module) -> list[Tensor]:
        return [w.detach().clone() for w in network.parameters()]

    generator_before, critic_before = weights(trainer.generator), weights(trainer.critic)
    trainer.critic_update(real, 0)
    assert all(torch.equal(a, b) for a, b in zip(generator_before, trainer.generator.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(critic_before, trainer.critic.parameters(), strict=True))
    assert all(w.grad is None for w in trainer.generator.parameters())

    critic_before = weights(trainer.critic)
    trainer.critic_optimizer.zero_grad()
    trainer.generator_update(len(real), 0, real)
    assert all(torch.equal(a, b) for a, b in zip(critic_before, trainer.critic.parameters(), strict=True))
    assert all(w.grad is None for w in trainer.critic.parameters()), "the generator's update spends nothing on them"
    assert not all(torch.equal(a, b) for a, b in zip(generator_before, trainer.generator.parameters(), strict=True))


def test_real_and_fake_keep_their_own_batch_statistics() -> None:
    """A critic with batch norm scores real images as if the generated ones were not there."""
    trainer = double_trainer("DCGAN")
    real = real_images(trainer)
    a, _ = trainer.scores(real, torch.zeros_like(real))
    b, _ = trainer.scores(real, torch.ones_like(real))
    assert torch.equal(a, b)


def test_spectral_norm_bounds_each_layers_largest_singular_value() -> None:
    chosen = config("WGAN-GP", spectral_norm=True, learning_rate=1e-6)
    trainer = build_trainer(chosen, (1, 28, 28), torch.device("cpu"))
    real = real_images(trainer).float()
    for step in range(60):
        trainer.critic_update(real, step)
    for layer in trainer.critic.eval().modules():
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_the_average_follows_the_weights_by_its_decay() -> None:
    trainer = build_trainer(config("WGAN-GP", ema_decay=0.5), (1, 28, 28), torch.device("cpu"))
    name = "main.0.weight"
    expected = trainer.generator.state_dict()[name].double().clone()
    for step in range(4, 40, 5):  # every fifth critic update is followed by one of the generator
        trainer.generator_update(6, step, torch.zeros(6, 1, 28, 28))
        updates = (step + 1) // 5
        decay = min(0.5, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * trainer.generator.state_dict()[name].double()
    assert torch.allclose(trainer.ema.model.state_dict()[name].double(), expected, atol=1e-6)
    assert torch.equal(trainer.ema.model.state_dict()["main.1.num_batches_tracked"], torch.tensor(0)), (
        "counters are not averaged"
    )


def test_warm_up_follows_the_loop_of_wgans_code() -> None:
    """main.py: Diters is 100 where gen_iterations < 25 or gen_iterations % 500 == 0."""
    trainer = build_trainer(config("WGAN-CLIP", critic_warm_up=True, critic_its=5), (1, 28, 28), torch.device("cpu"))
    step = 0
    for gen_iterations in range(1_003):
        for j in range(100 if gen_iterations < 25 or gen_iterations % 500 == 0 else 5):
            if j:
                assert not trainer.generator_is_due(step - 1)
            assert generator_updates(trainer.config, step) == gen_iterations
            step += 1
        assert trainer.generator_is_due(step - 1)


@pytest.mark.parametrize(("warm_up", "critic_its"), [(False, 1), (False, 3), (True, 100), (True, 150)])
def test_without_warm_up_every_critic_its_th_update_is_followed_by_the_generators(
    warm_up: bool, critic_its: int
) -> None:
    keys = {"critic_warm_up": warm_up, "critic_its": critic_its}
    trainer = build_trainer(config("WGAN-GP", **keys), (1, 28, 28), torch.device("cpu"))
    assert [step for step in range(1_000) if trainer.generator_is_due(step)] == [
        step for step in range(1_000) if (step + 1) % critic_its == 0
    ]


def test_dequantised_images_lie_between_their_own_grey_level_and_the_next() -> None:
    """gan_cifar_resnet.py: 2 * (x / 256 - 0.5) plus noise in [0, 1 / 128), for x from 0 to 255."""
    trainer = build_trainer(config("WGAN-GP", dequantise=True), (1, 28, 28), torch.device("cpu"))
    levels = torch.randint(0, 256, (6, 1, 28, 28), generator=generator(1, "test levels"))
    seen: list[Tensor] = []
    loss = trainer.critic_loss
    trainer.critic_loss = lambda real, *rest: (seen.append(real), loss(real, *rest))[1]
    for step in (0, 0, 1):
        trainer.critic_update(levels / 127.5 - 1, step)
    noise = [(images.double() + 1) * 128 - levels for images in seen]
    assert all(part.min() > -1e-4 and part.max() < 1 + 1e-4 for part in noise)
    assert float(noise[0].mean()) == pytest.approx(0.5, abs=4 * 12**-0.5 / noise[0].numel() ** 0.5)
    assert float(noise[0].std()) == pytest.approx(12**-0.5, rel=0.05)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_bce_on_logits_is_finite_where_the_sigmoid_is_not() -> None:
    trainer = double_trainer("DCGAN")
    assert torch.isfinite(trainer.generator_loss(torch.tensor([-1e4, 1e4]), Mock()))
    loss = float(trainer.generator_loss(torch.tensor([-1e4]), Mock()))
    assert float(F.softplus(torch.tensor(1e4))) == pytest.approx(loss)


def test_the_generator_is_compared_with_the_real_images_that_the_critic_saw() -> None:
    trainer = double_trainer("R3GAN", dequantise=True, augment=["translation", "color"])
    real, seen, scores = real_images(trainer), list[Tensor](), list[Tensor]()
    critic_loss, generator_loss = trainer.critic_loss, trainer.generator_loss
    trainer.critic_loss = lambda images, *rest: (seen.append(images), critic_loss(images, *rest))[1]
    trainer.generator_loss = lambda fake, others: (scores.append(others()), generator_loss(fake, others))[1]
    trainer.critic_update(real, 3)
    trainer.generator_update(len(real), 3, real)
    assert not torch.equal(seen[0], real)
    assert torch.allclose(scores[0], trainer.critic(seen[0]).detach())
    assert not scores[0].requires_grad


@pytest.mark.parametrize("decay", ["none", "linear", "cosine"])
def test_the_rates_are_those_of_torchs_schedules(decay: str) -> None:
    steps, warm_up, weight = 50, 9, torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.3)
    schedules = torch.optim.lr_scheduler
    falls: dict[str, Any] = {
        "none": schedules.ConstantLR(optimizer, 1.0, steps),
        "linear": schedules.LinearLR(optimizer, 1.0, 0.0, steps),
        "cosine": schedules.CosineAnnealingLR(optimizer, steps),
    }
    fall = falls[decay]
    optimizer.param_groups[0]["lr"] = 0.3
    for step in range(steps):
        expected = fall.get_last_lr()[0] if step else 0.3
        risen = min(1.0, (step + 1) / (warm_up + 1))
        assert 0.3 * rate_factor(decay, warm_up, step, steps) == pytest.approx(expected * risen, abs=1e-9), step
        optimizer.step()
        fall.step()


def test_both_optimisers_take_the_rates() -> None:
    trainer = double_trainer("WGAN-GP", learning_rate=0.4, critic_learning_rate=0.2, learning_rate_decay="linear")
    trainer.set_rates(5, 10)
    found = [o.param_groups[0]["lr"] for o in (trainer.generator_optimizer, trainer.critic_optimizer)]
    assert found == [0.2, 0.1]
