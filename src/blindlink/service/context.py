"""What every part of the service shares: settings, database, storage, randomness."""

import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from blindlink.keys import Entropy, system_entropy
from blindlink.service.data.database import Database
from blindlink.service.data.models import Identity
from blindlink.service.data.storage import Storage
from blindlink.service.settings import Settings


@dataclass(frozen=True)
class Service:
    """One process of the service. ``wake`` tells workers in this process that there is work;
    ``checks`` raise when one of them does not get on."""

    settings: Settings
    database: Database
    storage: Storage
    entropy: Entropy = system_entropy
    wakers: list[Any] = field(default_factory=list)
    shares: list[int] = field(default_factory=lambda: [1])  # how many web processes there are
    checks: list[Callable[[], None]] = field(default_factory=list)
    name: str = field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"[-96:]
    )

    @classmethod
    def open(
        cls, settings: Settings, *, entropy: Entropy = system_entropy, create: bool = True
    ) -> "Service":
        """Connect; nothing is created but folders, and an SQLite file where ``create`` says so."""
        _private(settings.data)
        database = Database(settings.database, create=create)
        return cls(settings, database, Storage(settings.storage), entropy)

    def identity(self) -> str:
        """Which service this is: the id in its database, made at the first need."""
        with self.database.read() as session:
            found = session.scalar(select(Identity.id))
        if found is None:
            with self.database.write() as session:
                found = session.scalar(select(Identity.id).with_for_update())
                if found is None:
                    found = self.entropy(16).hex()
                    session.add(Identity(id=found))
        return found

    def take_storage(self) -> None:
        """Make sure that the storage is this service's. Raises ServiceError for another's."""
        self.storage.take(self.identity())

    def now(self) -> datetime:
        """The service's time."""
        return self.settings.clock()

    def seconds(self) -> float:
        """The same as seconds since 1970, for the tables."""
        return self.settings.clock().timestamp()

    @staticmethod
    def due() -> float:
        """The time of the machine, for leases: it goes on where a study's clock stands still."""
        return time.time()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder of this machine that goes with the block."""
        parent = self.settings.scratch_folder
        _private(parent)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            yield Path(folder)

    def wake(self) -> None:
        """Do not wait for the next poll."""
        for waker in self.wakers:
            waker.set()

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


@contextmanager
def opened(settings: Settings, *, create: bool = True) -> Iterator[Service]:
    """A service until the block ends."""
    service = Service.open(settings, create=create)
    try:
        yield service
    finally:
        service.close()


def _private(folder: Path) -> None:
    """Make a folder of ours, or take from others the right to look into one that somebody made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        with suppress(PermissionError):  # another user's, as a mounted volume may be
            folder.chmod(0o700)
