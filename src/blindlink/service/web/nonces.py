"""Signatures that were used, written for many requests in one transaction.

Every signed request leaves a row, and of two with the same nonce one is refused, whichever process
they reach. A transaction for each would cost more than all else that a question costs; so requests
that come while one is being written wait for the next, which writes them all.

    first   |--- writes its own ---|
    second     |-- waits --|       |--- writes second, third, fourth ---|
"""

import threading
from dataclasses import dataclass, field

from sqlalchemy.dialects import postgresql, sqlite

from blindlink.service.data.database import Database
from blindlink.service.data.models import Nonce


@dataclass
class _Use:
    """One nonce on its way into the table."""

    keyid: str
    nonce: str
    expires: float
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    fresh: bool = False
    error: Exception | None = None


class Nonces:
    """The nonces of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Use] = []
        self._guard, self._busy = threading.Lock(), False

    def use(self, keyid: str, nonce: str, expires: float) -> bool:
        """Use a nonce; False when it was used before. Raises what the database raises."""
        mine = _Use(keyid, nonce, expires)
        with self._guard:
            self._waiting.append(mine)
            mine.leads, self._busy = not self._busy, True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:  # by itself, or because the one before handed over
            with self._guard:
                group, self._waiting = self._waiting, []
            try:
                self._write(group)
            finally:
                self._hand_over()
        if mine.error is not None:
            raise mine.error
        return mine.fresh

    def _write(self, group: list[_Use]) -> None:
        try:
            fresh = self._insert(group)
        except Exception as error:
            for each in group:
                each.error = error
        else:
            for each in group:
                place = each.keyid, each.nonce
                each.fresh = place in fresh
                fresh.discard(place)  # the same one twice in a group counts once
        finally:
            for each in group:
                each.woken.set()

    def _hand_over(self) -> None:
        """Whoever has waited longest writes the next group."""
        with self._guard:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()
            else:
                self._busy = False

    def _insert(self, group: list[_Use]) -> set[tuple[str, str]]:
        """Insert those that are not there yet, and say which."""
        rows = {(each.keyid, each.nonce): each.expires for each in group}
        values = [{"keyid": k, "nonce": n, "expires": at} for (k, n), at in sorted(rows.items())]
        dialect = sqlite if self._database.sqlite else postgresql
        insert = dialect.insert(Nonce).values(values).on_conflict_do_nothing()
        with self._database.write(durable=False) as session:
            found = session.execute(insert.returning(Nonce.keyid, Nonce.nonce))
            return {(keyid, nonce) for keyid, nonce in found}
