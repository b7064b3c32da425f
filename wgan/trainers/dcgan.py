"""DCGAN: Radford et al. 2016, arXiv:1511.06434, with the loss of Goodfellow et al. 2014, arXiv:1406.2661."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from wgan.trainers.base import CriticLoss, Trainer


class DCGAN(Trainer):
    """The critic is a discriminator: its scores are the logits of "this image is real".

    Critic:     min  -E[log D(x)] - E[log(1 - D(G(z)))],  D = sigmoid of the score     (arXiv:1406.2661, eq. 1)
    Generator:  min  -E[log D(G(z))], its non-saturating form                          (ibid., sec. 3)
    `label_smoothing` s trains D(x) towards 1 - s instead of 1                         (arXiv:1606.03498, sec. 3.4)
    """

    def critic_loss(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> CriticLoss:
        real_logits, fake_logits = self.scores(real, fake)
        target = torch.full_like(real_logits, 1 - self.config.label_smoothing)
        real_loss = F.binary_cross_entropy_with_logits(real_logits, target)
        fake_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
        return CriticLoss(real_loss + fake_loss, real_logits.mean(), fake_logits.mean())

    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        return F.binary_cross_entropy_with_logits(fake_scores, torch.ones_like(fake_scores))
