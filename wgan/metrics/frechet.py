"""Fréchet distance between Gaussians fitted to two sets of features (Dowson and Landau 1982; FID, arXiv:1706.08500)."""

import math

import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared: |m_a - m_b|^2 + tr(S_a) + tr(S_b) - 2 tr((S_a S_b)^(1/2)), with sample covariances S.

    Of features (M, D) and (N, D), M and N at least 2. With S_a = A'A and S_b = B'B the last trace is the nuclear norm
    of A B': no root of a matrix that has none, and fewer images than features are no special case.
    """
    a, b = a.double(), b.double()
    root_a, root_b = _root(a), _root(b)
    cross = torch.linalg.svdvals(root_a @ root_b.T).sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + root_a.square().sum() + root_b.square().sum() - 2 * cross
    return max(0.0, float(distance))


def _root(rows: Tensor) -> Tensor:
    """A with A'A = the covariance of (N, D) rows; of min(N, D) rows."""
    centred: Tensor = (rows - rows.mean(0)) / math.sqrt(len(rows) - 1)
    return centred if len(rows) <= rows.shape[1] else torch.linalg.qr(centred, mode="r").R
