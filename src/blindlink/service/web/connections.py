"""Who may hold a connection, before anybody has said who it is.

A connection is anonymous until it carried a request with a good signature. Nobody at one address
holds more than ``of_address``; and when there are so many that only the reserve is left, the
anonymous one that has waited longest is closed for each new one. So health checks and signed
callers get in, however many silent connections somebody opens.
"""

from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Protocol

from blindlink.service.settings import Connections
from blindlink.service.telemetry.metrics import REFUSED


class Connection(Protocol):
    """What is asked of a connection."""

    address: str
    trusted: bool

    @property
    def waits(self) -> bool:
        """Whether no request of it is under way."""

    def drop(self) -> None:
        """Close it."""


class Networks:
    """Addresses of proxies that the operator named."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._networks = [ip_network(name) for name in names]

    def __contains__(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in each for each in self._networks)


class Door:
    """The connections of a web process, the oldest first."""

    def __init__(self, limits: Connections, proxies: Networks) -> None:
        self.limits, self._proxies = limits, proxies
        self._held: dict[int, Connection] = {}
        self._by_address: Counter[str] = Counter()

    def enter(self, connection: Connection) -> bool:
        """Let a new connection in; False where there is no room for it."""
        address = connection.address
        many = self._by_address[address] >= self.limits.of_address
        if many and address not in self._proxies:
            REFUSED.labels("address").inc()
            return False
        if len(self._held) >= self.limits.most - self.limits.reserve:
            self._make_room()
        if len(self._held) >= self.limits.most:
            REFUSED.labels("full").inc()
            return False
        self._held[id(connection)] = connection
        self._by_address[address] += 1
        return True

    def leave(self, connection: Connection) -> None:
        """It is closed."""
        if self._held.pop(id(connection), None) is not None:
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]

    def idle(self, connection: Connection) -> float:
        """How long it may wait for its next request, in seconds."""
        limits = self.limits
        return limits.idle if connection.trusted else limits.idle_anonymous

    def _make_room(self) -> None:
        for each in self._held.values():
            if not each.trusted and each.waits:
                REFUSED.labels("evicted").inc()
                self.leave(each)
                each.drop()
                return
