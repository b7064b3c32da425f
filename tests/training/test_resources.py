"""What a training takes, told before it begins."""

import pytest
import torch

from wgan.config.resolve import resolve
from wgan.trainers.build import build_trainer
from wgan.training import needs


def tensors(state):
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict):
        for item in state.values():
            yield from tensors(item)
    elif isinstance(state, list | tuple):
        for item in state:
            yield from tensors(item)


@pytest.mark.parametrize("network", ["conv", "resnet", "dense"])
def test_the_disk_told_is_what_a_checkpoint_holds(network):
    config = resolve({"arch": "WGAN-GP", "path": "x", "image_size": 28, "network": network, "critic_its": 1})
    trainer = build_trainer(config, (3, 28, 28), torch.device("cpu"))
    for optimizer in (trainer.generator_optimizer, trainer.critic_optimizer):
        for weights in (weights for group in optimizer.param_groups for weights in group["params"]):
            weights.grad = torch.zeros_like(weights)
        optimizer.step()  # its moments exist from the first step on
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors(trainer.state_dict()))
    told = needs.disk(*needs.networks(config, (3, 28, 28)), keep=1)
    assert told == pytest.approx(held, rel=0.01)
    assert needs.disk(*needs.networks(config, (3, 28, 28)), keep=3) == 3 * told


def test_memory_grows_with_the_batch_and_shrinks_with_its_parts():
    def memory(**keys):
        config = resolve({"arch": "WGAN-GP", "path": "x", "batch_size": 64, **keys})
        return needs.memory(config, *needs.networks(config, (3, 64, 64)), torch.float32)

    assert memory(batch_size=128) > 1.5 * memory()
    assert memory(accumulate=4) < 0.5 * memory()
    assert memory(n_gpu=4) == memory(accumulate=4)


def test_layers_stand_in_the_order_in_which_they_run():
    config = resolve(
        {"arch": "DCGAN", "path": "x", "gen_feature_maps": 128, "spectral_norm": True, "critic_norm": "none"}
    )
    generator, critic = needs.networks(config, (3, 64, 64))
    maps = [layer.shape for layer in generator if layer.kind in ("ConvFromLatent", "ConvTranspose2d")]
    assert maps == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]  # seed 001's table
    assert [layer.shape for layer in critic if layer.kind == "Conv2d"] == [
        (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)
    ]  # fmt: skip
