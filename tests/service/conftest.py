"""Services to test: the same on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blindlink.client import client
from worlds import flow
from worlds import service as world
from worlds.postgres import BOTH, Postgres, server


@pytest.fixture(autouse=True, scope="session")
def _look_often() -> None:
    """Clients of the tests do not wait as long between two looks."""
    client.POLL = 0.02


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with server() as found:
        yield found


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database; of SQLite the one under the service's folder."""
    if request.param == "sqlite":
        yield ""
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def submitted(tmp_path: Path) -> flow.World:
    """A world with two submissions and nothing else."""
    return world.submissions(tmp_path)


@pytest.fixture
def served(submitted: flow.World, database_url: str) -> Iterator[world.Served]:
    """A running service with an open project, on each database."""
    with world.served(submitted, database_url) as found:
        found.open()
        yield found


@pytest.fixture
def embedded(submitted: flow.World) -> Iterator[world.Served]:
    """A running service with an open project, on SQLite."""
    with world.served(submitted) as found:
        found.open()
        yield found


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.Served]:
    """A service with one project that has a release."""
    made = world.submissions(tmp_path_factory.mktemp("console"))
    with world.served(made) as served:
        served.open()
        for owner in made.owners:
            served.submit(owner)
        served.run()
        yield served
