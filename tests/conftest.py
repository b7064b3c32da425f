"""Its place makes the helper modules beside it importable from every folder of tests."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # several tests at a time: one core each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# In CI the same examples every time, however busy the machine is; elsewhere new ones in every run.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
if os.environ.get("CI"):
    settings.load_profile("ci")

if hasattr(signal, "SIGHUP"):  # nohup ignores it, all children inherit that, and trainings respect it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _same_weights_every_time() -> None:
    """Layers that a test builds by itself start from torch's own generator."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
