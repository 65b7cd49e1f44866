"""The console: who sees which page, which forms count, and what pages say."""

import json
import re
import shutil
import urllib.request
from pathlib import Path

import pytest

from blindlink.client.console import sign_in_code
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed
from blindlink.service.console import audit, projects, routes
from blindlink.service.data.models import Entry, Job, KeyHolder
from worlds import flow
from worlds import service as world
from worlds.service import Served
from worlds.visitor import Page, Visitor

ROLES = ("operator", "auditor")
OWN = re.compile(r"^(/console(/[A-Za-z0-9/._?=-]*)?|#[a-z]+)$")
INLINE = re.compile(r"<style|<script(?![^>]*\ssrc=)|\s(style|on[a-z]+)\s*=", re.IGNORECASE)
LINKS = re.compile(r'\s(?:href|src|action|data-live)="([^"]*)"')


@pytest.fixture(scope="module")
def operator(linked: Served) -> Visitor:
    return Visitor.signed_in(linked, "operator")


@pytest.fixture(scope="module")
def auditor(linked: Served) -> Visitor:
    return Visitor.signed_in(linked, "auditor")


def project(served: Served) -> str:
    return f"/projects/{served.agreement.digest()}"


def paths(served: Served) -> list[str]:
    """Every page that can be looked at."""
    found = [path for method, path, _ in routes.rules() if method == "GET"]
    return [
        path.removeprefix("/console").replace("{project}", served.agreement.digest())
        for path in found
    ]


class TestWhoSeesWhat:
    def test_every_page_for_everybody(self, linked: Served) -> None:
        """Pages by callers; a form without its token is refused to all, so nothing happens."""
        wrong, number = [], 0
        for caller in ("nobody", "forger", "owner", *ROLES):
            visitor = Visitor.signed_in(linked, caller) if caller in ROLES else Visitor(linked)
            visitor.cookie = "A" * 43 if caller == "forger" else visitor.cookie
            for method, path, roles in routes.rules():
                path = path.replace("{project}", linked.agreement.digest())
                status = _knock(visitor, caller, method, path.removeprefix("/console"))
                number += 1
                if status != _expected(caller, method, roles):
                    wrong.append((caller, method, path, status))
        assert wrong == []
        assert number == 5 * 17

    def test_an_unknown_project_is_no_page(self, operator: Visitor, auditor: Visitor) -> None:
        for visitor in (operator, auditor):
            for name in ("0" * 64, "nonsense", "%00"):
                assert visitor.get(f"/projects/{name}").status == 404

    def test_a_page_without_roles_does_not_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fastapi.routing import APIRoute

        route = APIRoute("/console/open-door", lambda: None)
        module = type("Module", (), {"router": type("Router", (), {"routes": [route]})})
        monkeypatch.setattr(routes, "MODULES", (*routes.MODULES, module))
        with pytest.raises(RuntimeError, match="open-door: names no roles"):
            list(routes.rules())

    def test_auditors_are_shown_no_action(self, auditor: Visitor, operator: Visitor) -> None:
        path = project(auditor.served)
        assert "Destroy this project" in operator.get(path).text
        for each in (path, f"{path}/progress"):
            assert "Destroy this project" not in auditor.get(each).text
        assert "read only" in auditor.words(path)

    def test_there_may_be_no_console(self, tmp_path: Path) -> None:
        made = world.submissions(tmp_path)
        with world.served(made, workers=False, settings={"console": False}) as served:
            answer = Visitor(served).get("/sign-in")
            assert answer.status == 404
            assert answer.headers["content-type"] == "application/problem+json"
            assert served.raw("operator", "POST", "/v1/console/sign-in", b"").status == 404


def _knock(visitor: Visitor, caller: str, method: str, path: str) -> int:
    if caller == "owner":  # with an owner's signature, which is worth nothing here
        return visitor.served.raw(
            "moj", method, f"/console{path}", b"" if method == "POST" else None
        ).status
    return (visitor.get(path) if method == "GET" else visitor.post(path)).status


def _expected(caller: str, method: str, roles: frozenset[str]) -> int:
    if caller not in ROLES:
        return 303 if method == "GET" else 401
    return 200 if method == "GET" and caller in roles else 403


class TestForms:
    def test_of_other_kinds_or_sites_are_refused(self, linked: Served) -> None:
        visitor = Visitor.signed_in(linked, "operator")
        path, form = f"{project(linked)}/destroy", {"name": "study"}
        for headers in (
            {"Origin": "https://elsewhere.example"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Content-Type": "text/plain"},
            {"Content-Type": "multipart/form-data; boundary=x"},
            {"Content-Encoding": "gzip"},
            {"Host": "elsewhere.example"},
        ):
            answer = visitor.post(path, headers, form_token=visitor.form_token, **form)
            assert answer.status in (403, 415, 421), headers
            assert _untouched(linked)

    def test_without_their_own_token_are_refused(self, operator: Visitor, auditor: Visitor) -> None:
        path = f"{project(operator.served)}/destroy"
        for token in ("", "0" * 64, auditor.form_token, "é"):
            assert operator.post(path, name="study", form_token=token).status == 403
        assert operator.post(path, name="study").status == 403
        assert _untouched(operator.served)

    def test_of_auditors_do_nothing(self, auditor: Visitor) -> None:
        for action, fields in (("run", {}), ("destroy", {"name": "study"})):
            assert auditor.send(f"{project(auditor.served)}/{action}", **fields).status == 403
        assert _untouched(auditor.served)

    def test_are_small_and_plain(self, operator: Visitor) -> None:
        path = f"{project(operator.served)}/audit/compare"
        assert operator.send(path, head="x" * 70_000).status == 413
        for body in ("head=1&head=2", "x", "a=%ff", "=&" * 20, "a=b\xff"):
            body = f"form_token={operator.form_token}&{body}"
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            sent = {"Origin": operator.served.url, **kind}
            answer = operator._ask("POST", path, body, sent)
            assert answer.status == 400, body

    def test_that_destroy_want_the_name(self, operator: Visitor) -> None:
        for name in ("", "Study", "study2"):
            answer = operator.send(f"{project(operator.served)}/destroy", name=name)
            assert answer.status == 422
            assert 'aria-invalid="true"' in answer.text
        assert _untouched(operator.served)


def _untouched(served: Served) -> bool:
    with served.service.database.read() as session:
        return session.query(Job).filter(Job.kind == "destroy").count() == 0


class TestPages:
    def test_fetch_nothing_from_elsewhere(self, operator: Visitor) -> None:
        anonymous = Visitor(operator.served)
        pages = [operator.get(path) for path in paths(operator.served)]
        pages += [anonymous.get("/sign-in"), anonymous.give("wrong"), operator.get("/nothing")]
        pages = [page for page in pages if page.headers["content-type"].startswith("text/html")]
        assert len(pages) == 13
        for page in pages:
            _check_headers(page)
            assert not INLINE.search(page.text)
            links = LINKS.findall(page.text)
            assert links or "data-part" in page.text
            assert [link for link in links if not OWN.match(link)] == []

    def test_links_lead_somewhere(self, operator: Visitor) -> None:
        seen, todo = set(), {"/console"}
        while todo:
            path = todo.pop()
            seen.add(path)
            page = operator.get(path.removeprefix("/console"))
            assert page.status == 200, path
            links = re.findall(r'\s(?:href|src)="(/console[^"]*)"', page.text)
            todo |= set(links) - seen
        assert len(seen) == 14  # three files of style and script, two to take home

    def test_files_may_be_kept_and_pages_not(self, operator: Visitor) -> None:
        page = operator.get("")
        assert page.headers["cache-control"] == "no-store"
        for name in re.findall(r"/console/assets/([a-z0-9.-]+)", page.text):
            asset = operator.get(f"/assets/{name}")
            assert "immutable" in asset.headers["cache-control"]
            assert asset.headers["x-content-type-options"] == "nosniff"
            assert operator.get(f"/assets/x{name}").status == 404

    def test_need_the_right_host(self, linked: Served) -> None:
        answer = Visitor(linked).get("/sign-in", Host="rebound.example")
        assert answer.status == 421
        assert f"{linked.url}/console" in answer.text
        _check_headers(answer)

    def test_may_be_asked_for_with_a_slash(self, linked: Served) -> None:
        answer = Visitor(linked).get("/")
        assert (answer.status, answer.to) == (303, "/console")

    def test_stand_behind_the_bare_address(self, linked: Served) -> None:
        with urllib.request.urlopen(linked.url) as answer:
            assert answer.url == f"{linked.url}/console/sign-in"

    def test_say_what_there_is(self, auditor: Visitor) -> None:
        base = project(auditor.served)
        assert "study, version 1 Released 2 of 2" in auditor.words("")
        words = auditor.words(base)
        assert "moj Organisation of moj Accepted" in words
        assert "Released Asked for" in words
        assert "1,000" not in words
        assert auditor.words(f"{base}/uploads").count("submission Accepted") == 2
        assert "Links 30" in auditor.words(f"{base}/quality")
        audit = auditor.words(f"{base}/audit")
        assert "Entries 7" in audit
        assert "3 " in audit
        assert "Inputs frozen" in audit
        assert re.search(r"Objects 3, [0-9.]+ KiB", auditor.words("/storage"))
        health = auditor.words("/health")
        assert health.count("Good ") == 5
        assert "Not good" not in health

    def test_say_who_has_not_sent(self, embedded: Served) -> None:
        visitor = Visitor.signed_in(embedded, "operator")
        base = project(embedded)
        embedded.submit("moj")
        words = visitor.words(base)
        assert "moj Organisation of moj Accepted" in words
        assert "ohid Organisation of ohid Not sent yet" in words
        assert "1 of 2" in visitor.words("")
        assert "There is nothing to start: 1 of 2 owners" in visitor.words(f"{base}/run")
        assert visitor.send(f"{base}/run").status == 409
        assert "no submission of ohid" in visitor.send(f"{base}/run").text.lower()
        assert "There is no report yet" in visitor.words(f"{base}/quality")


def _check_headers(page: Page) -> None:
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"


class TestActions:
    def test_run_and_destroy_through_pages(self, served: Served) -> None:
        """On both databases: everything that an operator does, from sign-in to the end."""
        visitor, base = Visitor.signed_in(served, "operator"), project(served)
        for owner in served.world.owners:
            served.submit(owner)
        assert "Freeze and link" in visitor.get(f"{base}/run").text
        answer = visitor.send(f"{base}/run")
        assert (answer.status, answer.to) == (303, f"/console{base}?done=run")
        assert served.client("operator").wait_for_run()["state"] == "released"
        assert "Released" in visitor.words(f"{base}/progress")
        assert "Everything that was recomputed holds" in visitor.send(f"{base}/audit/verify").text
        for path in paths(served):
            assert visitor.get(path).status == 200, path
        answer = visitor.send(f"{base}/destroy", name=" study ")
        assert (answer.status, answer.to) == (303, f"/console{base}?done=destroy")
        world.eventually(lambda: "version 1 Destroyed" in visitor.words(""))
        assert "The report was erased" in visitor.words(f"{base}/quality")
        assert "destroyed already" in visitor.words(f"{base}/destroy")
        for path in paths(served):
            assert visitor.get(path).status == 200, path
        assert "Everything that was recomputed holds" in visitor.send(f"{base}/audit/verify").text
        visitor.send("/sign-out")
        assert visitor.get("").status == 303


class TestVerification:
    def test_holds(self, auditor: Visitor) -> None:
        answer = auditor.send(f"{project(auditor.served)}/audit/verify")
        assert "Everything that was recomputed holds" in answer.text
        assert answer.text.count("Holds</strong>") == 6
        assert re.search(r"\d heads are the linker", answer.text)

    def test_compares_with_a_head_that_was_kept(self, auditor: Visitor, tmp_path: Path) -> None:
        served, base = auditor.served, f"{project(auditor.served)}/audit"
        text = auditor.get(f"{base}/head").text
        answer = auditor.send(f"{base}/compare", head=text.replace("\n", "\r\n"))
        size = json.loads(text)["document"]["size"]
        assert f"its {size} entries are the first of the {size}" in answer.text
        head = Signed.parse(text.encode()[:-1], Head, "head").document
        forged = Signed.make(head.model_copy(update={"root": "0" * 64}), flow.keys("ttp"))
        for wrong in (
            forged.to_bytes().decode(),
            text[:-40],
            "",
            "é",
            text.replace(f'"size":{size}', f'"size":{size - 1}', 1),
        ):
            answer = auditor.send(f"{base}/compare", head=wrong)
            assert answer.status == 200
            assert "Something does not hold" in answer.text
        assert served.raw("auditor", "GET", f"/v1{base}/heads/latest").body == text.encode()

    @pytest.mark.parametrize("how", ["changed", "removed", "exchanged"])
    def test_finds_a_log_that_was_tampered_with(self, embedded: Served, how: str) -> None:
        visitor, base = Visitor.signed_in(embedded, "auditor"), f"{project(embedded)}/audit"
        for owner in embedded.world.owners:
            embedded.submit(owner)
        with embedded.service.database.write() as session:
            entries = session.query(Entry).order_by(Entry.index).all()
            one, two = (entry for entry in entries if b'"sequence":1' in entry.data)
            if how == "changed":
                one.data = one.data.replace(b'"sequence":1', b'"sequence":2')
            elif how == "removed":
                session.delete(two)
            else:
                one.data, two.data = two.data, one.data
        answer = visitor.send(f"{base}/verify")
        assert answer.status == 200
        assert "Something does not hold" in answer.text
        for path in ("", project(embedded), base):  # one broken log hides nothing else
            assert visitor.get(path).status == 200
        assert ("Audit log broken" in visitor.words("")) == (how == "exchanged")
        (listed,) = embedded.connection("auditor").call("GET", "/v1/projects").json()["items"]
        assert (listed["state"] == "broken") == (how == "exchanged")


def test_nobody_needs_a_session_to_learn_that_he_has_none(linked: Served) -> None:
    part = Visitor(linked).get(f"{project(linked)}/progress", **{"X-Fragment": "1"})
    assert part.status == 401
    assert "location" not in part.headers
    assert sign_in_code(linked.connection("auditor"))["address"] == f"{linked.url}/console/sign-in"


class TestLists:
    def test_go_on_where_a_page_ends(
        self, auditor: Visitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(projects, "PAGE", 1)
        monkeypatch.setattr(audit, "PAGE", 2)
        base = project(auditor.served)
        assert "Next page" not in auditor.words("")
        assert _walk(auditor, f"{base}/uploads", r"<td data-name=\"Owner\">(\w+)<") == [
            ["moj"],
            ["ohid"],
        ]
        entries = _walk(auditor, f"{base}/audit", r'data-name="No\.">(\d+)<')
        assert entries == [["0", "1"], ["2", "3"], ["4", "5"], ["6"]]
        assert "No project more" in auditor.words("?after=1")
        assert auditor.get("?after=x").status == 422


def _walk(visitor: Visitor, path: str, what: str) -> list[list[str]]:
    """What stands on each page of a list, by its link to the next one."""
    text = visitor.get(path).text
    found = [re.findall(what, text)]
    while more := re.search(r'href="/console([^"]*)">Next page', text):
        text = visitor.get(more[1]).text
        assert "First page" in text
        found.append(re.findall(what, text))
    return found


class TestHealth:
    def test_names_what_is_wrong_and_no_more(self, tmp_path: Path) -> None:
        with world.served(world.submissions(tmp_path), workers=False) as served:
            visitor = Visitor.signed_in(served, "auditor")
            assert "no worker holds a linker's key" in visitor.words("/health")
            with served.service.database.write() as session:
                session.add(Job(kind="run", subject="x", state="failed", due=0, token=0))
                session.add(Job(kind="verify", subject="y", state="queued", due=0, token=0))
                session.add(KeyHolder(linker="f", holder="0" * 64, name="elsewhere", seen=0))
            storage = tmp_path / "service" / "storage"
            shutil.rmtree(storage)
            storage.write_text("no folder")
            (tmp_path / "service" / "witness").mkdir()
            (tmp_path / "service" / "witness" / f"{'0' * 32}.head").write_text("{}\n")
            words = visitor.words("/health")
        assert re.search(r"Storage Not good (FileExists|NotADirectory)Error Kept heads", words)
        assert "Kept heads Not good FormatError" in words
        assert "Workers Not good heard of" in words
        assert "1 waiting for more than a minute; 1 given up" in words
        assert "no project yet" in words
        assert str(tmp_path) not in words


class TestStorage:
    def test_may_be_far_away(self, tmp_path: Path) -> None:
        far = {"storage_url": f"memory://{tmp_path.name}"}
        with world.served(world.submissions(tmp_path), settings=far) as served:
            served.open()
            visitor = Visitor.signed_in(served, "operator")
            served.submit("moj")
            words = visitor.words("/storage")
            assert "Where files lie Object storage" in words
            assert "Room on the disk" not in words
            assert re.search(r"study none 1, [0-9.]+ KiB none", words)
            with served.service.storage.write("p9/parts/" + "0" * 32) as out:
                out.write(b"left behind")
            assert "No project: swept up by a worker 1, 11 bytes none none" in visitor.words(
                "/storage"
            )
