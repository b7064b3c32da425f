"""What a training does beside its steps: the loop around them, and what it writes at the default intervals.

    PYTHONPATH=. python benchmarks/loop.py [--minutes 20] [--size 28] [--arch WGAN-GP]

Trains on the embedded digits as `image_generation.py` does, with the networks of configs/seeds/000_wgan_gp.yaml. The
optimisers' updates are timed within that training, so the rest is what it does beside them; two trainings of the same
steps differ by more than that. The loop: batches, the generator's average, log, progress. Written: samples, metrics,
checkpoints, pages.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.train import train
from wgan.trainers.base import Trainer
from wgan.trainers.ema import ExponentialMovingAverage


def main() -> None:
    options = arguments()
    updates, averages = Clock(), Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        updates.around(Trainer, "critic_update", "generator_update"),
        averages.around(ExponentialMovingAverage, "update"),
    ):
        config = configuration(options, Path(folder))
        start = time.perf_counter()
        train(config)
        whole = time.perf_counter() - start
        state = json.loads((config.out / config.run / "state.json").read_text(encoding="utf-8"))
    loop, step = state["seconds"], updates.seconds - averages.seconds
    average = averages.seconds / step
    print(f"{state['step']:,} critic updates, {1000 * step / state['step']:.1f} ms each with the generator's share")
    print(f"the loop around them: {loop / step - 1:.2%} of a step, of which the generator's average {average:.2%}")
    print(f"beside the loop: {whole - loop:.1f} s of {whole / 60:.1f} minutes, {(whole - loop) / whole:.1%}")


class Clock:
    """Adds up the seconds within some methods."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def around(self, kind: type, *methods: str) -> Iterator[None]:
        """Count them within the block."""
        with ExitStack() as stack:
            for method in methods:
                stack.enter_context(patch.object(kind, method, self._timed(getattr(kind, method))))
            yield

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def configuration(options: argparse.Namespace, out: Path) -> TrainConfig:
    """All intervals as they are where a YAML does not name them."""
    config = resolve(
        {
            "arch": options.arch,
            "dataset": "mnist-5k",
            "out": str(out),
            "run": "loop",
            "num_epochs": 10_000,
            "max_minutes": options.minutes,
            "image_size": options.size,
            "latent_vector": 256,
        }
    )
    assert isinstance(config, TrainConfig)
    return config


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--arch", default="WGAN-GP")
    return parser.parse_args()


if __name__ == "__main__":
    main()
