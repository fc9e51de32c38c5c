"""What all programs of the lab agree on."""

import subprocess

import pytest

from conftest import BUILD

WITH_A_CLOCK = ["device", "gateway", "lwm2m-device", "lwm2m-server"]


@pytest.mark.parametrize("name", WITH_A_CLOCK)
@pytest.mark.parametrize("factor", [0, 100001])
def test_time_runs_equally_fast_at_most(name, factor):
    """A lab's clocks go together, so what one of its programs can do, all can."""
    command = [BUILD / f"pinhole-{name}", "--time-scale", str(factor)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert f"time-scale: expected a number from 1 to 100000, got '{factor}'" in done.stderr
