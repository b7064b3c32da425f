"""The CPU's fast ways give the numbers of torch's own convolutions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wgan.networks import cpu_kernels

FAST = [(3, 4, 16), (6, 9, 8), (3, 5, 4), (4, 2, 2)]  # channels of the larger map, of the smaller, side of the larger


@pytest.fixture(autouse=True)
def _every_type_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """In double precision a difference is a mistake and not a rounding."""

    def small(x: Tensor, weight: Tensor, side: int, stride: int, padding: int) -> bool:
        return x.dtype == weight.dtype and stride == 2 and padding == 1 and side <= cpu_kernels.SMALL_MAP

    monkeypatch.setattr(cpu_kernels, "_small", small)


def tensors(*shapes: tuple[int, ...]) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def all_derivatives(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """First derivatives, and second ones through a nonlinear function of the first."""
    first = torch.autograd.grad(y.sin().sum(), inputs, create_graph=True)
    second = torch.autograd.grad(sum(g.cos().sum() for g in first), inputs)
    return [y, *first, *second]


@pytest.mark.parametrize(("wide", "narrow", "side"), FAST)
def test_a_convolution_and_its_derivatives(wide: int, narrow: int, side: int) -> None:
    inputs = tensors((5, wide, side, side), (narrow, wide, 4, 4), (narrow,))
    ours = all_derivatives(cpu_kernels.conv(*inputs, 2, 1), inputs)
    theirs = all_derivatives(F.conv2d(*inputs, 2, 1), inputs)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(4, 8), (8, 6), (16, 12)])
@pytest.mark.parametrize("wide", [1, 3, 5])
def test_both_of_maps_that_are_no_squares(wide: int, shape: tuple[int, int]) -> None:
    height, width = shape
    convolved = tensors((5, wide, height, width), (7, wide, 4, 4), (7,))
    transposed = tensors((5, 7, height // 2, width // 2), (7, wide, 4, 4), (wide,))
    pairs = (cpu_kernels.conv, F.conv2d, convolved), (cpu_kernels.conv_transpose, F.conv_transpose2d, transposed)
    for ours, theirs, inputs in pairs:
        derivatives = (all_derivatives(layer(*inputs, 2, 1), inputs) for layer in (ours, theirs))
        for a, b in zip(*derivatives, strict=True):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def test_a_convolution_of_many_output_channels_goes_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_kernels, "WIDE", 9)
    monkeypatch.setattr(cpu_kernels, "PART", 4)
    test_a_convolution_and_its_derivatives(3, 9, 8)
    test_a_transposed_convolution_and_its_derivatives(3, 9, 8)


@pytest.mark.parametrize(("wide", "narrow", "side"), [*FAST, (1, 7, 8), (1, 3, 28), (3, 5, 32), (2, 5, 6)])
def test_a_transposed_convolution_and_its_derivatives(wide: int, narrow: int, side: int) -> None:
    inputs = tensors((5, narrow, side // 2, side // 2), (narrow, wide, 4, 4), (wide,))
    ours = all_derivatives(cpu_kernels.conv_transpose(*inputs, 2, 1), inputs)
    theirs = all_derivatives(F.conv_transpose2d(*inputs, 2, 1), inputs)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)
