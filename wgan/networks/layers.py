"""Layers that can give the gradient of a critic's scores by its images without double backward.

Near any input x, linear layers and piecewise linear activations together are an affine map. Its gradient by x is the
map's transpose, the adjoint: the transposed layers in reverse order, each activation replaced by its slope at x. So
`linearise` returns a layer's output and its adjoint; a gradient penalty is then one more forward pass, through the
adjoints, and its gradient by the weights one ordinary backward pass. The slopes are piecewise constant: leaving them
out of the graph is exact wherever the gradient exists.

Every layer computes in the type of its input (bfloat16 or float32); weights stay float32.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wgan.networks.cpu_kernels import conv, conv_transpose

Layers = Iterator[nn.Module]  # the layers of a network, from its input to its output
Adjoint = Callable[[Tensor], Tensor]  # takes the gradient by a layer's output, (N, ...), to the gradient by its input


@runtime_checkable
class PiecewiseLinear(Protocol):
    """A layer with an adjoint."""

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        """Return the layer's output at `x` and its adjoint there, differentiable by the weights, not by `x`."""


def cast(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.GroupNorm, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """A layer's weight and bias in its input's type."""
    return layer.weight.to(x.dtype), None if layer.bias is None else layer.bias.to(x.dtype)


class Conv2d(nn.Conv2d):
    """Convolution; (N, C, H, W) -> (N, C', H', W')."""

    def forward(self, x: Tensor) -> Tensor:
        return conv(x, *cast(self, x), self.stride[0], int(self.padding[0]))

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        y = self(x)
        stride, padding = self.stride[0], int(self.padding[0])
        # A stride may leave pixels on the right and below that no kernel reaches: their gradient is zero, and without
        # this output padding the adjoint's map would be too small.
        covered = [(side - 1) * stride - 2 * padding + self.kernel_size[0] for side in y.shape[2:]]
        missed = x.shape[2] - covered[0], x.shape[3] - covered[1]
        return y, lambda gradient: conv_transpose(
            gradient, self.weight.to(gradient.dtype), None, stride, padding, missed
        )


class ConvToScalar(Conv2d):
    """A convolution whose kernel covers its whole input: (N, C, H, W) -> (N, C', 1, 1). One matrix product."""

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = cast(self, x)
        return F.linear(pixels_first(x), pixels_first(weight), bias)[..., None, None]

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        def adjoint(gradient: Tensor) -> Tensor:  # the product's transpose
            rows = gradient.flatten(1) @ pixels_first(self.weight.to(gradient.dtype))
            return channels_first(rows, self.in_channels, *self.kernel_size)

        return self(x), adjoint


class ConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution; (N, C, H, W) -> (N, C', H', W')."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return conv_transpose(x, *cast(self, x), self.stride[0], int(self.padding[0]))


class ConvFromLatent(ConvTranspose2d):
    """A transposed convolution of one point: (N, C, 1, 1) -> (N, C', H, W). One matrix product."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        rows = x.flatten(1) @ pixels_first(self.weight.to(x.dtype))
        return channels_first(rows, self.out_channels, *self.kernel_size)


class Linear(nn.Linear):
    """Dense layer; (N, K) -> (N, K')."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, *cast(self, x))

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        return self(x), lambda gradient: gradient @ self.weight.to(gradient.dtype)


class LeakyReLU(nn.LeakyReLU):
    """max(x, slope * x); ReLU is slope 0. `inplace` halves the memory, where no other layer reads x."""

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        y = self(x)
        sign = y.detach()  # has that of x, which may be overwritten; the slope's own derivative is zero
        return y, lambda gradient: torch.ops.aten.leaky_relu_backward(gradient, sign, self.negative_slope, False)


class ReLU(LeakyReLU):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, inplace)


Activation = Callable[..., LeakyReLU]  # may be given `inplace`
ACTIVATIONS: dict[str, Activation] = {"leaky": partial(LeakyReLU, 0.2), "relu": ReLU}


class AvgPool2d(nn.AvgPool2d):
    """Means of 2x2 pixels; (N, C, H, W) -> (N, C, H/2, W/2)."""

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        # each of four pixels contributed a quarter to the mean
        return self(x), lambda gradient: F.interpolate(gradient, scale_factor=2, mode="nearest") / 4


class MeanPool2d(nn.Module):
    """Mean over all pixels; (N, C, H, W) -> (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        return self(x), lambda gradient: (gradient / x[0, 0].numel())[:, :, None, None].expand(x.shape)


class Flatten(nn.Flatten):
    """(N, ...) -> (N, K)."""

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        return self(x), lambda gradient: gradient.reshape(x.shape)


class LayerNorm(nn.GroupNorm):
    """Normalisation over each image, (N, C, H, W), with a gain and a bias per channel (arXiv:1607.06450)."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, 1, *cast(self, x))


class ConditionalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with a gain and a bias for each class (arXiv:1610.07629, eq. 5), which begin at 1 and 0.

    Labels are classes, (N,) int64, or shares of each, (N, classes), which mix the classes' gains and biases.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, affine=False)
        self.gain = nn.Parameter(torch.ones(classes, channels))
        self.offset = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        assert labels is not None, "a conditional generator needs labels"
        gain, offset = (t[labels] if labels.dim() == 1 else labels @ t for t in (self.gain, self.offset))
        return torch.addcmul(offset.to(x.dtype)[..., None, None], super().forward(x), gain.to(x.dtype)[..., None, None])


class Projection(nn.Module):
    """A critic's last layer: score(features) + <embedding of the class, features> (arXiv:1802.05637, eq. 3).

    The embeddings are the weights of a layer with one output for each class, of which the label chooses: so they begin,
    are normalised and have an adjoint as every other layer's do.
    """

    def __init__(self, score: nn.Module, classes: int) -> None:
        super().__init__()
        assert isinstance(score, Linear | ConvToScalar)
        self.score = score
        self.embedding: Linear | ConvToScalar
        if isinstance(score, Linear):
            self.embedding = Linear(score.in_features, classes, bias=False)
        else:
            height, width = score.kernel_size
            self.embedding = ConvToScalar(score.in_channels, classes, (height, width), bias=False)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.linearise(x, labels)[0]

    def linearise(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Adjoint]:
        assert labels is not None, "a conditional critic needs labels"
        (y, score), (products, embedding) = self.score.linearise(x), self.embedding.linearise(x)
        column = labels.view_as(y)

        def adjoint(gradient: Tensor) -> Tensor:  # a choice's transpose puts the gradient where the choice was
            return score(gradient) + embedding(torch.zeros_like(products).scatter(1, column, gradient))

        return y + products.gather(1, column), adjoint


class Chain(nn.Sequential):
    """Layers one after the other, each given the labels if it takes them."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        for layer in self:
            takes_labels = isinstance(layer, ConditionalBatchNorm2d | Projection | Residual)
            x = layer(x, labels) if takes_labels else layer(x)
        return x

    def linearise(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Adjoint]:
        adjoints: list[Adjoint] = []
        for layer in self:
            assert isinstance(layer, PiecewiseLinear), f"{layer} has no adjoint"
            x, adjoint = layer.linearise(x, labels) if isinstance(layer, Projection) else layer.linearise(x)
            adjoints.append(adjoint)  # (A B)^T = B^T A^T: called in reverse order below

        def chained(gradient: Tensor) -> Tensor:
            for adjoint in reversed(adjoints):
                gradient = adjoint(gradient)
            return gradient

        return x, chained


class Residual(nn.Module):
    """body(x) + shortcut(x)."""

    def __init__(self, body: Chain, shortcut: Chain) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut  # an empty chain is the identity

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.add(self.body(x, labels), self.shortcut(x))

    def linearise(self, x: Tensor) -> tuple[Tensor, Adjoint]:
        y, body = self.body.linearise(x)
        shortcut_y, shortcut = self.shortcut.linearise(x)
        return y + shortcut_y, lambda gradient: body(gradient) + shortcut(gradient)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "instance": partial(nn.InstanceNorm2d, affine=True),
    "layer": LayerNorm,
}


def norm(kind: str, channels: int) -> list[nn.Module]:
    """The layer that `critic_norm` names, for (N, channels, H, W): one of `NORMS`, or "none"."""
    return [] if kind == "none" else [NORMS[kind](channels)]


def pixels_first(x: Tensor) -> Tensor:
    """(N, C, H, W) to rows (N, H * W * C). Activations lie channels last, so this is a view and copies nothing."""
    return x.permute(0, 2, 3, 1).flatten(1)


def channels_first(rows: Tensor, channels: int, height: int, width: int) -> Tensor:
    """The inverse of `pixels_first`."""
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
