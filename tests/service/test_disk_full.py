"""A file system that is really full, under the storage and under SQLite: refused, then gone on."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blindlink.client.connection import RefusalError
from worlds import flow
from worlds import service as world

Grow = Callable[[], object]


pytestmark = pytest.mark.needs("mount")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blindlink.client.connection.PAUSE", 0.01)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, Grow]]:
    """A file system of its own for the test, and what makes room on it."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mount(*options: str) -> int:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert mount("-o", "size=600k") == 0
    yield folder, lambda: mount("-o", "remount,size=50m")
    subprocess.run(["umount", "--lazy", folder], check=True)


def study(served: world.Served) -> None:
    """All of it, once there is room."""
    for owner in served.world.owners:
        assert served.submit(owner)["state"] == "accepted"
    assert served.run()["state"] == "released"
    assert len(list(served.service.storage.listing())) == 3


def test_the_storage(submitted: flow.World, small: tuple[Path, Grow]) -> None:
    """Parts that find no room are refused with 507 and leave nothing."""
    folder, grow = small
    settings = {"storage_url": str(folder / "storage")}
    with world.served(submitted, settings=settings) as served:
        served.open()
        (folder / "filler").write_bytes(bytes(560 * 1024))
        with pytest.raises(RefusalError) as caught:
            served.submit("moj")
        assert caught.value.status == 507
        assert list(served.service.storage.listing()) == []
        grow()
        study(served)


def test_the_database(submitted: flow.World, small: tuple[Path, Grow]) -> None:
    """Writes that find no room are refused with 503 and leave the database whole."""
    folder, grow = small
    with world.served(submitted, f"sqlite:///{folder / 'service.db'}") as served:
        served.open()
        filler, size = folder / "filler", 580 * 1024
        while size > 1024:  # what is left after the database took its part
            try:
                filler.write_bytes(bytes(size))
                break
            except OSError:
                size -= 8 * 1024
        statuses = set()
        for _ in range(60):
            statuses.add(served.raw("operator", "GET", "/v1/projects").status)
        assert 503 in statuses
        assert statuses <= {200, 503}
        grow()
        world.eventually(lambda: served.raw("operator", "GET", "/v1/projects").status == 200)
        study(served)
