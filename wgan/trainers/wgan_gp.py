"""WGAN-GP: Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1."""

from torch import Tensor

from wgan.trainers.base import CriticLoss
from wgan.trainers.wasserstein import WassersteinTrainer


class WGANGP(WassersteinTrainer):
    """The critic's gradient is drawn towards norm 1 between the real and the generated images.

    Critic:     min  E[f(G(z))] - E[f(x)] + lambda * E[(|grad f(x^)| - 1)^2]       (eq. 3; lambda = `gp_lambda`)
                x^ = e * x + (1 - e) * G(z),  e uniform in [0, 1], one per image
    Generator:  min  -E[f(G(z))]
    `penalty_at`: x^ are the real images, the generated ones, or both, each with half of the weight
    `one_sided`: slopes below 1 cost nothing, max(0, |grad f(x^)| - 1)^2: WGAN-LP     (arXiv:1709.08894, eq. 8)
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        (f_real, f_fake), norm = self.mean_scores_and_norm(real, fake, epsilon)
        excess = (norm - 1).relu() if self.config.one_sided else norm - 1
        penalty = self.config.gp_lambda * excess.square().mean()
        return CriticLoss(f_fake - f_real + penalty, f_real, f_fake, f_real - f_fake, penalty, norm.mean())
