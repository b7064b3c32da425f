"""Convolutions on a CPU by faster ways than oneDNN's, where it is slow (benchmarks/README.md); the same sums.

Elsewhere, and on every other device, `conv` and `conv_transpose` are torch.nn.functional's.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SMALL_MAP = 8
"""Largest side of the smaller map at which a weight gradient is faster as one matrix product (bfloat16: 1.6 to 3.3
times up to a side of 4, 1.0 to 1.5 times up to 8; the slower the machine's memory, the more)."""
WIDE, PART = 1024, 256
"""From WIDE channels of the smaller map on that holds in float32 too (1.2 to 1.8 times), and a convolution is faster in
parts of PART output channels (float32: 1.4 to 1.6 times)."""
FEW = 3
"""Most output channels at which a transposed convolution is faster by `_overlap_add` or `_by_phases` (1.5 to 3.5
times)."""


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Convolution; x: (N, C, H, W), weight: (C', C, k, k), to (N, C', H', W')."""
    if _small(x, weight, max(x.shape[2:]) // stride, stride, padding):
        y: Tensor = _Conv.apply(x, weight, False)
        return y if bias is None else y + bias[:, None, None]
    return F.conv2d(x, weight, bias, stride, padding)


def conv_transpose(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: tuple[int, int] = (0, 0)
) -> Tensor:
    """Transposed convolution; x: (N, C, H, W), weight: (C, C', k, k), to (N, C', H', W')."""
    if output_padding == (0, 0) and _few(x, weight, stride, padding):
        y: Tensor = _ConvTransposeToFew.apply(x, weight, stride, padding)
    elif output_padding == (0, 0) and _small(x, weight, max(x.shape[2:]), stride, padding):
        y = _Conv.apply(x, weight, True)
    else:
        return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding)
    return y if bias is None else y + bias[:, None, None]


def _small(x: Tensor, weight: Tensor, side: int, stride: int, padding: int) -> bool:
    """Whether a layer's weight gradient is taken as a product; `side` is the longer one of its smaller map."""
    handled = stride == 2 and padding == 1 and weight.shape[-1] == 4 and side <= SMALL_MAP
    gains = x.dtype == torch.bfloat16 or (x.dtype == torch.float32 and len(weight) >= WIDE)
    return handled and gains and x.device.type == "cpu"


def _few(x: Tensor, weight: Tensor, stride: int, padding: int) -> bool:
    """Whether a transposed convolution gives so few channels that oneDNN is slow at it, in a geometry handled here."""
    channels = weight.shape[1]
    handled = channels == 1 or (channels <= FEW and (weight.shape[-1], stride, padding) == (4, 2, 1))
    return handled and x.device.type == "cpu"


class _Conv(torch.autograd.Function):
    """4x4 convolution of stride 2, padding 1, or a transposed one, its mirror image.

    Its backward is differentiable: a gradient penalty may go through it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, transposed: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.transposed = transposed
        if transposed or len(weight) < WIDE:
            return (F.conv_transpose2d if transposed else F.conv2d)(x, weight, None, 2, 1)
        return torch.cat([F.conv2d(x, part, None, 2, 1) for part in weight.split(PART)], 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        mirrored, small, large = (conv, x, gradient) if ctx.transposed else (conv_transpose, gradient, x)
        by_x = mirrored(gradient, weight, None, 2, 1) if ctx.needs_input_grad[0] else None
        by_weight = _weight_gradient(small, large) if ctx.needs_input_grad[1] else None
        return by_x, by_weight, None


class _ConvTransposeToFew(torch.autograd.Function):
    """Transposed convolution to few channels. Its backward is oneDNN's, which is fast and differentiable."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        # stride, padding, dilation, transposed, output padding, groups
        ctx.geometry = [stride] * 2, [padding] * 2, [1, 1], True, [0, 0], 1
        return _overlap_add(x, weight, stride, padding) if weight.shape[1] == 1 else _by_phases(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        wanted = [*ctx.needs_input_grad[:2], False]
        by_x, by_weight, _ = torch.ops.aten.convolution_backward(gradient, x, weight, None, *ctx.geometry, wanted)
        return by_x, by_weight, None, None


def _weight_gradient(small: Tensor, large: Tensor) -> Tensor:
    """Sum over images and places of (small map) x (its 4x4 window of the large map).

    (N, A, H, W) and (N, B, 2H, 2W) to (A, B, 4, 4).
    """
    (_, a, height, width), b = small.shape, large.shape[1]
    padded = F.pad(large.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
    n, row, column, channel = padded.stride()
    # the windows overlap: a strided view names them all, and the reshape alone copies, in whole runs of channels
    strides = n, 2 * row, 2 * column, row, column, channel
    windows = padded.as_strided((len(large), height, width, 4, 4, b), strides).reshape(-1, 16 * b)
    product = small.permute(0, 2, 3, 1).reshape(-1, a).T @ windows
    return product.view(a, 4, 4, b).permute(0, 3, 1, 2)


def _overlap_add(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """To one output channel: a product gives each input pixel's k x k patch of the output, `fold` sums the patches.

    A third of oneDNN's time.
    """
    kernel = weight.shape[-1]
    taps = x.permute(0, 2, 3, 1).flatten(1, 2) @ weight.flatten(1)
    height, width = ((side - 1) * stride - 2 * padding + kernel for side in x.shape[2:])
    return F.fold(taps.transpose(1, 2), (height, width), kernel, padding=padding, stride=stride)


_TAPS = torch.tensor([[3, 1, 4], [4, 2, 0]])
"""By which kernel row the input rows i - 1, i and i + 1 reach output row 2 i, and output row 2 i + 1; row 4 is zero."""


def _by_phases(x: Tensor, weight: Tensor) -> Tensor:
    """4x4, stride 2, padding 1: each of the four parities of an output pixel sees 3x3 pixels of `x` at most, so it is
    a 3x3 convolution to four times the channels, which are then laid out side by side.
    """
    channels, few = weight.shape[:2]
    # (channels, few, 2, 2, 3, 3): for each parity of row and column, the 4x4 kernel's elements that make its 3x3 one
    taps = F.pad(weight, (0, 1, 0, 1))[:, :, _TAPS[:, None, :, None], _TAPS[None, :, None, :]]
    kernel = taps.permute(1, 2, 3, 4, 5, 0).reshape(4 * few, 3, 3, channels).permute(0, 3, 1, 2)
    return F.pixel_shuffle(F.conv2d(x, kernel, None, 1, 1), 2)
