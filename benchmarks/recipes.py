"""Which settings give the best images within a time: variants of a YAML, trained for as long.

    PYTHONPATH=. python benchmarks/recipes.py --seconds 450 "critic_its=2" "gen_feature_maps=48 batch_size=32"
    PYTHONPATH=. python benchmarks/recipes.py --yaml configs/own_images.yaml --keys "path=photographs image_size=32" ...

Each argument is a variant: keys as --set takes them. It trains until its seconds are over (reading the data, measuring
and writing not counted) or so many updates are done, which a busy machine does not change, and is measured on the way:
the Fréchet distance of 10,000 images of the averaged generator to as many held-out ones, or to all there are, on the
features of this project's own classifier, which no variant saw. So the images need labels: a named set, or a folder
with a sub-folder for each class.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.data.image_set import Data
from wgan.data.load import load_data as load_data
from wgan.metrics.classifier import Classifier, kept_back, trained
from wgan.metrics.features import batched
from wgan.metrics.frechet import frechet_distance
from wgan.reporting.grids import save_grid, to_uint8
from wgan.runtime.device import choose_precision
from wgan.trainers.base import Trainer, build_trainer
from wgan.utils.rng import generator

CPU = torch.device("cpu")
YAML = Path(__file__).parents[1] / "configs" / "fashion_mnist.yaml"
IMAGES = 10_000


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = read(options.yaml, options.keys.split())
    data = load_data(base)
    judge, _ = trained(kept_back(data.train)[0], CPU, base.cache)
    test = batched(data.held_out.images[:IMAGES], judge.features)
    shares = [(part + 1) / options.parts for part in range(options.parts)]
    length, unit = (options.steps, "steps") if options.steps else (options.seconds, "s")
    print(f"| variant | ms a step | steps | {' | '.join(f'at {length * s:.0f} {unit}' for s in shares)} |")
    print(f"|---|---|---|{'---|' * options.parts}")
    for variant in options.variants:
        config = read(options.yaml, [*options.keys.split(), *variant.split()])
        moments = [length * s for s in shares]
        steps, seconds, distances, trainer = compete(config, data, moments, bool(options.steps), judge, test)
        row = [
            variant or "as it is",
            f"{seconds / steps * 1e3:.1f}",
            f"{steps}",
            *(f"{d:.1f}" for d in distances),
        ]
        print(f"| {' | '.join(row)} |", flush=True)
        if options.grids:
            name = variant.replace(" ", ",") or "as it is"
            save_grid(trainer.sample(latents(config, 64)), options.grids / f"{name}.png")


def read(yaml: Path, overrides: list[str]) -> TrainConfig:
    config = load_config(yaml, overrides)
    assert isinstance(config, TrainConfig)
    return config


def compete(
    config: TrainConfig, data: Data, moments: list[float], in_steps: bool, judge: Classifier, test: Tensor
) -> tuple[int, float, list[float], Trainer]:
    """Train until the last of the moments, in seconds or steps; steps and seconds taken, the distance at each."""
    images = data.train.images
    trainer = build_trainer(config, images.shape[1:], CPU, choose_precision(config, CPU).dtype)
    batches = Batches(images, config.batch_size, config.seed, CPU)
    step, spent, distances = 0, 0.0, []
    for moment in moments:
        start = time.perf_counter() - spent
        while (step if in_steps else time.perf_counter() - start) < moment:
            real = batches.batch(step)
            trainer.critic_update(real, step)
            if (step + 1) % config.critic_its == 0:
                trainer.generator_update(config.gen_batch_size, step, real)
            step += 1
        spent = time.perf_counter() - start
        fake = torch.cat([to_uint8(trainer.sample(part)) for part in latents(config, IMAGES).split(500)])
        distances.append(float(frechet_distance(batched(fake, judge.features), test)))
    return step, spent, distances, trainer


def latents(config: TrainConfig, count: int) -> Tensor:
    return torch.randn(count, config.latent_vector, generator=generator(config.seed, "benchmark"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", default=[""])
    parser.add_argument("--yaml", type=Path, default=YAML, help="what they are variants of")
    parser.add_argument("--keys", default="", help="what all of them set")
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--steps", type=int, help="critic updates of each, instead of seconds")
    parser.add_argument("--parts", type=int, default=3, help="how often each is measured")
    parser.add_argument("--threads", type=int, help="all cores unless given")
    parser.add_argument("--grids", type=Path, help="a folder for a grid of each")
    return parser.parse_args()


if __name__ == "__main__":
    main()
