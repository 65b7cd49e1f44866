"""A browser for tests, as far as the console needs one: a cookie, forms, and where it was led."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

import urllib3

from blindlink.client.console import sign_in_code
from worlds.service import Served

TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@dataclass
class Page:
    """What came back."""

    status: int
    headers: urllib3.HTTPHeaderDict
    text: str

    @property
    def to(self) -> str:
        """Where it leads."""
        return self.headers.get("location", "")


@dataclass
class Visitor:
    """Somebody with a browser; signed in or not."""

    served: Served
    cookie: str = ""
    form_token: str = ""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    @classmethod
    def signed_in(cls, served: Served, role: str) -> "Visitor":
        """Signed in with the credential of a role."""
        visitor = cls(served)
        answer = visitor.give(sign_in_code(served.connection(role))["code"])
        assert (answer.status, answer.to) == (303, "/console")
        visitor.form_token = TOKEN.search(visitor.get("").text)[1]  # type: ignore[index]
        return visitor

    def give(self, code: str) -> Page:
        """Give a sign-in code in."""
        return self.post("/sign-in", code=code)

    def get(self, path: str, **headers: str) -> Page:
        """A page of the console."""
        return self._ask("GET", path, None, headers)

    def send(self, path: str, **fields: str) -> Page:
        """A form of a page, with what makes it ours."""
        return self.post(path, None, form_token=self.form_token, **fields)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Page:
        """A form with these fields and nothing else."""
        sent = {"Origin": self.served.url, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields), {**sent, **(headers or {})})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        if self.cookie:
            headers = {"Cookie": f"blindlink={self.cookie}", **headers}
        url = f"{self.served.url}/console{path}"
        found = self.pool.request(method, url, body=body, headers=headers, redirect=False)
        given = re.match(r'blindlink="?([^";]*)', found.headers.get("set-cookie", "x"))
        if given:
            self.cookie = given[1]
        return Page(found.status, found.headers, found.data.decode())

    def words(self, path: str) -> str:
        """A page without its tags."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.get(path).text)))
