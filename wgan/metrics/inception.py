"""FID (arXiv:1706.08500) and KID (arXiv:1801.01401) on the Inception network of torch-fidelity.

The network's weights are no part of any package: they come from `inception_weights`, from torch's download cache or,
online, from torch-fidelity's own release. Without any of these the group says so in one line.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from wgan.metrics.distribution import drawn, measure
from wgan.metrics.features import batched, remembered
from wgan.metrics.frechet import frechet_distance
from wgan.metrics.images import EvaluationInputs, LeftOut
from wgan.metrics.mmd import SCALE, cubic, mmd2
from wgan.metrics.report import Report
from wgan.utils.errors import InputError

ADVICE = "Give inception_weights: FILE, torch-fidelity's weights-inception-2015-12-05-6726825d.pth from its releases."


def inception_metrics(inputs: EvaluationInputs) -> Report:
    """FID and KID; a note instead where the weights cannot be had."""
    sets = drawn(inputs)
    network = load_network(inputs.inception_weights).to(inputs.device)

    def extract(images: Tensor) -> Tensor:
        return batched(images, lambda x: network(x.to(inputs.device).expand(-1, 3, -1, -1))[0], 1 << 17)

    features = sets.map(lambda images: remembered(f"inception {inputs.inception_weights}", images, extract).double())

    def kid(fake: Tensor, real: Tensor) -> dict[str, float]:
        return {"kid": SCALE * mmd2(fake, real, cubic)}

    section = f"Inception features, {len(sets.fake)} images each"
    return Report(measure(lambda *x: {"fid": frechet_distance(*x)} | kid(*x), features, section, rougher=kid))


def load_network(weights: Path | None) -> nn.Module:
    """torch-fidelity's InceptionV3 up to its 2048 pooled features, on the CPU.

    `weights` is torch-fidelity's file; None takes it from torch's cache of downloads, or downloads it.

    Raises:
        InputError: `weights` is no file of these weights, or cannot be read.
        LeftOut: `weights` is None, and there is no way to download them.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:
        if weights is not None:  # torch-fidelity would run code from the file; what passes here contains none
            torch.load(weights, map_location="cpu", weights_only=True)
        network: nn.Module = FeatureExtractorInceptionV3("inception", ["2048"], weights and str(weights))
    except Exception as error:  # a file that anybody can have made, a server or a proxy may fail in any way
        if weights is None:
            reason = str(error) or type(error).__name__
            raise LeftOut(f"was left out: its weights cannot be downloaded ({reason}). {ADVICE}") from error
        problem = "does not hold torch-fidelity's Inception weights"
        if isinstance(error, OSError) and error.strerror:
            problem = f"cannot be read: {error.strerror}"
        raise InputError(f"inception_weights: {weights} {problem}. {ADVICE}") from error
    return network
