"""Behind proxies: whose address a request has. Believed only from proxies that the operator named.

X-Forwarded-For is read from its right end, where the nearest proxy wrote: the first address that is
no named proxy's is the client's. What stands left of it anybody may have written.
"""

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from blindlink.service.web.connections import Networks

HEADER = b"x-forwarded-for"


class Forwarded:
    """Puts the client's address into the scope."""

    def __init__(self, app: ASGIApp, proxies: tuple[str, ...]) -> None:
        self._app, self._proxies = app, Networks(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if scope["type"] == "http" and peer is not None and peer[0] in self._proxies:
            lines = [value for name, value in scope["headers"] if name == HEADER]
            found = client(b",".join(lines).decode("ascii", "replace"), self._proxies)
            if found is not None:
                scope = {**scope, "client": (found, 0)}
        await self._app(scope, receive, send)


def client(text: str, proxies: Networks) -> str | None:
    """The right-most address that is no proxy's; None where there is none, or no address at all."""
    for part in reversed(text.split(",")):
        try:
            address = str(ip_address(part.strip()))
        except ValueError:
            return None
        if address not in proxies:
            return address
    return None
