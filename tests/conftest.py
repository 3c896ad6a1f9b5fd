"""What every test shares: how hypothesis draws, and where the real data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# As every command does for itself: with OpenMP's threads fighting over a busy machine, 0.1 s of test took 2.6 s.
os.environ.setdefault("OMP_NUM_THREADS", "1")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ON_BUILD_MACHINE = os.environ.get("CI") == "true"

# A deadline, or a word on slowness, would tell how busy the machine is, not whether the code is right.
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("build", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("build" if ON_BUILD_MACHINE else "default")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; never missing on the build machine."""
    if not DATA.is_dir():
        assert not ON_BUILD_MACHINE, f"{DATA} must be there on the build machine"
        pytest.skip(f"the real data is not at {DATA}")
    return DATA
