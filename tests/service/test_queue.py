"""The queue: one worker for a job, heartbeats, takeover, fencing, bounded attempts."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from blindlink.service.data import queue, schema
from blindlink.service.data.database import Database
from blindlink.service.data.models import Job
from blindlink.service.data.queue import Claim, LostError
from blindlink.service.settings import Work

WORK = Work(lease=10, attempts=3, backoff=1)
KINDS = ("verify", "run")


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    found = Database(database_url or f"sqlite:///{tmp_path / 'queue.db'}")
    schema.migrate(found)
    yield found
    found.close()


def ask(database: Database, number: int = 1, now: float = 0) -> None:
    with database.write() as session:
        for subject in range(number):
            queue.ask(session, "verify", str(subject), now)


def take(database: Database, now: float, worker: str = "w") -> Claim | None:
    return queue.claim(database, worker, KINDS, now, WORK)


def test_each_job_is_claimed_once(database: Database) -> None:
    ask(database, 60)
    found: list[str] = []

    def work(name: str) -> None:
        while (claim := take(database, 1, name)) is not None:
            found.append(claim.subject)
            with database.write() as session:
                queue.done(session, claim)

    threads = [threading.Thread(target=work, args=(f"w{place}",)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == Counter(str(subject) for subject in range(60))


def test_a_clock_that_is_put_back_stops_nothing(database: Database) -> None:
    """Neither a job that waits nor one whose worker died; one that is tried again soon waits."""
    ask(database, 1, now=90_000)
    first = take(database, 0)
    assert first is not None
    assert take(database, 5) is None
    with database.write() as session:
        queue.held(session, first).due = 90_000
    second = take(database, 5)
    assert second is not None
    assert second.token == first.token + 1
    with database.write() as session:
        queue.later(session, second, "x", 5, WORK)
    assert take(database, 5) is None


def test_asking_twice_is_asking_once(database: Database) -> None:
    ask(database)
    ask(database)
    assert take(database, 1) is not None
    ask(database)  # at work already
    assert take(database, 1) is None


def test_asking_again_after_the_end_is_a_new_job(database: Database) -> None:
    ask(database)
    claim = take(database, 1)
    assert claim is not None
    with database.write() as session:
        queue.done(session, claim)
    assert take(database, 100) is None
    ask(database)
    again = take(database, 1)
    assert again is not None
    assert again.attempt == 1
    assert again.token > claim.token


def test_a_job_that_nobody_beats_for_is_taken_over(database: Database) -> None:
    ask(database)
    first = take(database, 0, "first")
    assert first is not None
    assert take(database, 9) is None
    assert queue.beat(database, first, 9, WORK)
    assert take(database, 15) is None
    second = take(database, 19, "second")
    assert second is not None
    assert not queue.beat(database, first, 20, WORK)
    with pytest.raises(LostError), database.write() as session:
        queue.done(session, first)
    with database.write() as session:
        queue.done(session, second)


def test_what_a_loser_wrote_is_undone(database: Database) -> None:
    ask(database)
    first = take(database, 0)
    assert first is not None
    assert take(database, 11) is not None

    def write() -> None:
        with database.write() as session:
            session.add(Job(kind="run", subject="x", state="queued", due=0))
            queue.done(session, first)

    with pytest.raises(LostError):
        write()
    with database.read() as session:
        assert session.query(Job).filter(Job.kind == "run").count() == 0


def test_attempts_are_bounded(database: Database) -> None:
    ask(database)
    now, over = 0.0, False
    for attempt in range(1, 4):
        claim = take(database, now)
        assert claim is not None
        assert claim.attempt == attempt
        with database.write() as session:
            over = queue.later(session, claim, "OSError", now, WORK)
        assert take(database, now) is None  # not at once
        now += 2.0**attempt
    assert over
    assert take(database, 1000) is None


def test_a_worker_takes_only_its_kinds(database: Database) -> None:
    ask(database)
    assert queue.claim(database, "w", ("destroy",), 1, WORK) is None


def test_a_clock_that_jumps_makes_nothing_count_twice(database: Database) -> None:
    ask(database)
    first = take(database, 0)
    early = take(database, 1e9)  # the other machine's clock is far ahead
    assert first is not None
    assert early is not None
    with database.write() as session:
        queue.done(session, early)
    with pytest.raises(LostError), database.write() as session:
        queue.done(session, first)
