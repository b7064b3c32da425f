"""What the three Wasserstein algorithms share (arXiv:1701.07875, eq. 2): the mean scores and the generator's loss."""

from collections.abc import Callable

from torch import Tensor

from wgan.trainers.base import Trainer, interpolate


class WassersteinTrainer(Trainer):
    """The critic f maximises E[f(x)] - E[f(G(z))] under some constraint on its slope; the generator minimises it."""

    def mean_scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """E[f(x)] and E[f(G(z))], numbers; their difference is the estimate."""
        real_scores, fake_scores = self.scores(real, fake)
        return real_scores.mean(), fake_scores.mean()

    def mean_scores_and_norm(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """These, and `gradient_norm` at the images that `penalty_at` names: (N,), with both kinds (2 N,)."""
        at = self.config.penalty_at
        if at == "both":  # the images that are scored anyway: one pass; a mean over them weighs each kind by half
            (real_scores, fake_scores), norm = self.scores_and_norms(real, fake)
            return (real_scores.mean(), fake_scores.mean()), norm
        images = interpolate(real, fake, epsilon) if at == "line" else real if at == "real" else fake
        return self.mean_scores(real, fake), self.gradient_norm(images)

    def generator_loss(self, fake_scores: Tensor, real_scores: Callable[[], Tensor]) -> Tensor:
        return -fake_scores.mean()
