"""WGAN-div: Wu et al. 2018, arXiv:1712.01026, Algorithm 1."""

from torch import Tensor

from wgan.trainers.base import CriticLoss
from wgan.trainers.wasserstein import WassersteinTrainer


class WGANDiv(WassersteinTrainer):
    """The Wasserstein divergence: no Lipschitz constraint, a penalty on the gradient's norm itself.

    Critic:     min  E[f(G(z))] - E[f(x)] + k * E[|grad f(x^)|^p]       (eq. 12, with the paper's f read as -f)
                x^ = e * x + (1 - e) * G(z),  e uniform in [0, 1], one per image;  k = `div_k`, p = `div_p`
    Generator:  min  -E[f(G(z))]
    `penalty_at: both` is PyTorch-GAN's wgan_div.py:  k/2 * (E[|grad f(x)|^p] + E[|grad f(G(z))|^p])
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        (f_real, f_fake), norm = self.mean_scores_and_norm(real, fake, epsilon)
        penalty = self.config.div_k * norm.pow(self.config.div_p).mean()
        return CriticLoss(f_fake - f_real + penalty, f_real, f_fake, f_real - f_fake, penalty, norm.mean())
