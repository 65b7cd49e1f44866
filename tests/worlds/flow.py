"""A small world of two owners, a linker and an analyst, for the tests of the flow of data."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import shake_256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.analyst.cohort.folder import Cohort, build_cohort
from blindlink.keys import LinkageKey
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.release import Released, link
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement, Limits, SignedAgreement
from blindlink.messages.fields import stamp
from blindlink.messages.plan import Plan
from blindlink.owner.submit import Options, Submitted, submit
from blindlink.schema.profiles.making import new_schema
from worlds.parties import NOW, document, entropy, keys, signed_by

IDENTIFIERS = (
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode_outward",
    "region",
)
PAYLOAD: dict[str, dict[str, dict[str, str]]] = {
    "moj": {"events": {"requirement_id": "keep", "sentence_date": "keep", "age": "band:5"}},
    "ohid": {
        "events": {"episode_id": "keep", "agency": "keep", "triage_date": "month"},
        "details": {"episode_id": "keep", "top_date": "keep", "alcohol_days": "keep"},
    },
    "nhs": {},
}
SECRET = LinkageKey(shake_256(b"the secret of the flow world").digest(32))


POLICIES = {"moj": "all", "ohid": "candidates", "nhs": "matched"}
OWNERS: tuple[str, ...] = ("moj", "ohid")  # of a world that says nothing else


@dataclass
class World:
    """Folders, tables and the signed agreement of one test."""

    folder: Path
    owners: tuple[str, ...] = field(default_factory=lambda: OWNERS)
    policies: Mapping[str, str] = field(default_factory=dict)  # where they are not POLICIES
    controls: Any = 5
    people: int = 60
    terms: Mapping[str, Any] = field(default_factory=dict)
    signed_at: datetime = NOW
    linker: str = "ttp"

    def __post_init__(self) -> None:
        self.tables = {name: tables(name, self.people) for name in self.owners}
        self.agreement = agreement(self)

    def acting(self, name: str, **changes: Any) -> Acting:
        """A party at work; ``changes``: agreement, keys, now, entropy, progress."""
        given = {"agreement": self.agreement, "keys": keys(name), "now": NOW, **changes}
        return Acting(**given)

    def submit(self, name: str, file: str | None = None, **changes: Any) -> Submitted:
        given = {**self.tables[name], **changes.pop("tables", {})}
        identities = given.pop("identities")
        changes = {"entropy": entropy(f"the {name}/{file}"), **changes}
        acting = self.acting(name, **_acting(changes))
        secret = changes.pop("secret", SECRET)
        if changes.get("sequence", 1) > 1 and "previous" not in changes:
            before = self.folder / f"{name}.submission.rows"
            changes["previous"] = before if before.exists() else None
        out = self.folder / (file or f"{name}.submission")
        return submit(identities, given, acting, secret, out, Options(**changes))

    def submit_others(self, *names: str) -> None:
        """Every owner but these sends its file."""
        for name in self.owners:
            if name not in names:
                self.submit(name)

    def files(self, *first: str) -> tuple[str, ...]:
        """The submission of each owner; ``first`` stand for those of the first ones."""
        return first + tuple(f"{name}.submission" for name in self.owners[len(first) :])

    def link(self, *files: str, out: str = "study.release", **changes: Any) -> Released:
        paths = [self.folder / file for file in files or self.files()]
        changes = {"entropy": entropy("ttp"), **changes}
        acting = self.acting(self.linker, **_acting(changes))
        place = changes.pop("place", Place(self.folder / "project"))
        return link(paths, acting, place, self.folder / out, **changes)

    def cohort(self, file: str = "study.release", out: str = "cohort", **changes: Any) -> Cohort:
        acting = self.acting("analyst", **_acting(changes))
        return build_cohort(self.folder / file, acting, self.folder / out, **changes)

    def rehearse(self) -> None:
        """Play in a folder that is thrown away: everything is imported and compiled then."""
        with tempfile.TemporaryDirectory() as folder:
            World(Path(folder)).played()

    def played(self) -> Cohort:
        """Everything once, from submissions to cohort."""
        for name in self.owners:
            self.submit(name)
        self.link()
        return self.cohort()


def _acting(changes: dict[str, Any]) -> dict[str, Any]:
    """What says who acts, taken out of ``changes``."""
    names = ("agreement", "keys", "now", "entropy", "progress")
    return {name: changes.pop(name) for name in names if name in changes}


@cache
def _finished() -> Path:
    """A folder where everything was played once; tests copy it, none writes to it."""
    folder = Path(tempfile.mkdtemp(prefix="blindlink-flow-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    World(folder).played()
    return folder


def finished(folder: Path) -> World:
    """A world whose submissions, release and cohort lie in ``folder`` already."""
    shutil.copytree(_finished(), folder, dirs_exist_ok=True)
    return World(folder)


def agreement(world: World) -> SignedAgreement:
    """The agreement of these owners with linker and analyst, signed by all."""
    names = (*world.owners, world.linker, "analyst")
    columns = [[*IDENTIFIERS, "entity_id"]] * len(world.owners)

    def mine(each: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each[name] for name in world.owners}

    terms = document(
        created=stamp(NOW - timedelta(days=1)),
        expires=stamp(NOW + timedelta(days=30)),
        destroy_by=stamp(NOW + timedelta(days=60)),
        parties=tuple(keys(name).public for name in names),
        schema_document=new_schema("weak", columns)[0].document,
        key_check=SECRET.check_value(),
        plan=Plan(threshold="0.8"),
        release_policy=mine(POLICIES | dict(world.policies)),
        payload=mine(PAYLOAD),
        controls=dict.fromkeys(world.owners, world.controls),
        limits=Limits(rows=10_000, bytes=10**9, submissions=3),
        minimum_rows=10,
        minimum_overlap=5,
        disclosure_policy={"threshold": 5},
    )
    return signed_by(Agreement(**{**terms, **world.terms}), names, now=world.signed_at)


def tables(owner: str, people: int) -> dict[str, pa.Table]:
    """One owner's extract: the second half of the first owner's people are in the others too."""
    rng = np.random.default_rng(7)
    everyone = _identities(rng, 2 * people)
    start = 0 if owner == "moj" else people // 2
    mine = everyone.slice(start, people)
    ids = pa.array([f"{owner}-secret-{number}" for number in range(people)])
    mine = mine.add_column(0, "entity_id", ids)
    aliases = mine.slice(0, people // 10).set_column(1, "first_initial", [["Z"] * (people // 10)])
    found = {"identities": pa.concat_tables([mine, aliases])}
    rng = np.random.default_rng(len(owner))
    if owner == "moj":
        found["events"] = _sentences(rng, ids)
    if owner == "ohid":
        found["events"], found["details"] = _episodes(rng, ids)
    return found


def _identities(rng: np.random.Generator, number: int) -> pa.Table:
    letters = np.array(list("ABCDEFGHJKLMNPRSTW"))
    regions = rng.integers(0, 4, number)
    born = np.datetime64("1960-01-01") + rng.integers(0, 14_000, number)
    return pa.table(
        {
            "first_initial": rng.choice(letters, number),
            "last_initial": rng.choice(letters, number),
            "date_of_birth": born.astype(str),
            "sex": rng.choice(["1", "2"], number),
            "postcode_outward": [
                f"{'ABCD'[region]}{'BDGH'[region]}{part}"
                for region, part in zip(regions, rng.integers(1, 20, number), strict=True)
            ],
            "region": np.array(["North", "East", "South", "West"])[regions],
        }
    )


def _sentences(rng: np.random.Generator, ids: pa.Array) -> pa.Table:
    who = np.sort(rng.integers(0, len(ids), 2 * len(ids)))
    return pa.table(
        {
            "entity_id": ids.take(pa.array(who)),
            "requirement_id": [f"moj-requirement-{number}" for number in range(len(who))],
            "sentence_date": (np.datetime64("2020-01-01") + np.arange(len(who))).astype(str),
            "age": rng.integers(18, 70, len(who)).astype(str),
            "name_of_judge": ["never leaves"] * len(who),
        }
    )


def _episodes(rng: np.random.Generator, ids: pa.Array) -> tuple[pa.Table, pa.Table]:
    who = rng.integers(0, len(ids), 2 * len(ids))
    episode = pa.array([f"ohid-episode-{number}" for number in range(len(who))])
    events = pa.table(
        {
            "entity_id": ids.take(pa.array(who)),
            "episode_id": episode,
            "agency": rng.choice(["Hull é", "York", ""], len(who)),
            "triage_date": (np.datetime64("2020-01-01") + np.arange(len(who))).astype(str),
        }
    )
    of = rng.integers(0, len(who), 5 * len(ids))
    days = rng.choice(["0", "7", "28", ""], len(of))
    dates = (np.datetime64("2021-01-01") + np.arange(len(of))).astype(str)
    details = pa.table(
        {
            "entity_id": ids.take(pa.array(who[of])),
            "episode_id": episode.take(pa.array(of)),
            "top_date": dates,
            "alcohol_days": days,
        }
    )
    return events, details
