"""What all tests share: fixed Hypothesis settings, and tests that need a system package."""

import shutil

import pytest
from hypothesis import HealthCheck, settings

from machine import lacking

settings.register_profile(
    "blindlink",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("blindlink")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of headless Chromium."""
    path = shutil.which("chromium")
    return path or lacking("needs chromium (Debian: apt-get install chromium)")
