"""One connection to a service: signs what goes out, turns refusals into ServiceError."""

import ipaddress
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from blindlink.client.signing import Request, Signer, digest_header
from blindlink.errors import InputError, ServiceError
from blindlink.messages.http import PROBLEM_TYPE

TIMEOUT = urllib3.Timeout(connect=10, read=60)
ATTEMPTS = 5
PAUSE = 0.5  # seconds, doubled after each attempt
AGAIN = (429, 503)
ANSWER = 64 * 1024 * 1024  # the longest answer that is kept in memory


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ServiceError."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ServiceError("the service gave an answer that is not JSON") from None


class RefusalError(ServiceError):
    """A refusal of the service, with its HTTP status and problem details."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        title = str(document.get("title", "refused"))[:200]
        detail = str(document.get("detail", ""))[:500]
        text = f"{title}: {detail}" if detail else title
        super().__init__(f"the service refused ({status}): {_printable(text)}")
        self.status, self.document = status, document


class Connection:
    """Requests to one service as one caller."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        *,
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """``certificate`` and ``key`` (PEM) are for a service that wants mutual TLS."""
        self.url = _checked(url)
        self.signer = signer
        self._pool = urllib3.PoolManager(
            timeout=TIMEOUT,
            retries=False,
            ca_certs=str(ca) if ca else None,
            cert_file=str(certificate) if certificate else None,
            key_file=str(key) if key else None,
            headers={"User-Agent": "blindlink"},
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, tried again when the line breaks or the service is busy.

        Raises RefusalError, or ServiceError when the service cannot be reached.
        """
        pause = PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._once(method, path, body, headers or {})
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if last:
                    raise _unreachable(self.url, error) from None
            else:
                if answer.status < 400:
                    return answer
                if last or answer.status not in AGAIN:
                    raise refusal(answer)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("not reached")

    def stream(self, path: str, headers: Mapping[str, str]) -> Any:
        """A GET whose body is read by the caller, who releases it. Raises like ``call``."""
        try:
            response = self._send("GET", path, None, headers, preload=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _unreachable(self.url, error) from None
        if response.status >= 400:
            raise refusal(Answer(response.status, response.headers, response.read(ANSWER)))
        return response

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        response = self._send(method, path, body, headers, preload=False)
        try:
            data = response.read(ANSWER)
        finally:
            response.release_conn()
        return Answer(response.status, response.headers, data)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        preload: bool,
    ) -> Any:
        request = Request(method, self.url + path, dict(headers))
        if body is not None:
            request.headers["Content-Digest"] = digest_header(body)
        self.signer.add_to(request)
        return self._pool.request(
            method,
            request.url,
            body=body,
            headers=request.headers,
            preload_content=preload,
            redirect=False,
        )


def refusal(answer: Answer) -> RefusalError:
    """The error for an answer of status 400 and more."""
    document: Any = {}
    if answer.headers.get("content-type", "").startswith(PROBLEM_TYPE):
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = {}
    return RefusalError(answer.status, document if isinstance(document, dict) else {})


def _checked(url: str) -> str:
    """The address without a slash at its end. Raises InputError for plain HTTP to elsewhere."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise InputError(f"{url}: not the address of a service", hint="like https://link.example")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise InputError(f"{url}: without TLS", hint="use https for a service on another machine")
    return f"{parts.scheme}://{parts.netloc}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreachable(url: str, error: Exception) -> ServiceError:
    return ServiceError(
        f"{url}: cannot be reached ({type(error).__name__})",
        hint="check the address, the network and the certificate",
    )


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
