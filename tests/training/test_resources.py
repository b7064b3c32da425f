"""What a training takes, told before it begins."""

from types import SimpleNamespace

import pytest
import torch
from commands import write_yaml

from wgan.check import check
from wgan.config.resolve import load_config, resolve
from wgan.train import train
from wgan.trainers.base import build_trainer
from wgan.training import resources
from wgan.utils.errors import InputError


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
    assert resources.checkpoint_bytes(*resources.meta_networks(config, (3, 28, 28))) == pytest.approx(held, rel=0.01)


def test_the_disk_told_holds_all_checkpoints_that_a_training_writes_and_its_grids():
    def disk(steps=0, **keys):
        config = resolve({"arch": "WGAN-GP", "path": "x", "keep_checkpoints": 3, "sample_every": 10, **keys})
        networks = resources.meta_networks(config, (3, 64, 64))
        grid = 64 * 3 * 64 * 64
        need = resources.disk(config, *networks, (3, 64, 64), steps)
        return (need - (steps // 10 + 1) * grid) / resources.checkpoint_bytes(*networks)

    assert disk() == disk(steps=100) == 4, "three are kept while the next is written"
    assert disk(metrics_every=5) == 5, "and the best one"


def test_what_check_passes_the_training_takes_and_what_it_refuses_the_training_refuses(tmp_path, monkeypatch, capsys):
    """On a disk with room for the checkpoints that are kept, and not for the one being written."""
    config = load_config(write_yaml(tmp_path, metrics=[], keep_checkpoints=1, metrics_every=4))
    need = resources.disk(config, *resources.meta_networks(config, (1, 28, 28)), (1, 28, 28), 12)
    for free, status in ((need - 1, 2), (need, 0)):
        monkeypatch.setattr(resources.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert check(config) == status
        assert ("the training will take about" in capsys.readouterr().err) == bool(status)
        if status:
            with pytest.raises(InputError, match="out: the training will take about"):
                train(config)
        else:
            assert train(config) == 0


def layers(config):
    generator, critic = resources.meta_networks(config, (3, 64, 64))
    return resources.layers(generator, (config.latent_vector,)), resources.layers(critic, (3, 64, 64))


def test_memory_grows_with_the_batch_and_shrinks_with_its_parts():
    def memory(**keys):
        config = resolve({"arch": "WGAN-GP", "path": "x", "batch_size": 64, **keys})
        return resources.memory(config, *layers(config), torch.float32)

    assert memory(batch_size=128) > 1.5 * memory()
    assert memory(accumulate=4) < 0.5 * memory()
    assert memory(n_gpu=4) == memory(accumulate=4)


def test_layers_stand_in_the_order_in_which_they_run():
    config = resolve(
        {"arch": "DCGAN", "path": "x", "gen_feature_maps": 128, "spectral_norm": True, "critic_norm": "none"}
    )
    generator, critic = layers(config)
    maps = [layer.shape for layer in generator if layer.kind in ("ConvFromLatent", "ConvTranspose2d")]
    assert maps == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]  # DCGAN, figure 1
    assert [layer.shape for layer in critic if layer.kind == "Conv2d"] == [
        (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)
    ]  # fmt: skip
