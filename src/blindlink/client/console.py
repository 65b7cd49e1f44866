"""A code for the browser in which operator or auditor want to see the service's console."""

from typing import Any

from blindlink.client.connection import Connection

PATH = "/v1/console/sign-in"


def sign_in_code(connection: Connection) -> dict[str, Any]:
    """``code``, the ``address`` of the page where it is given in, and when it ``expires``.

    Asked for with a request that the local credential signs. Raises RefusalError, ServiceError.
    """
    found: dict[str, Any] = connection.call("POST", PATH, body=b"").json()
    return found
