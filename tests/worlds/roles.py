"""Everybody who may knock, and what the table of rules says should happen."""

from collections.abc import Iterator
from dataclasses import dataclass

from blindlink.keys import PartyKeys
from blindlink.service import app
from blindlink.service.web.callers import PARTY
from worlds import flow, parties

CALLERS = ("moj", "ohid", "ttp", "analyst", "operator", "auditor", "outsider", "stranger", "nobody")
ROLE = {
    "moj": "owner",
    "ohid": "owner",
    "ttp": "linker",
    "analyst": "analyst",
    "operator": "operator",
    "auditor": "auditor",
}
PROJECTS = ("own", "other", "no")

# What an allowed request of the table is answered in the own project, where moj's submission is
# accepted and nothing else has happened: refused for what it says, never for who says it.
ALLOWED = {
    ("POST", "/v1/projects"): 415,
    ("GET", "/v1/projects"): 200,
    ("POST", "/v1/console/sign-in"): 201,
    ("GET", "/v1/console/sessions"): 200,
    ("DELETE", "/v1/console/sessions"): 204,
    ("GET", "/v1/people"): 200,
    ("POST", "/v1/people"): 422,
    ("DELETE", "/v1/people/{person}"): 404,
    ("POST", "/v1/projects/{project}/approvals"): 422,
    ("GET", "/v1/projects/{project}/end"): 200,
    ("POST", "/v1/projects/{project}/end/custodians"): 422,
    ("POST", "/v1/projects/{project}/end/attestations"): 422,
    ("PUT", "/v1/projects/{project}/end/hold"): 422,
    ("POST", "/v1/projects/{project}/end/lost"): 422,
    ("POST", "/v1/projects/{project}/uploads/{upload}/retry"): 409,
    ("GET", "/v1/projects/{project}"): 200,
    ("GET", "/v1/projects/{project}/agreement"): 200,
    ("POST", "/v1/projects/{project}/destroy"): 422,
    ("POST", "/v1/projects/{project}/uploads"): 422,
    ("GET", "/v1/projects/{project}/uploads"): 200,
    ("HEAD", "/v1/projects/{project}/uploads/{upload}"): 204,
    ("GET", "/v1/projects/{project}/uploads/{upload}"): 200,
    ("PATCH", "/v1/projects/{project}/uploads/{upload}"): 400,
    ("DELETE", "/v1/projects/{project}/uploads/{upload}"): 409,
    ("GET", "/v1/projects/{project}/uploads/{upload}/receipt"): 200,
    ("POST", "/v1/projects/{project}/run"): 409,
    ("GET", "/v1/projects/{project}/run"): 404,
    ("GET", "/v1/projects/{project}/report"): 404,
    ("GET", "/v1/projects/{project}/release"): 404,
    ("GET", "/v1/projects/{project}/audit/heads"): 200,
    ("GET", "/v1/projects/{project}/audit/heads/{size}"): 200,
    ("GET", "/v1/projects/{project}/audit/entries"): 200,
    ("GET", "/v1/projects/{project}/audit/log"): 200,
    ("GET", "/v1/projects/{project}/audit/consistency"): 422,
    ("GET", "/v1/projects/{project}/audit/inclusion"): 422,
}


@dataclass(frozen=True)
class Knock:
    """One request of the table."""

    method: str
    path: str
    in_project: bool
    caller: str
    project: str
    allowed: bool

    @property
    def name(self) -> str:
        where = f"-{self.project}" if self.in_project else ""
        return f"{self.method} {self.path} {self.caller}{where}"

    @property
    def expected(self) -> int:
        """The one status that is right."""
        if self.caller in ("stranger", "nobody"):
            return 401
        if not self.in_project:
            return ALLOWED[self.method, self.path] if self.allowed else 403
        local = ROLE.get(self.caller) in ("operator", "auditor")
        foreign = (self.project == "other") != (self.caller == "outsider")
        if self.project == "no" or (foreign and not local):
            return 404
        if not self.allowed:
            return 403
        # In the other project that upload is not, and nobody has signed a head.
        absent = self.project == "other" and ("{upload}" in self.path or "{size}" in self.path)
        anothers = self.caller == "ohid" and "{upload}" in self.path
        # A PATCH is looked at before its upload is looked for.
        if (absent or anothers) and self.method != "PATCH":
            return 404
        return ALLOWED[self.method, self.path]


def key(caller: str) -> PartyKeys | str:
    """With what a caller signs. The outsider is an owner of the other project."""
    if caller == "outsider":
        return parties.keys_elsewhere("moj")
    if caller == "stranger":
        return parties.keys("unknown")
    return caller if caller in ("operator", "auditor") else flow.keys(caller)


def role(caller: str) -> str | None:
    """The caller's role in the project where it has one."""
    return "owner" if caller == "outsider" else ROLE.get(caller)


def table() -> Iterator[Knock]:
    """Every endpoint, every caller, own, other and no project."""
    for method, path, roles, in_project in app.rules():
        for caller in CALLERS:
            found = role(caller)
            if not in_project and found not in ("operator", "auditor", None):
                found = PARTY
            for project in PROJECTS if in_project else ("own",):
                yield Knock(method, path, in_project, caller, project, found in roles)
