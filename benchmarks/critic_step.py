"""Time per critic update: plain eager code, as published implementations write it, against this project's trainer.

    python benchmarks/critic_step.py [--sizes 28 64 128] [--archs WGAN-GP ...] [--rounds 7] [--device cuda] [--compile]

They take turns, each in a process of its own. The plain code is float32: a graph through the generator, three critic
forwards, `autograd.grad(create_graph=True)`, default memory layout, default optimiser. In both, every critic_its-th
update is followed by one of the generator. `share of the limit` is the useful arithmetic of an update (roofline.py
counts it: nothing that a better formulation avoids) over the best rate of this machine's convolutions in that
precision, measured in the same turns. All are medians over the turns.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.nn.functional as F
from roofline import convolution_rate, flops_per_image
from torch import Tensor, nn

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig, form_of
from wgan.data.batches import Batches
from wgan.networks.build import build_critic, build_generator
from wgan.runtime.device import device_name
from wgan.trainers.base import build_trainer
from wgan.utils import malloc


def main() -> None:
    options = arguments()
    device = torch.device(options.device)
    machine = f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
    print(f"torch {torch.__version__}, {machine if device.type == 'cpu' else device_name(device)}")
    print(
        "| arch | px | plain fp32 | ours fp32 | ratio | ours bf16 | ratio | images/s | share of the limit fp32, bf16 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        for arch in options.archs:
            config = wgan_gp_networks(arch, size, options.batch)
            contestants = [
                Contestant(options.keep_freed, device, plain, config),
                Contestant(True, device, ours, config, torch.float32),
                Contestant(True, device, ours, config, torch.bfloat16),
                *([Contestant(True, device, compiled, config, torch.bfloat16)] if options.compile else ()),
            ]
            steps = max(5, config.critic_its)
            base, fp32, bf16, *rest, fp32_limit, bf16_limit = in_turn(contestants, options.rounds, steps, device)
            for contestant in contestants:
                contestant.end()
            shape = (config.number_channels, size, size)
            work = flops_per_image(config, shape) * config.batch_size
            shares = [work / fp32 / fp32_limit, work / bf16 / bf16_limit]
            row = [arch, f"{size}", f"{base * 1e3:.1f} ms", f"{fp32 * 1e3:.1f} ms", f"{base / fp32:.2f}"]
            row += [f"{bf16 * 1e3:.1f} ms", f"{base / bf16:.2f}", f"{config.batch_size / bf16:,.0f}"]
            row += [f"{shares[0]:.0%} of {fp32_limit / 1e9:.0f}, {shares[1]:.0%} of {bf16_limit / 1e9:.0f} GFLOP/s"]
            row += [f"{seconds * 1e3:.1f} ms compiled, bf16" for seconds in rest]
            print(f"| {' | '.join(row)} |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[28, 64, 128])
    parser.add_argument("--archs", nargs="+", default=["WGAN-GP", "WGAN-DIV", "WGAN-CLIP", "DCGAN", "R3GAN"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ...; where all of it runs")
    parser.add_argument("--compile", action="store_true", help="one more: the critic's loss by torch.compile")
    parser.add_argument("--keep-freed", action="store_true", help="let the plain code keep freed memory too")
    return parser.parse_args()


def wgan_gp_networks(arch: str, size: int, batch: int) -> TrainConfig:
    """The networks of configs/seeds/000_wgan_gp.yaml: 64 feature maps, latents of 256; grey at 28 px."""
    keys = {"arch": arch, "dataset": "mnist-5k", "image_size": size, "batch_size": batch, "latent_vector": 256}
    config = resolve({**keys, "number_channels": 1 if size == 28 else 3})
    assert isinstance(config, TrainConfig)
    return config


def images(config: TrainConfig) -> Tensor:
    shape = (config.batch_size, *form_of(config).shape)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def ours(device: torch.device, config: TrainConfig, dtype: torch.dtype, compiled: bool = False) -> Iterator[None]:
    """The project's own step as a training takes it: batches of uint8 images, through the trainer."""
    real = ((images(config) + 1) * 127.5).round().to(torch.uint8)
    batches = Batches(real, config.batch_size, config.seed, device)
    trainer = build_trainer(config, real.shape[1:], device, dtype)
    if compiled:
        trainer.critic_loss = torch.compile(trainer.critic_loss)  # type: ignore[method-assign]
    step = 0
    while True:
        batch = batches.batch(step)
        trainer.critic_update(batch, step)
        if (step + 1) % config.critic_its == 0:
            trainer.generator_update(len(batch), step, batch)
        step += 1
        yield


def compiled(device: torch.device, config: TrainConfig, dtype: torch.dtype) -> Iterator[None]:
    """`ours` with its loss through torch.compile."""
    yield from ours(device, config, dtype, compiled=True)


def plain(device: torch.device, config: TrainConfig) -> Iterator[None]:
    """An update as published implementations write it."""
    real = images(config).to(device)
    n = len(real)
    generator, critic = (
        plain_layers(build_generator(config, real.shape[1:])).to(device),
        plain_layers(build_critic(config, real.shape[1:])).to(device),
    )
    critic_optimizer, generator_optimizer = (plain_optimizer(config, network) for network in (critic, generator))
    step = 0
    while True:
        critic_optimizer.zero_grad()
        fake = generator(torch.randn(n, config.latent_vector, 1, 1, device=device))
        f_real, f_fake = critic(real).view(-1), critic(fake).view(-1)
        loss = f_fake.mean() - f_real.mean()
        if config.arch == "DCGAN":
            loss = bce(f_real, 1.0) + bce(f_fake, 0.0)
        if config.arch in ("WGAN-GP", "WGAN-DIV"):
            e = torch.rand(n, 1, 1, 1, device=device)
            mixed = (e * real + (1 - e) * fake).requires_grad_(True)
            scores = critic(mixed)
            (gradient,) = torch.autograd.grad(
                scores, mixed, torch.ones_like(scores), create_graph=True, retain_graph=True
            )
            norm = gradient.view(n, -1).norm(2, dim=1)
            loss = loss + (10 * ((norm - 1) ** 2).mean() if config.arch == "WGAN-GP" else 2 * (norm**6).mean())
        if config.arch == "R3GAN":
            loss = F.softplus(f_fake - f_real).mean()
            for at in (real, fake):
                at = at.detach().requires_grad_(True)
                (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
                loss = loss + gradient.square().sum((1, 2, 3)).mean() / 2
        loss.backward()
        critic_optimizer.step()
        if config.arch == "WGAN-CLIP":
            for weights in critic.parameters():
                weights.data.clamp_(-0.01, 0.01)
        step += 1
        if step % config.critic_its == 0:
            generator_optimizer.zero_grad()
            scores = critic(generator(torch.randn(n, config.latent_vector, 1, 1, device=device))).view(-1)
            loss = bce(scores, 1.0) if config.arch == "DCGAN" else -scores.mean()
            if config.arch == "R3GAN":
                loss = F.softplus(critic(real).view(-1) - scores).mean()
            loss.backward()
            generator_optimizer.step()
        yield


def plain_optimizer(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), config.learning_rate)
    return torch.optim.Adam(network.parameters(), config.learning_rate, (config.beta_adam, config.beta2_adam))


def bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def plain_layers(network: nn.Module) -> nn.Sequential:
    """The same layers from torch.nn alone."""
    layers: list[nn.Module] = []
    for layer in network.main:  # type: ignore[union-attr]
        if isinstance(layer, nn.ConvTranspose2d | nn.Conv2d):
            kind = nn.ConvTranspose2d if isinstance(layer, nn.ConvTranspose2d) else nn.Conv2d
            arguments = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
            layers.append(kind(*arguments, bias=layer.bias is not None))  # type: ignore[arg-type]
        elif isinstance(layer, nn.BatchNorm2d):
            layers.append(nn.BatchNorm2d(layer.num_features))
        elif isinstance(layer, nn.LeakyReLU):
            layers.append(nn.LeakyReLU(0.2) if layer.negative_slope else nn.ReLU())
        else:
            layers.append(nn.Tanh())
    return nn.Sequential(*layers)


class Contestant:
    """A way to train, in a process of its own, since how memory is kept is a setting of the whole process.

    Args:
        keep_freed: set it as `wgan.training` does before the first step.
        device: where it trains.
        steps: gives an endless series of steps, from the device and the other arguments.
    """

    def __init__(
        self, keep_freed: bool, device: torch.device, steps: Callable[..., Iterator[None]], *arguments: Any
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, keep_freed, device, steps, *arguments), daemon=True)
        self._process.start()

    def seconds(self, count: int) -> float:
        """Of `count` steps."""
        self._pipe.send(count)
        taken: float = self._pipe.recv()
        return taken

    def end(self) -> None:
        self._process.terminate()
        self._process.join()


def serve(
    pipe: Connection, keep_freed: bool, device: torch.device, steps: Callable[..., Iterator[None]], *arguments: Any
) -> None:
    """What a contestant's process does: time as many steps as it is asked to."""
    if keep_freed:
        malloc.keep_freed()
    under_way = steps(device, *arguments)
    while True:
        count = pipe.recv()
        start = time.perf_counter()
        for _ in range(count):
            next(under_way)
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        pipe.send(time.perf_counter() - start)


def in_turn(contestants: list[Contestant], rounds: int, steps: int, device: torch.device) -> list[float]:
    """Take turns, so that a drift of the machine's speed meets all alike.

    Returns:
        Medians: seconds per step of each contestant; operations per second of convolutions, float32 and bfloat16.
    """
    turns = []
    for _ in range(rounds + 1):
        times = [contestant.seconds(steps) / steps for contestant in contestants]
        turns.append([*times, *(convolution_rate(device, dtype) for dtype in (torch.float32, torch.bfloat16))])
    return [statistics.median(column) for column in zip(*turns[1:], strict=True)]  # the first was for warming up


if __name__ == "__main__":
    main()
