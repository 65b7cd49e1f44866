"""What must be on no page is planted, or taken from the study, and searched for on every page.

Encodings, ids of rows and entities, pseudonyms, scores and probabilities of pairs, keys and
secrets of every party, names of objects, codes and cookies: in every spelling a page could have.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select

from blindlink.client.console import sign_in_code
from blindlink.linker.protocol import intake
from blindlink.messages.acting import Acting
from blindlink.messages.plan import Plan
from blindlink.service.data.models import (
    BrowserSession,
    Job,
    KeyHolder,
    Part,
    Remembered,
    Run,
    Upload,
)
from service.test_console import paths, project
from worlds import flow
from worlds import service as world
from worlds.service import Served
from worlds.visitor import Visitor

PLANTED = "CANARY-7d1f"


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A release with a fitted score model, and canaries where no page may look."""
    made = flow.World(
        tmp_path_factory.mktemp("canaries"),
        people=800,
        terms={"plan": Plan(), "minimum_overlap": 5},
    )
    _blur(made)
    for owner in made.owners:
        made.submit(owner)
    with world.served(made) as served:
        served.open()
        for owner in made.owners:
            served.submit(owner)
        assert served.run()["state"] == "released"
        _plant(served)
        yield served


def _blur(made: flow.World) -> None:
    """Every tenth person lives elsewhere in the second file: scores differ."""
    columns = made.tables["ohid"]["identities"].to_pydict()
    columns["postcode_outward"] = [
        "ZZ9" if number % 10 == 0 else value
        for number, value in enumerate(columns["postcode_outward"])
    ]
    made.tables["ohid"]["identities"] = pa.table(columns)


def _plant(served: Served) -> None:
    with served.service.database.write() as session:
        upload = session.scalars(select(Upload).order_by(Upload.number)).first()
        assert upload is not None
        upload.error = PLANTED
        session.add(Part(upload=upload.id, offset=0, size=1, object=f"p1/parts/{PLANTED}"))
        session.add(Remembered(keyid="x", key=PLANTED, request="", subject="", expires=2e9))
        session.add(BrowserSession(digest=PLANTED, keyid="x", since=0, seen=0, expires=2e9))
        for job in session.scalars(select(Job)):
            job.worker = job.error = PLANTED


@pytest.fixture(scope="module")
def pages(linked: Served) -> dict[str, str]:
    """Everything that the console says to operator and auditor, the answers to forms with it."""
    found = {}
    for role in ("operator", "auditor"):
        visitor = Visitor.signed_in(linked, role)
        for path in (*paths(linked), f"{project(linked)}?done=run", "/nothing"):
            found[f"{role} {path}"] = visitor.get(path).text
        for form, fields in (("verify", {}), ("compare", {"head": "nonsense"})):
            path = f"{project(linked)}/audit/{form}"
            found[f"{role} {path}"] = visitor.send(path, **fields).text
        wrong = visitor.send(f"{project(linked)}/destroy", name="wrong")
        found[f"{role} destroy"] = wrong.text.replace(visitor.form_token, "")
        assert visitor.cookie not in "".join(found.values())
    assert len(found) == 2 * 17
    return found


def spelled(data: bytes) -> set[str]:
    """How bytes may stand on a page."""
    plain, url = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    return {data.hex(), data.hex().upper(), plain.rstrip("="), url.rstrip("="), str(list(data))}


def seen(pages: dict[str, str], words: set[str]) -> set[str]:
    assert words
    everything = "\n".join(pages.values())
    return {word for word in words if word in everything}


def test_no_encoding_and_no_id(linked: Served, pages: dict[str, str]) -> None:
    words: set[str] = set()
    with ExitStack() as stack:
        for owner in linked.world.owners:
            taken = intake.take(
                stack,
                linked.folder / f"{owner}.submission",
                Acting(linked.agreement, flow.keys("ttp"), world.clock()),
            )
            for row in range(len(taken.records.ids)):
                words |= spelled(taken.records.ids[row].tobytes())
                words |= spelled(taken.records.filters[0][row].tobytes()[:64])
    (released,) = linked.observed
    for name in ("left_row_id", "right_row_id", "left_pseudonym", "right_pseudonym"):
        words |= set(released.matches.column(name).to_pylist())
    assert len(words) > 7 * 1700  # of 1,770 rows; some people's encodings are the same
    assert seen(pages, words) == set()


def test_no_score_and_no_probability_of_a_pair(linked: Served, pages: dict[str, str]) -> None:
    """No number on a page is finer than three places; where lines are drawn, a tenth of a pixel."""
    (released,) = linked.observed
    report = released.reports[0].report
    exact = {repr(point.threshold) for point in report.curve}
    exact |= {repr(value) for value in released.matches.column("probability").to_pylist()}
    exact = {number for number in exact if len(number) > 6}
    assert exact
    assert seen(pages, exact) == set()
    for name, text in pages.items():
        assert re.findall(r"\d\.\d{4,}", text) == [], name
    quality = pages[f"auditor {project(linked)}/quality"]
    assert "<rect" in quality
    assert "fewer than 10" in quality


def test_no_secret_of_anybody(linked: Served, pages: dict[str, str]) -> None:
    words = spelled(flow.SECRET.secret) | {world.PASSPHRASE.decode()}
    folder = linked.service.settings.credential_folder
    for path in (folder / "operator.key", folder / "auditor.key"):
        words |= set(path.read_text().splitlines()[1:-1])
    for name in (*linked.world.owners, "ttp", "analyst"):
        seed = flow.keys(name)._seed
        for start in range(0, len(seed), 32):
            words |= spelled(seed[start : start + 32])
    assert seen(pages, words) == set()


def test_nothing_that_was_planted(linked: Served, pages: dict[str, str]) -> None:
    words = {PLANTED, PLANTED.lower(), linked.service.settings.data.as_posix()}
    words |= {key for key, _, _ in linked.service.storage.listing()}
    with linked.service.database.read() as session:
        run = session.scalars(select(Run)).one()
        assert run.object is not None
        assert session.scalars(select(KeyHolder)).all()
        words |= {run.object.rsplit("/", 1)[1]}
        words |= set(session.scalars(select(BrowserSession.digest)))
    assert seen(pages, words) == set()


def test_a_canary_would_be_found(linked: Served, pages: dict[str, str]) -> None:
    """The search itself works: what may be on a page is found."""
    may = {linked.agreement.digest(), flow.keys("ttp").public.fingerprint(), "ohid"}
    assert seen(pages, may) == may


def test_codes_are_on_no_page(linked: Served) -> None:
    visitor = Visitor(linked)
    code = sign_in_code(linked.connection("operator"))["code"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert wrong not in visitor.give(wrong).text
    assert code not in visitor.get("/sign-in").text


def test_the_folder_of_the_study_is_on_no_page(linked: Served, pages: dict[str, str]) -> None:
    assert seen(pages, {str(linked.folder), str(Path.home()), "Traceback"}) == set()
