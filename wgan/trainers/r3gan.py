"""R3GAN: Huang et al. 2024, arXiv:2501.05441, its loss (sec. 2); the networks are this tool's."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from wgan.trainers.base import CriticLoss, Trainer


class R3GAN(Trainer):
    """The critic says of each pair which image is the real one; its gradient is drawn towards 0 at both.

    Critic:     min  E[softplus(f(G(z)) - f(x))] + gamma / 2 * (E[|grad f(x)|^2] + E[|grad f(G(z))|^2])
    Generator:  min  E[softplus(f(x) - f(G(z)))]            (eqs. 2 to 4, f(t) = -log(1 + exp(-t)); gamma = `r3_gamma`)
    The penalties, R1 and R2, need no double backward here: one pass gives the scores and their gradients.
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        (real_scores, fake_scores), norm = self.scores_and_norms(real, fake)
        penalty = self.config.r3_gamma * norm.square().mean()  # of both kinds together: half of the sum of their means
        total = F.softplus(fake_scores - real_scores).mean() + penalty
        return CriticLoss(total, real_scores.mean(), fake_scores.mean(), None, penalty, norm.mean())

    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        return F.softplus(real_scores() - fake_scores).mean()
