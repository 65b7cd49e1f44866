"""What every part of the service shares: settings, database, storage, randomness."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from blindlink.keys import Entropy, system_entropy
from blindlink.service.data.database import Database
from blindlink.service.data.storage import Storage
from blindlink.service.settings import Settings


@dataclass(frozen=True)
class Service:
    """One process of the service. ``wake`` tells workers in this process that there is work."""

    settings: Settings
    database: Database
    storage: Storage
    entropy: Entropy = system_entropy
    wakers: list[Any] = field(default_factory=list)

    @classmethod
    def open(cls, settings: Settings, *, entropy: Entropy = system_entropy) -> "Service":
        """Connect; nothing is created but folders."""
        _private(settings.data)
        return cls(settings, Database(settings.database), Storage(settings.storage), entropy)

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
def opened(settings: Settings) -> Iterator[Service]:
    """A service until the block ends."""
    service = Service.open(settings)
    try:
        yield service
    finally:
        service.close()


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
