"""WGAN: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1."""

import torch
from torch import Tensor

from wgan.trainers.base import CriticLoss, trained
from wgan.trainers.wasserstein import WassersteinTrainer


class WGANClip(WassersteinTrainer):
    """The critic's weights are kept within [-c, c], which bounds its Lipschitz constant by some K.

    Critic:     max  E[f(x)] - E[f(G(z))],  then  w <- clip(w, -c, c)       (lines 5-7; c = `clip_value`)
    Generator:  min  -E[f(G(z))]                                            (lines 10-11)
    The estimate is K times the Wasserstein distance, K unknown.
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        f_real, f_fake = self.mean_scores(real, fake)
        return CriticLoss(f_fake - f_real, f_real, f_fake, f_real - f_fake)

    @torch.no_grad()
    def after_critic_update(self) -> None:
        weights: list[Tensor] = [*trained(self.critic)]
        torch._foreach_clamp_min_(weights, -self.config.clip_value)
        torch._foreach_clamp_max_(weights, self.config.clip_value)
