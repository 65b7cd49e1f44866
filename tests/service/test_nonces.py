"""Nonces of many requests at once: each counts once, and an error reaches everybody it concerns."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from blindlink.service.data import schema
from blindlink.service.data.database import Database
from blindlink.service.data.models import Nonce
from blindlink.service.web.nonces import Nonces


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    found = Database(database_url or f"sqlite:///{tmp_path / 'nonces.db'}")
    schema.migrate(found)
    yield found
    found.close()


def test_of_two_that_come_at_once_one_is_fresh(database: Database) -> None:
    """In one process and in two, whatever is written together."""
    processes = [Nonces(database), Nonces(database)]
    fresh: Counter[str] = Counter()
    guard = threading.Lock()

    def ask(number: int) -> None:
        for nonce in map(str, range(25)):
            if processes[number % 2].use("key", nonce, 1e12):
                with guard:
                    fresh[nonce] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert fresh == {str(nonce): 1 for nonce in range(25)}
    with database.read() as session:
        assert session.query(Nonce).count() == 25


def test_another_key_may_use_the_same(database: Database) -> None:
    nonces = Nonces(database)
    assert nonces.use("a", "n", 1e12)
    assert nonces.use("b", "n", 1e12)
    assert not nonces.use("a", "n", 1e12)


def test_an_error_is_told_and_the_next_one_is_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces = Nonces(database)

    def away(_: object) -> set[tuple[str, str]]:
        raise OSError("away")

    monkeypatch.setattr(nonces, "_insert", away)
    with pytest.raises(OSError, match="away"):
        nonces.use("a", "n", 1e12)
    monkeypatch.undo()
    assert nonces.use("a", "n", 1e12)
