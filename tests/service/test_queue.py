"""The queue: one worker for a job, heartbeats, takeover, fencing, bounded attempts."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from blindlink.service.data import queue, schema
from blindlink.service.data.database import Database
from blindlink.service.data.models import Job
from blindlink.service.data.queue import Able, Claim, LostError, Order
from blindlink.service.data.states import JobKind
from blindlink.service.settings import Work

WORK = Work(lease=10, attempts=3, backoff=1, persist=3600)
LINKER, OTHER = "aaaaa", "bbbbb"


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    found = Database(database_url or f"sqlite:///{tmp_path / 'queue.db'}")
    schema.migrate(found)
    yield found
    found.close()


def ask(database: Database, number: int = 1, now: float = 0) -> None:
    with database.write() as session:
        for subject in range(number):
            queue.ask(session, Order(JobKind.VERIFY, str(subject)), now)


def put(database: Database, order: Order, now: float = 0) -> None:
    with database.write() as session:
        queue.ask(session, order, now)


def take(
    database: Database, now: float, worker: str = "w", linkers: tuple[str, ...] = (LINKER,)
) -> Claim | None:
    return queue.claim(database, Able(worker, linkers, "folder"), now, WORK)


def end(database: Database, claim: Claim | None) -> str:
    assert claim is not None
    with database.write() as session:
        queue.done(session, claim)
    return claim.subject


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


class TestAbility:
    """A job is claimed by who can do it, and by nobody else."""

    def test_a_job_of_another_linker_is_left_alone(self, database: Database) -> None:
        put(database, Order(JobKind.DESTROY, "p", needs=OTHER))
        assert take(database, 1) is None
        assert take(database, 1, linkers=()) is None
        assert take(database, 1, linkers=(LINKER, OTHER)) is not None

    def test_so_is_the_erasure_of_another_folders_key(self, database: Database) -> None:
        put(database, Order(JobKind.ERASE, "p/x", holder="another folder"))
        assert take(database, 1) is None
        put(database, Order(JobKind.ERASE, "p/y", holder="folder"))
        assert end(database, take(database, 1)) == "p/y"


class TestLanes:
    """What one owner sent is verified in its order; a run waits for all that came."""

    def sent(self, database: Database, subject: str, owner: str, place: int, now: float) -> None:
        order = Order(JobKind.VERIFY, subject, lane="p", owner=owner, place=place)
        put(database, order, now)

    def test_an_owners_files_wait_for_those_before(self, database: Database) -> None:
        self.sent(database, "submission", "moj", 1, 0)
        self.sent(database, "withdrawal", "moj", 3, 0)
        self.sent(database, "other", "ohid", 2, 0)
        first, other = take(database, 1), take(database, 1)
        assert first is not None
        assert other is not None
        assert (first.subject, other.subject) == ("submission", "other")
        assert take(database, 1) is None
        end(database, first)
        assert end(database, take(database, 1)) == "withdrawal"

    def test_also_while_the_first_one_waits_for_another_attempt(self, database: Database) -> None:
        self.sent(database, "submission", "moj", 1, 0)
        self.sent(database, "withdrawal", "moj", 2, 0)
        first = take(database, 1)
        assert first is not None
        with database.write() as session:
            queue.later(session, first, "OSError", 1, WORK, outage=True)
        assert take(database, 1) is None
        assert end(database, take(database, 3)) == "submission"
        assert end(database, take(database, 3)) == "withdrawal"

    def test_a_run_waits_for_everything_that_came(self, database: Database) -> None:
        put(database, Order(JobKind.RUN, "p", lane="p"), now=0)
        self.sent(database, "withdrawal", "moj", 2, 5)  # after the run was asked for
        put(database, Order(JobKind.RUN, "q", lane="q"), now=6)
        claim = take(database, 7)
        assert claim is not None
        assert claim.subject == "withdrawal"
        assert end(database, take(database, 7)) == "q"  # another project's run waits for nobody
        assert take(database, 7) is None
        end(database, claim)
        assert end(database, take(database, 7)) == "p"

    def test_what_was_given_up_holds_up_nobody(self, database: Database) -> None:
        self.sent(database, "broken", "moj", 1, 0)
        self.sent(database, "next", "moj", 2, 0)
        now = 1.0
        for _ in range(3):
            claim = take(database, now)
            assert claim is not None
            assert claim.subject == "broken"
            with database.write() as session:
                queue.later(session, claim, "ValueError", now, WORK)
            now += 10
        assert end(database, take(database, now)) == "next"


class TestOutages:
    def test_a_job_outlasts_an_hour_without_storage(self, database: Database) -> None:
        ask(database)
        now, tries, over = 0.0, 0, False
        while not over:
            claim = take(database, now)
            if claim is None:
                now += 1.0
                continue
            tries += 1
            assert claim.attempt == 1  # an outage is no attempt
            with database.write() as session:
                over = queue.later(session, claim, "OSError", now, WORK, outage=True)
        assert now > 3600
        assert 12 < tries < 40  # it waits up to five minutes between two tries

    def test_what_cannot_be_done_yet_is_put_back(self, database: Database) -> None:
        ask(database)
        for now in range(1, 9):
            claim = take(database, now)
            assert claim is not None
            assert claim.attempt == 1
            with database.write() as session:
                queue.put_back(session, claim, now, WORK)


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
