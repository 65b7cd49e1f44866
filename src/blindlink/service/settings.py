"""What the operator can set, with defaults that need nothing installed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

MIB = 1024 * 1024
Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Limits:
    """What one client may use. Seconds, bytes, requests."""

    part_bytes: int = 16 * MIB  # of one PATCH
    small_body: int = 3 * MIB  # of every other request: an agreement has at most 2 MiB
    open_uploads: int = 4  # of one owner at a time, in one project
    uploads: int = 10_000  # of one owner in one project, ever
    body_pause: float = 30.0  # longest wait for the next bytes of a body, either way
    body_rate: int = 4096  # fewest bytes a second of a body, beyond the first pause
    head_pause: float = 15.0  # longest wait for a request's first line and headers
    skew: int = 60  # how far a client's clock may differ
    signature_age: int = 300  # longest life of a signature
    rate: float = 200.0  # requests a second of one credential, over all web processes
    burst: int = 400  # requests of one credential at once
    failures: float = 5.0  # refused signatures a second of one address
    idempotency: int = 24 * 3600  # how long an idempotency key is remembered


@dataclass(frozen=True)
class Connections:
    """What a web process does with connections, before anybody has said who it is."""

    most: int = 1000  # at a time
    reserve: int = 100  # of them, for which anonymous ones that wait are closed
    of_address: int = 100  # from one address that is not a named proxy's
    idle: float = 75.0  # how long one that has carried a signed request is kept between two
    idle_anonymous: float = 5.0  # the same for all others


@dataclass(frozen=True)
class Work:
    """How workers take jobs. A job whose worker has not been heard of for ``lease`` is free."""

    lease: float = 30.0  # a job whose worker gave no sign for this long is free
    beat: float = 5.0  # between two signs
    poll: float = 0.5  # between two looks for work
    attempts: int = 5  # that fail by themselves, or over which a worker dies
    persist: float = 24 * 3600.0  # how long a job is tried while storage or database is away
    backoff: float = 1.0  # doubled after each attempt that failed
    backoff_most: float = 300.0  # the longest pause between two attempts
    still: float = 900.0  # without any sign of work for this long, a job counts as stalled
    ceiling: float = 7 * 24 * 3600.0  # the longest that any job may take
    stale: float = 7 * 24 * 3600.0  # an upload that stopped for this long is dropped
    orphan: float = 24 * 3600.0  # an object that nothing refers to is noted after this long
    quarantine: float = 7 * 24 * 3600.0  # how long it is kept apart before it is erased
    grace: float = 7 * 24 * 3600.0  # from an agreement's destroy_by to the destruction
    clock_bound: float = 300.0  # how far clocks of database, processes and log may differ


@dataclass(frozen=True)
class Sessions:
    """How long a browser stays signed in to the console. Seconds."""

    code: float = 300.0  # from the command that asks for a sign-in code to its use
    idle: float = 30 * 60.0  # since the last page; what a page fetches by itself does not count
    life: float = 8 * 3600.0  # of a signed-in browser, used or not
    tries: float = 0.2  # codes a second that one address may try, after the first ten


@dataclass(frozen=True)
class People:
    """What one person cannot do alone."""

    approvals: int = 2  # people who sign for a run, a release, an end and a legal hold
    life: float = 24 * 3600.0  # how long such a word counts, in seconds


@dataclass(frozen=True)
class Settings:
    """One service. ``data`` holds everything that has no address of its own."""

    data: Path
    public_url: str = "http://127.0.0.1:8410"
    database_url: str = ""
    storage_url: str = ""
    credentials: Path | None = None
    keys: Path | None = None
    scratch: Path | None = None
    witness: Path | None = None
    limits: Limits = field(default_factory=Limits)
    work: Work = field(default_factory=Work)
    sessions: Sessions = field(default_factory=Sessions)
    connections: Connections = field(default_factory=Connections)
    people: People = field(default_factory=People)
    proxies: tuple[str, ...] = ("127.0.0.1/32", "::1/128")  # whose X-Forwarded-For is believed
    console: bool = True  # whether this web process has the pages for operator and auditor
    clock: Clock = wall_clock

    @property
    def database(self) -> str:
        """The SQLAlchemy address of the database."""
        return self.database_url or f"sqlite:///{self.data / 'service.db'}"

    @property
    def storage(self) -> str:
        """The fsspec address of the storage."""
        return self.storage_url or str(self.data / "storage")

    @property
    def credential_folder(self) -> Path:
        """Public keys of operator and auditor."""
        return self.credentials or self.data / "credentials"

    @property
    def key_folder(self) -> Path:
        """The linker's key files, one for each project; workers only."""
        return self.keys or self.data / "linker-keys"

    @property
    def scratch_folder(self) -> Path:
        """Where a worker works; nothing in it outlives a job."""
        return self.scratch or self.data / "scratch"

    @property
    def witness_folder(self) -> Path:
        """The last head of every project, outside database and backup."""
        return self.witness or self.data / "witness"
