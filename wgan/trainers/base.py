"""What all algorithms share: the critic's update, the generator's update, the EMA. It knows none of them by name."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from wgan.config.algorithms import ALGORITHMS
from wgan.config.constraints import generator_updates
from wgan.config.schema import TrainConfig
from wgan.networks.base import NO_CLASSES, Classes, Critic, Generator, at_least_float32, floating_tensors
from wgan.networks.build import build_critic, build_generator
from wgan.runtime.distributed import ALONE, Ranks
from wgan.trainers.diffaugment import augmented
from wgan.trainers.ema import ExponentialMovingAverage
from wgan.utils.rng import Draws


class CriticLoss(NamedTuple):
    """What an algorithm minimises in the critic's update, and what the log shows of it. All are numbers, float32."""

    total: Tensor
    critic_real: Tensor  # E[f(real)], the mean score
    critic_fake: Tensor  # E[f(fake)]
    wasserstein_estimate: Tensor | None = None  # their difference
    gradient_penalty: Tensor | None = None  # as it enters the total, with its weight
    gradient_norm: Tensor | None = None  # mean over the images of the penalty

    def metrics(self) -> dict[str, Tensor]:
        """By the names of log.csv, without a graph."""
        named = {"critic_loss": self.total, **{name: getattr(self, name) for name in self._fields[1:]}}
        return {name: value.detach() for name, value in named.items() if value is not None}


class Trainer(ABC):
    """One algorithm with its networks and optimisers. A subclass gives the two losses, and no more.

    Args:
        config: the run's keys.
        generator: trained to fool the critic.
        critic: trained to tell real from generated.
        device: where both live from now on.
        dtype: what the networks compute in; weights, losses, norms and optimisers stay float32 (or float64 in tests).
        ranks: the processes that share each batch.
    """

    def __init__(
        self,
        config: TrainConfig,
        generator: Generator,
        critic: Critic,
        device: torch.device,
        dtype: torch.dtype,
        ranks: Ranks = ALONE,
    ) -> None:
        self.config, self.device, self.dtype, self.ranks = config, device, dtype, ranks
        self.draws = Draws(config.seed, device, ranks.rank, ranks.world_size)
        self.generator = generator.to(device).to(memory_format=torch.channels_last)
        self.critic = critic.to(device).to(memory_format=torch.channels_last)
        self.augment_p = 0.0  # of each change of `augment: auto`
        self.labels: Tensor | None = None  # (N,) during a conditional update: the class of each real image and its fake
        ranks.broadcast_([t for network in (self.generator, self.critic) for t in floating_tensors(network)])
        self.ema = ExponentialMovingAverage(self.generator, config.ema_decay)
        self.generator_optimizer = build_optimizer(config, self.generator, config.learning_rate)
        self.critic_optimizer = build_optimizer(config, self.critic, config.critic_learning_rate)

    def set_rates(self, step: int, num_steps: int) -> None:
        """The learning rates of this step out of so many, by `learning_rate_decay` and its warm-up."""
        factor = rate_factor(self.config.learning_rate_decay, self.config.learning_rate_warm_up, step, num_steps)
        rates = self.config.learning_rate, self.config.critic_learning_rate
        for optimizer, rate in zip((self.generator_optimizer, self.critic_optimizer), rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    @abstractmethod
    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        """The critic's loss of real and generated images, (N, C, H, W) in [-1, 1]; no gradient reaches them.

        `epsilon`, (N, 1, 1, 1), uniform in [0, 1), says where between the two to look at the critic's slope.
        """

    @abstractmethod
    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        """The generator's loss, given the critic's scores (N,) of its images; `real_scores()` are those of N real ones.

        The latter, without a graph, are computed when they are asked for.
        """

    def after_critic_update(self) -> None:  # noqa: B027 - most algorithms have nothing to do here
        """Whatever the algorithm does to the critic's new weights."""

    def critic_update(self, real: Tensor, step: int, labels: Tensor | None = None) -> dict[str, Tensor]:
        """One step of the critic's optimiser, by this rank's images: (N, C, H, W), float32 in [-1, 1], on the device.

        `step` counts critic updates; all the step's random numbers come from it. `labels`, (N,) int64 for conditional
        networks, are the classes of the real images; the generated ones, and those between, have the same.

        Returns:
            Metrics by the names of log.csv, of this rank's images; on the device, where they stay until the log is due.
        """
        parts = self.config.accumulate
        with torch.no_grad():  # the critic's loss needs no graph through the generator
            latents = self.latents(len(real), "critic latents", step)
            fake = self.generator(latents, labels)  # one batch for its batch norm
            fake = self.fake_as_seen(fake, self.draws, step)
            real = self.as_seen(real, self.draws, step)
        epsilon = self.draws.uniform("interpolation", step, len(real), *[1] * (real.dim() - 1))
        self.critic_optimizer.zero_grad()
        metrics = []
        with one_weight_per_update(self.critic):
            chunks = real.chunk(parts), fake.chunk(parts), epsilon.chunk(parts)
            for *part, self.labels in zip(*chunks, _parts_of(labels, parts), strict=True):
                loss = self.critic_loss(*part)
                metrics.append(loss.metrics())
                again = self.config.spectral_norm and len(metrics) < parts  # the next part takes the same weights
                (loss.total / parts).backward(retain_graph=again)
                del loss  # and with it this part's activations, before the next part has its own
        self.labels = None
        self.ranks.all_reduce_mean_(gradients(self.critic))
        self.critic_optimizer.step()
        self.after_critic_update()
        return mean_metrics(metrics)

    def generator_is_due(self, step: int) -> bool:
        """Whether an update of the generator follows this step's of the critic."""
        return generator_updates(self.config, step + 1) > generator_updates(self.config, step)

    def generator_update(self, rows: int, step: int, real: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """One step of the generator's optimiser by `rows` images of this rank, then of its average.

        `step` and `real` are those of the critic update before it; `labels`, (rows,), are the classes to generate.
        Metrics as by `critic_update`.
        """
        parts = self.config.accumulate
        latents = self.latents(rows, "generator latents", step)
        learning = trained(self.critic)
        for weights in learning:  # nobody needs their gradients, a third of this backward pass
            weights.requires_grad_(False)
        self.generator_optimizer.zero_grad()
        metrics = []
        with one_weight_per_update(self.critic):
            chunks = latents.chunk(parts), real.chunk(parts), _parts_of(labels, parts)
            for index, (part, real_part, self.labels) in enumerate(zip(*chunks, strict=True)):
                draws = self.draws.part(index, parts)
                fake = self.generator(part, self.labels)
                fake = self.fake_as_seen(fake, draws, step, "augment generated")
                fake_scores = self.critic(fake, self.labels)
                loss = self.generator_loss(fake_scores, partial(self._real_scores, real_part, draws, step))
                (loss / parts).backward()
                metrics.append({"generator_loss": loss.detach()})
        self.labels = None
        for weights in learning:
            weights.requires_grad_(True)
        self.ranks.all_reduce_mean_([*gradients(self.generator), *running_statistics(self.generator)])
        self.generator_optimizer.step()
        self.ema.update(self.generator, generator_updates(self.config, step + 1))
        return mean_metrics(metrics)

    def as_seen(self, real: Tensor, draws: Draws, step: int) -> Tensor:
        """Real images as the critic sees them in this step: (N, C, H, W)."""
        if self.config.dequantise:  # 256 levels side by side fill [-1, 1]
            real = (255 * real + 2 * draws.uniform("dequantisation", step, *real.shape) - 1) / 256
        return augmented(real, self.config.augment, draws, "augment real", step, self.augment_p)

    def fake_as_seen(self, fake: Tensor, draws: Draws, step: int, purpose: str = "augment fake") -> Tensor:
        """Generated images as the critic sees them in this step: (N, C, H, W)."""
        return augmented(fake, self.config.augment, draws, purpose, step, self.augment_p)

    @torch.no_grad()
    def _real_scores(self, real: Tensor, draws: Draws, step: int) -> Tensor:
        scores: Tensor = self.critic(self.as_seen(real, draws, step).to(self.dtype), self.labels)
        return scores

    def scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's scores of real and of generated images, (N,) each."""
        if self.critic.has_batch_norm:  # batch norm: each kind has its own statistics (DCGAN, sec. 3; WGAN's code)
            return self.critic(real.to(self.dtype), self.labels), self.critic(fake.to(self.dtype), self.labels)
        both = torch.cat([real.to(self.dtype), fake.to(self.dtype)])
        real_scores, fake_scores = self.critic(both, self._labels_of_both()).chunk(2)
        return real_scores, fake_scores

    def scores_and_norms(self, real: Tensor, fake: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The critic's scores of real and of generated images, (N,) each, and `gradient_norm` of both, (2 N,)."""
        both = torch.cat([real.to(self.dtype), fake.to(self.dtype)])
        scores, gradient = self.critic.scores_and_gradient(both, self._labels_of_both())
        return scores.chunk(2), torch.linalg.vector_norm(at_least_float32(gradient).flatten(1), dim=1)

    def gradient_norm(self, images: Tensor) -> Tensor:
        """The Euclidean norm of the critic's gradient by each image, over all its pixels and channels.

        (N, C, H, W) to (N,), float32, differentiable by the critic's weights.
        """
        gradient = at_least_float32(self.critic.input_gradient(images.to(self.dtype), self.labels))
        norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return norms

    def _labels_of_both(self) -> Tensor | None:
        return None if self.labels is None else self.labels.repeat(2)

    def latents(self, rows: int, purpose: str, step: int) -> Tensor:
        """Standard normal latents, (rows, K), in the networks' type."""
        return self.draws.normal(purpose, step, rows, self.config.latent_vector).to(self.dtype)

    @torch.no_grad()
    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of the averaged generator: (N, K), and labels as it takes, to (N, C, H, W), float32 in [-1, 1]."""
        labels = None if labels is None else labels.to(self.device)
        images: Tensor = self.ema.model(latents.to(self.device), labels)  # float32: bfloat16 would round colours
        return images

    def sync_buffers_and_verify(self) -> None:
        """Make sure that all ranks hold one state. All call it, before a checkpoint.

        Batch norm normalises each rank's images by themselves; its running statistics become the mean of the ranks'.

        Raises:
            RunFault: the ranks' weights differ.
        """
        self.ranks.all_reduce_mean_([*running_statistics(self.generator), *running_statistics(self.critic)])
        self.ranks.check_in_sync(self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Everything that training changes."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    @property
    def networks(self) -> dict[str, nn.Module]:
        """By their names in a checkpoint."""
        return {"generator": self.generator, "critic": self.critic, "ema": self.ema.model}

    def _parts(self) -> dict[str, Any]:
        optimizers = {"generator_optimizer": self.generator_optimizer, "critic_optimizer": self.critic_optimizer}
        return self.networks | optimizers


def build_trainer(
    config: TrainConfig,
    shape: Sequence[int],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    ranks: Ranks = ALONE,
    classes: Classes = NO_CLASSES,
) -> Trainer:
    """The trainer that `arch` names, a file in this folder and an entry in `ALGORITHMS`; shape: (C, H, W) or (2,).

    With `classes`, its networks are conditional.
    """
    module, _, name = ALGORITHMS[config.arch].trainer.partition(":")
    trainer: type[Trainer] = getattr(import_module(module), name)
    networks = build_generator(config, shape, classes), build_critic(config, shape, classes)
    return trainer(config, *networks, device, dtype, ranks)


def trained(network: nn.Module) -> list[nn.Parameter]:
    """The weights that are not held (`freeze_critic`)."""
    return [weights for weights in network.parameters() if weights.requires_grad]


def gradients(network: nn.Module) -> list[Tensor]:
    """Those of all weights that have one."""
    return [weights.grad for weights in network.parameters() if weights.grad is not None]


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Batch norm's running means and variances, which a network in eval mode normalises with."""
    return [buffer for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))]


def build_optimizer(config: TrainConfig, network: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Adam or RMSProp (without momentum, as WGAN's Algorithm 1 has it), in few large kernels."""
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(trained(network), lr=learning_rate, foreach=True)
    betas = (config.beta_adam, config.beta2_adam)
    return torch.optim.Adam(trained(network), lr=learning_rate, betas=betas, fused=True)


def rate_factor(decay: str, warm_up: int, step: int, num_steps: int) -> float:
    """What the learning rate is multiplied with in step 0 to num_steps - 1: a function of the step, so resume is exact.

    It rises linearly over `warm_up` steps, and falls to 0, linearly (the CIFAR-10 runs of WGAN-GP, arXiv:1704.00028) or
    as half a cosine (arXiv:1608.03983), over all of them.
    """
    done = step / num_steps
    fall = {"none": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[decay]
    return fall * min(1.0, (step + 1) / (warm_up + 1))


@contextmanager
def one_weight_per_update(network: nn.Module) -> Iterator[None]:
    """Within the block each spectrally normalised weight is computed once: one power iteration an update."""
    with parametrize.cached():
        for layer in network.modules():
            if parametrize.is_parametrized(layer, "weight"):
                _ = layer.weight  # cached now, with its graph: the first use may be under no_grad (input_gradient)
        yield


def interpolate(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """epsilon * real + (1 - epsilon) * fake: a point on the line between each pair (WGAN-GP, Algorithm 1, line 6)."""
    dtype = torch.promote_types(real.dtype, fake.dtype)  # float32 or better: bfloat16 would round the real images
    return torch.lerp(fake.to(dtype), real.to(dtype), epsilon.to(dtype))


def _parts_of(labels: Tensor | None, parts: int) -> Sequence[Tensor | None]:
    return [None] * parts if labels is None else labels.chunk(parts)


def mean_metrics(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The metrics of a batch from those of its equal parts."""
    if len(parts) == 1:
        return parts[0]
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
