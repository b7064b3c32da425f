"""What the three Wasserstein algorithms share (arXiv:1701.07875, eq. 2): the estimate and the generator's loss."""

from collections.abc import Callable

from torch import Tensor

from wgan.trainers.base import Trainer


class WassersteinTrainer(Trainer):
    """The critic f maximises E[f(x)] - E[f(G(z))] under some constraint on its slope; the generator minimises it."""

    def wasserstein_estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[f(x)] - E[f(G(z))], one number."""
        real_scores, fake_scores = self.scores(real, fake)
        return real_scores.mean() - fake_scores.mean()

    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        return -fake_scores.mean()
