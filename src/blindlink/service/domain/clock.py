"""What time it is, and whether that can be believed.

A process with a wrong clock must not end a project. On PostgreSQL every process compares its clock
with the database's; on SQLite, which has no clock of its own, with those of the other processes of
this machine, by the seconds since it started. Who differs by more than ``work.clock_bound`` takes
no job, writes no log entry and is not ready, until the clocks agree.
"""

import time
from pathlib import Path

from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from blindlink.errors import ServiceError
from blindlink.service.context import Service
from blindlink.service.data.models import Peer

ALIVE = 180.0  # seconds: processes register every minute
FORGOTTEN = 24 * 3600.0
_NOTICED = 0.5  # seconds: NTP corrects less in one step


class ClockError(ServiceError):
    """The clocks differ too much to go on."""


def database_seconds(service: Service, session: Session) -> float:
    """The database's time as seconds since 1970; SQLite has this machine's."""
    if service.database.sqlite:
        return service.due()
    return float(session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)


def seconds(service: Service, session: Session) -> float:
    """The service's time, by the database's clock."""
    return service.seconds() - (service.due() - database_seconds(service, session))


def register(service: Service, session: Session, name: str, kind: str) -> None:
    """Tell the others what this process' clock says."""
    now, up = database_seconds(service, session), uptime()
    base = up if service.database.sqlite else now
    session.merge(
        Peer(name=name, kind=kind, boot=boot(), uptime=up, offset=service.due() - base, seen=now)
    )
    if not service.database.sqlite:
        session.execute(delete(Peer).where(Peer.seen < now - FORGOTTEN))


class Jump:
    """Notices that this machine's clock was set: what others know of it is out of date then."""

    def __init__(self, service: Service) -> None:
        self._service, self._ahead = service, self._now(service)

    def seen(self) -> bool:
        """Whether the clock was set since the last question."""
        before, self._ahead = self._ahead, self._now(self._service)
        return abs(self._ahead - before) > _NOTICED

    @staticmethod
    def _now(service: Service) -> float:
        return service.due() - time.monotonic()


def check(service: Service, session: Session) -> None:
    """Raises ClockError when this process' clock differs from the database's or from others'."""
    bound = service.settings.work.clock_bound
    if not service.database.sqlite:
        _compare(service.due() - database_seconds(service, session), bound, "the database")
        return
    up = uptime()
    mine = service.due() - up
    here = select(Peer).where(
        Peer.boot == boot(),
        Peer.uptime > up - ALIVE,
        Peer.uptime <= up,
        ~Peer.name.startswith(service.name, autoescape=True),  # the same process, the same clock
    )
    for peer in session.scalars(here):
        _compare(mine - peer.offset, bound, "another process of the service")


def peers(service: Service, session: Session, kind: str) -> int:
    """How many processes of a kind live, by what they registered."""
    if service.database.sqlite:
        up = uptime()
        alive = and_(Peer.boot == boot(), Peer.uptime > up - ALIVE, Peer.uptime <= up)
    else:
        alive = and_(Peer.seen > database_seconds(service, session) - ALIVE)
    count = select(func.count()).select_from(Peer).where(Peer.kind == kind, alive)
    return session.scalar(count) or 0


def _compare(difference: float, bound: float, whose: str) -> None:
    if abs(difference) > bound:
        raise ClockError(
            f"this machine's clock and that of {whose} differ by {abs(difference):.0f} seconds",
            hint="set both by NTP; nothing is decided until they agree",
        )


def uptime() -> float:
    """Seconds since this machine started, by the kernel: no setting of a clock changes them."""
    try:
        return float(Path("/proc/uptime").read_text().split()[0])
    except OSError:  # no Linux
        return time.monotonic()


def boot() -> str:
    """Which start of which machine this is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "?"
