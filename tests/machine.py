"""What a machine may lack, and what that means for a test."""

import os
from typing import NoReturn

import pytest


def lacking(notice: str) -> NoReturn:
    """Skips a test that needs what this machine lacks, or fails it where CI must have it."""
    if os.environ.get("BLINDLINK_REQUIRE_ALL"):
        pytest.fail(notice)
    pytest.skip(notice)
