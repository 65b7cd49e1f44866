"""Every attack is played among two owners and among three."""

import pytest

from worlds import flow

OWNERS = ("moj", "ohid", "nhs")


@pytest.fixture(autouse=True, params=[2, 3], ids=["two owners", "three owners"])
def owners(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The owners of a world that says nothing else."""
    names = OWNERS[: request.param]
    monkeypatch.setattr(flow, "OWNERS", names)
    return names
