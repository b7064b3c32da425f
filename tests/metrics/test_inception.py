"""FID and KID: torch-fidelity's numbers from a weights file, and one clear line without it."""

import pickle
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from real_digits import digits, noisy
from torch import nn
from torch_fidelity import feature_extractor_inceptionv3 as theirs
from torch_fidelity import metric_fid, metric_kid

from wgan.metrics import distribution
from wgan.metrics.evaluate import evaluate, require
from wgan.metrics.images import draw
from wgan.utils.errors import InputError

pytestmark = pytest.mark.slow

REAL = digits()
COUNT = 16  # the network takes a tenth of a second for an image


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the right tensors with random numbers: the real ones cannot be shipped."""
    file = tmp_path_factory.mktemp("inception") / "weights.pth"
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
        network = theirs.FeatureExtractorInceptionV3("inception", ["2048"])
    torch.save(network.state_dict(), file)
    return file


def test_a_weights_file_gives_the_figures_of_torch_fidelity(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "SMALLEST", COUNT)
    fake, held_out = noisy(REAL.images[2 * COUNT : 3 * COUNT], 60), REAL[:COUNT]
    report = evaluate(fake, held_out, REAL[COUNT : 2 * COUNT], ["inception"], 0, "cpu", inception_weights=weights)
    network = theirs.FeatureExtractorInceptionV3("inception", ["2048"], str(weights))
    sets = [fake[draw(COUNT, COUNT, 0, "sets/fake")], held_out.images[draw(COUNT, COUNT, 0, "sets/held-out")]]
    with torch.no_grad():
        a, b = (network(images.repeat(1, 3, 1, 1))[0] for images in sets)
    moments = [metric_fid.fid_features_to_statistics(x.double()) for x in (a, b)]
    fid = metric_fid.fid_statistics_to_metric(*moments, False)[metric_fid.KEY_METRIC_FID]
    kid = metric_kid.kid_features_to_metric(a.double(), b.double(), kid_subsets=1, kid_subset_size=COUNT, verbose=False)
    assert report.values()["fid"] == pytest.approx(fid, rel=1e-3)
    assert report.values()["kid"] == pytest.approx(1000 * kid[metric_kid.KEY_METRIC_KID_MEAN], rel=1e-3)


@pytest.mark.parametrize(
    "fault",
    [URLError("Name or service not known"), RuntimeError("invalid hash value"), IncompleteRead(b""), KeyError(7)],
)
def test_where_the_download_fails_the_others_still_come(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(theirs, "load_state_dict_from_url", failing)
    report = evaluate(REAL.images[:256], REAL[300:600], REAL[600:900], ["inception", "emd"], 0, "cpu")
    assert {figure.key for figure in report.metrics} == {"emd", "emd_colour"}
    assert len(report.notes) == 1
    assert "inception_weights: FILE" in report.notes[0]


class Code:
    """Runs `touch` when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_a_file_with_code_is_refused_and_the_code_not_run(tmp_path: Path) -> None:
    file, trace = tmp_path / "weights.pth", tmp_path / "trace"
    file.write_bytes(pickle.dumps(Code(trace)))
    with pytest.raises(InputError, match="does not hold torch-fidelity's Inception weights"):
        evaluate(REAL.images[:256], REAL[300:600], REAL[600:900], ["inception"], 0, "cpu", inception_weights=file)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [None, b"", b"no weights", b"hello world\n", b"\x80\x02aaaa.", b"cw\xe4\n.", "another network"]
)
def test_a_file_that_is_missing_or_something_else_is_an_error_that_names_it(tmp_path: Path, content: object) -> None:
    file = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    if isinstance(content, str):
        torch.save({"weight": torch.ones(3)}, file)
    with pytest.raises(InputError, match=r"^inception_weights: .*weights\.pth .*$"):
        evaluate(REAL.images[:256], REAL[300:600], REAL[600:900], ["inception"], 0, "cpu", inception_weights=file)
    with pytest.raises(InputError, match=r"^inception_weights: .*weights\.pth .*$"):
        require(["emd", "inception"], file)
    require(["emd"], file)


def test_the_right_file_is_what_evaluate_needs(weights: Path) -> None:
    require(["inception"], weights)
    require(["inception"], None)
