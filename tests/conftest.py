"""What all tests share: fixed Hypothesis settings, and tests that need a system package."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "blindlink",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("blindlink")


def require(program: str, package: str) -> str:
    """The path of a system program; skips the test without it, or fails where CI must have it."""
    path = shutil.which(program)
    if path is None:
        notice = f"needs {program} (Debian: apt-get install {package})"
        if os.environ.get("BLINDLINK_REQUIRE_ALL"):
            pytest.fail(notice)
        pytest.skip(notice)
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of headless Chromium."""
    return require("chromium", "chromium")
