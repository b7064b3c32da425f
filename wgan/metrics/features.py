"""Feature extractors of one call shape: (N, C, H, W) uint8 images to (N, D) float32 on the CPU."""

import hashlib
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from wgan.metrics.images import slices, to_unit
from wgan.utils.rng import generator

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0: 2x2 max pooling
LARGEST = 64  # above it the cost is bounded by averaging down
REMEMBERED = 8  # results of the last calls that a process keeps: a training evaluates against the same real images

_known: dict[tuple[str, str], Tensor] = {}


def remembered(name: str, images: Tensor, extract: Callable[[Tensor], Tensor]) -> Tensor:
    """`extract(images)`, or the same from this process's memory of its last few calls.

    The name tells all that `extract` depends on besides the images, (N, C, H, W) uint8.
    """
    key = (name, digest_of(images))
    _known[key] = _known.pop(key) if key in _known else extract(images)  # the last one used stands last
    while len(_known) > REMEMBERED:
        del _known[next(iter(_known))]
    return _known[key]


def digest_of(*tensors: Tensor) -> str:
    """Names the contents and shapes of tensors."""
    found = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        found.update(str((tensor.dtype, tuple(tensor.shape))).encode())
        found.update(tensor.contiguous().numpy().data)
    return found.hexdigest()


def batched(images: Tensor, network: Callable[[Tensor], Tensor], numbers: int = 1 << 16) -> Tensor:
    """Apply `network` to slices of uint8 images, without gradients; results on the CPU."""
    with torch.no_grad():
        parts = slices(len(images), images[0].numel(), numbers)
        return torch.cat([network(images[part]).float().cpu() for part in parts])


def random_vgg16(images: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """64 features of a randomly initialised VGG16 ("R64" of Naeem et al. 2020, section 5, arXiv:2002.09797).

    Random features know no photographs, so they judge digits and textures as fairly as faces. The weights are always
    the same. Of (N, C, H, W) uint8, grey images are repeated to three channels, those above 64 pixels averaged down.
    """

    def extract(batch: Tensor) -> Tensor:
        unit = to_unit(batch, device, LARGEST)
        network = _vgg16(math.prod(math.ceil(side / 32) for side in unit.shape[2:])).to(device)
        found: Tensor = network((unit * 4 - 2).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last))
        return found

    return remembered("random-vgg16", images, lambda every: batched(every, extract))


@cache
def _vgg16(pixels: int) -> nn.Sequential:
    """VGG16 down to maps of so many pixels, then 4096 and 64 numbers."""
    layers: list[nn.Module] = []
    channels = 3
    for maps in VGG16:
        if not maps:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            continue
        layers += nn.Conv2d(channels, maps, 3, padding=1), nn.ReLU(inplace=True)
        channels = maps
    layers += [nn.Flatten(), nn.Linear(512 * pixels, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 64)]
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    he_normal_fan_out_(network, generator(0, "random-vgg16"))
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def he_normal_fan_out_(network: nn.Module, random: torch.Generator) -> None:
    """He initialisation of convolutions (fan out, as torchvision's VGG) and linear layers, biases zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan = (layer.weight[0] if isinstance(layer, nn.Linear) else layer.weight[:, 0]).numel()
            layer.weight.normal_(0, math.sqrt(2 / fan), generator=random)
            if layer.bias is not None:
                layer.bias.zero_()
