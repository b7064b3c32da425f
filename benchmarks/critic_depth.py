"""Clipping against the penalty in the depth of a critic: WGAN-GP's figure 1b (arXiv:1704.00028, sec. 3.2).

    python benchmarks/critic_depth.py [--steps 500] [--out out/critic_depth.png]

As there: critics with 12 hidden layers on the Swiss roll, weights clipped to 0.1, 0.01 and 0.001, or penalised. The
generator stays a standard normal, so that all critics see the same. The gradient that arrives behind each layer
explodes or vanishes from layer to layer under clipping, whatever the bound; under the penalty it keeps its size.
"""

import argparse
import itertools
from pathlib import Path

import torch

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.toy_2d import toy
from wgan.metrics.toy_2d import gradient_norms_by_depth, weights_of
from wgan.networks.base import Critic, Generator
from wgan.networks.build import he_init_
from wgan.networks.layers import Chain, Flatten, LeakyReLU, Linear
from wgan.reporting.toy_2d import depth_picture
from wgan.trainers.base import Trainer, build_trainer

DEPTH, WIDTH, BATCH = 12, 128, 256
VARIANTS: dict[str, dict[str, object]] = {
    "clip 0.1": {"arch": "WGAN-CLIP", "clip_value": 0.1},
    "clip 0.01": {"arch": "WGAN-CLIP", "clip_value": 0.01},
    "clip 0.001": {"arch": "WGAN-CLIP", "clip_value": 0.001},
    "penalty": {"arch": "WGAN-GP", "gp_lambda": 10, "learning_rate": 1e-3, "beta_adam": 0.5},
}


def main() -> None:
    options = arguments()
    points = toy("swissroll", 0)[0].images
    weights, norms = {}, {}
    for name, keys in VARIANTS.items():
        trainer = deep_trainer(keys)
        for step in range(options.steps):
            start = step * BATCH % (len(points) - BATCH)
            trainer.critic_update(points[start : start + BATCH], step)
        weights[name] = weights_of(trainer.critic)
        norms[name] = gradient_norms_by_depth(trainer.critic, points[-1000:])
        print(f"{name:>10}: {'  '.join(f'{norm:.1e}' for norm in norms[name])}", flush=True)
    shown = {name: weights[name] for name in ("clip 0.01", "penalty")}
    depth_picture(shown, norms, options.out)
    print(options.out)


def deep_trainer(keys: dict[str, object]) -> Trainer:
    """A trainer with a deep critic, and a generator that gives its latents."""
    settings = {"dataset": "swissroll", "latent_vector": 2, "batch_size": BATCH, "critic_learning_rate": 1e-3}
    config = resolve({**settings, **keys})
    assert isinstance(config, TrainConfig)
    trainer = build_trainer(config, (2,), torch.device("cpu"))
    units = [2, *[WIDTH] * DEPTH]
    hidden = [layer for pair in itertools.pairwise(units) for layer in (Linear(*pair), LeakyReLU(0.2))]
    trainer.generator, trainer.critic = Generator(Chain(Flatten()), 2), Critic(Chain(*hidden, Linear(WIDTH, 1)))
    he_init_(trainer.critic, torch.Generator().manual_seed(0))
    rate, weights = config.critic_learning_rate, trainer.critic.parameters()
    adam, rmsprop = torch.optim.Adam, torch.optim.RMSprop
    betas = (config.beta_adam, config.beta2_adam)
    trainer.critic_optimizer = adam(weights, rate, betas) if config.optimizer == "adam" else rmsprop(weights, rate)
    return trainer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("out/critic_depth.png"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
