"""HTTP/1.1 as this service speaks it: uvicorn's, with limits of time, connections and grammar."""

import asyncio
import re

from h11 import IDLE
from uvicorn.protocols.http.h11_impl import H11Protocol

from blindlink.service.settings import Limits
from blindlink.service.telemetry.metrics import REFUSED
from blindlink.service.web.connections import Door

BARE = re.compile(rb"(?<!\r)\n")
END = b"\r\n\r\n"
HEAD = 64 * 1024  # bytes of a head that are looked at; h11 takes no longer one


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a request's head, nor for an answer to be read."""

    pause, read_pause = Limits.head_pause, Limits.body_pause
    door: Door
    address = "?"
    trusted = False
    _head = b""
    _timer: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else "?"
        if not self.door.enter(self):
            transport.abort()
            return
        self.app_state = {**self.app_state, "connection": self}
        self._wait()

    @property
    def waits(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Close it: somebody else needs the room."""
        self.transport.abort()

    def on_response_complete(self) -> None:
        self.timeout_keep_alive = max(1, round(self.door.idle(self)))
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is IDLE and self._is_bare(data):
            REFUSED.labels("grammar").inc()
            self.send_400_response("Invalid HTTP request received.")
            return
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._stop()

    def _is_bare(self, data: bytes) -> bool:
        """Whether a line of the head ends in a line feed alone, which others may read otherwise."""
        seen = self._head + data
        end = seen.find(END)
        self._head = b"" if end >= 0 else seen[-HEAD:]
        return BARE.search(seen if end < 0 else seen[:end]) is not None

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.leave(self)
        self._stop()
        self._read_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader = self.loop.call_later(self.read_pause, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def _read_on(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.pause, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
