"""What every generator and every critic is, whatever its layers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations

from wgan.data.image_folder import Unusable, class_indices
from wgan.networks.layers import Chain, PiecewiseLinear
from wgan.utils.rng import generator as randomness

Classes = Mapping[str, int]
"""Class names in the order of their labels, each with its count of training images."""
NO_CLASSES: Classes = {}
BLOCK = 1024  # what is sampled is drawn in blocks of a fixed size, so that it does not depend on the batch size
MAX_GROWTH = 16
"""A network's widest layer has at most this many times its feature maps (256 px would double once more)."""


def stages(height: int, width: int) -> tuple[int, int, int]:
    """(height and width of the smallest map, doublings): 64 x 96 = (4 x 6) * 2^4, 28 x 28 = (7 x 7) * 2^2."""
    doublings = 0
    while height % 2 == width % 2 == 0 and max(height, width) > 7:
        height, width, doublings = height // 2, width // 2, doublings + 1
    return height, width, doublings


def widths(side: int, feature_maps: int) -> list[int]:
    """Channels from the largest map to the smallest: 64 px with 64 feature maps gives 64, 128, 256, 512."""
    return [feature_maps * min(2**level, MAX_GROWTH) for level in range(stages(side, side)[2])]


class Generator(nn.Module):
    """Latents, K = `latent_vector` each, and of a conditional one also the images' classes, to images.

    The layers lead from (N, K, 1, 1) to (N, C, H, W) in [-1, 1], or to (N, 2) for points in the plane.
    """

    def __init__(self, layers: Chain, latent_vector: int, classes: Classes = NO_CLASSES) -> None:
        super().__init__()
        self.main = layers
        self.latent_vector = latent_vector
        self.classes = classes  # empty where it is not conditional

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (N, K), standard normal, to images in the latents' type; labels as `ConditionalBatchNorm2d` takes."""
        images: Tensor = self.main(latents[:, :, None, None], labels)
        return images

    def sample(
        self, count: int, seed: int = 42, batch_size: int = 64, classes: int | str | Sequence[int | str] | None = None
    ) -> Tensor:
        """Random images: (count, C, H, W), or (count, 2), float32 in [-1, 1], on the generator's device.

        Image i depends on (seed, i), its class and the weights alone, in evaluation mode; `batch_size` are generated at
        a time. `classes`, names or numbers, are taken in turn; by default they are drawn, as frequent as in the data.
        """
        labels = None
        if classes is not None:
            known = self.labels_of([classes] if isinstance(classes, int | str) else classes)
            labels = known.repeat(-(-count // len(known)))[:count]
        return torch.cat([*self.sample_batches(range(count), seed, batch_size, labels)])

    def labels_of(self, classes: Sequence[int | str]) -> Tensor:
        """The labels of classes, each named or numbered from 0, (N,) int64; `Unusable` where it does not know one."""
        if not self.classes:
            raise Unusable("classes", "this generator was trained without classes; train one with conditional: true")
        return torch.tensor([class_indices([wanted], [*self.classes])[0] for wanted in classes])

    @torch.no_grad()
    def sample_batches(
        self, numbers: Sequence[int], seed: int, batch_size: int, labels: Tensor | None = None, truncation: float = 1.0
    ) -> Iterator[Tensor]:
        """The images of `sample` of these numbers, in batches, for more than memory holds; the last may be smaller.

        `labels`, (N,) int64, say the class of each; by default they are `drawn_labels`. `truncation` scales latents.
        """
        device = next(self.parameters()).device
        for start in range(0, len(numbers), batch_size):
            part = slice(start, start + batch_size)
            chosen = drawn_labels(self.classes, numbers[part], seed) if labels is None else labels[part]
            latents = truncation * self.latents(numbers[part], seed)
            yield self(latents.to(device), None if chosen is None else chosen.to(device))

    def latents(self, numbers: Sequence[int], seed: int) -> Tensor:
        """Those of the images of these numbers, (N, K) standard normal, on the CPU."""
        size = BLOCK, self.latent_vector
        return numbered_rows(numbers, lambda k: torch.randn(size, generator=randomness(seed, "generated latents", k)))


def drawn_labels(
    classes: Classes, numbers: Sequence[int], seed: int, purpose: str = "generated classes"
) -> Tensor | None:
    """Random labels, (N,) int64, as frequent as `classes` are in the data; label i depends on (seed, i) alone."""
    if not classes:
        return None
    shares = torch.tensor([*classes.values()], dtype=torch.float64)
    return numbered_rows(numbers, lambda k: shares.multinomial(BLOCK, True, generator=randomness(seed, purpose, k)))


def numbered_rows(numbers: Sequence[int], block: Callable[[int], Tensor]) -> Tensor:
    """The rows of these numbers, (N, ...), of an endless table of which `block(k)` draws the k-th `BLOCK` rows."""
    wanted = torch.tensor(numbers)
    blocks, place = (wanted // BLOCK).unique(return_inverse=True)
    return torch.stack([block(index) for index in blocks.tolist()])[place, wanted % BLOCK]


class Critic(nn.Module):
    """Images, (N, C, H, W) or (N, 2), to one score each, unbounded: no sigmoid. (DCGAN reads the scores as logits.)

    A conditional one, which ends in a `Projection`, scores how real an image is as one of its class, (N,) int64.
    `spectral_norm` divides each weight by its largest singular value (arXiv:1802.05957, Algorithm 1).
    """

    def __init__(self, layers: Chain, spectral_norm: bool = False) -> None:
        super().__init__()
        self.main = layers
        leaves = [m for m in layers.modules() if not list(m.children())]
        self.piecewise_linear = all(isinstance(leaf, PiecewiseLinear) for leaf in leaves)
        self.has_batch_norm = any(isinstance(leaf, nn.BatchNorm2d) for leaf in leaves)
        if spectral_norm:
            with torch.random.fork_rng(devices=[]):  # the power iterations start from random vectors: always the same
                torch.manual_seed(0)
                for leaf in leaves:
                    if isinstance(leaf, nn.Conv2d | nn.Linear):
                        parametrizations.spectral_norm(leaf)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] to scores (N,), float32 whatever the images' type."""
        scores: Tensor = self.main(images, labels).flatten()
        return at_least_float32(scores)

    def scores_and_gradient(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`forward` and `input_gradient` in one pass over the images, both differentiable by the critic's weights."""
        if self.piecewise_linear:
            scores, adjoint = self.main.linearise(images, labels)
            return at_least_float32(scores.flatten()), adjoint(torch.ones_like(scores))
        images = images.detach().requires_grad_()
        scores = self(images, labels)
        (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        return scores, gradient

    def input_gradient(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The gradient of each image's score by that image, differentiable by the critic's weights.

        Through the adjoint network where the critic is piecewise linear (see `layers`), else by double backward.
        (N, C, H, W), in the images' type.
        """
        if self.piecewise_linear:
            with torch.no_grad():
                scores, adjoint = self.main.linearise(images, labels)
            return adjoint(torch.ones_like(scores))
        return self.scores_and_gradient(images, labels)[1]


@contextmanager
def at_rest(network: nn.Module) -> Iterator[None]:
    """Within the block a network that is being trained can be looked at: spectral norm takes no power iteration."""
    network.eval()
    yield
    network.train()


@torch.no_grad()
def aside(network: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
    """What a network gives in training, by copies of its buffers: its running statistics and power iterations stay."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    found: Tensor = functional_call(network, buffers, (images, labels))
    return found


def floating_tensors(network: nn.Module) -> list[Tensor]:
    """All weights and batch norm's running statistics, as views without a graph; its counters are left out."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def at_least_float32(x: Tensor) -> Tensor:
    """Losses and norms are taken in float32 or better."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
