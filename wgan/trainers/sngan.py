"""SNGAN: Miyato et al. 2018, arXiv:1802.05957: spectral normalisation (in `networks.base`) and the hinge loss."""

from collections.abc import Callable

from torch import Tensor

from wgan.trainers.base import CriticLoss, Trainer


class SNGAN(Trainer):
    """Each weight of the critic is divided by its largest singular value, so that the critic's slope is bounded.

    Critic:     min  E[max(0, 1 - f(x))] + E[max(0, 1 + f(G(z)))]        (eq. 16)
    Generator:  min  -E[f(G(z))]                                         (eq. 17)
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        real_scores, fake_scores = self.scores(real, fake)
        hinge = (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()
        return CriticLoss(hinge, real_scores.mean(), fake_scores.mean())

    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        return -fake_scores.mean()
