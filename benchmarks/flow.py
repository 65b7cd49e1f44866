"""The flow of a whole study: what sealing, releasing and opening cost, and what controls measure.

    python benchmarks/flow.py [PEOPLE] [SHARE]

Plays submissions, link and cohort on the synthetic study with PEOPLE treatment people, with control
records for SHARE of the probation rows. Prints the processor time of each step without encoding and
matching, the most memory so far, and the rate of false links that the control records measure
beside the true one: of people without a true record, how many are linked.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from blindlink.analyst.cohort.folder import build_cohort
from blindlink.keys import LinkageKey, PartyKeys
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.release import link
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement, Limits, SignedAgreement, sign
from blindlink.messages.fields import stamp
from blindlink.messages.plan import Plan
from blindlink.owner.submit import submit
from blindlink.schema.profiles.making import new_schema
from blindlink.synthetic.generator.generate import Study, generate
from blindlink.synthetic.generator.parameters import Parameters

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROLES = {"moj": "owner", "ohid": "owner", "ttp": "linker", "lab": "analyst"}
OWNERS = ("moj", "ohid")
HEAVY = ("blindlink.owner.prepare._encode", "blindlink.linker.protocol.release.link_pair")


class Clock:
    """Processor time with the two heavy functions left out."""

    def __init__(self) -> None:
        self.out = 0.0

    def without(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time kept apart."""

        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                self.out += time.process_time() - start

        return timed

    def __call__(self, what: str, work: Callable[[], Any]) -> Any:
        """Do the work and print its time."""
        self.out, start = 0.0, time.process_time()
        result = work()
        spent = time.process_time() - start - self.out
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{what:14} {spent:6.1f} s   most memory so far {most:5} MiB")
        return result


def tables(study: Study, owner: str) -> dict[str, pa.Table]:
    """One owner's extract by table."""
    prefix = f"{owner}/"
    return {n.removeprefix(prefix): t for n, t in study.tables.items() if n.startswith(prefix)}


def agreed(study: Study, keys: dict[str, PartyKeys], secret: LinkageKey, share: str) -> Any:
    """An agreement that keeps every payload column."""
    columns = {o: {n: t.column_names for n, t in tables(study, o).items()} for o in OWNERS}
    schema, _ = new_schema("weak", [columns[owner]["identities"] for owner in OWNERS])
    terms = Agreement(
        project="benchmark",
        purpose="A benchmark.",
        legal_basis="Invented data.",
        created=stamp(NOW),
        expires=stamp(NOW + timedelta(days=1)),
        destroy_by=stamp(NOW + timedelta(days=2)),
        parties=tuple(each.public for each in keys.values()),
        schema_document=schema.document,
        key_check=secret.check_value(),
        plan=Plan(fallback_threshold="0.8"),
        release_policy={"moj": "all", "ohid": "candidates"},
        payload={
            owner: {
                table: dict.fromkeys((n for n in names if n != "entity_id"), "keep")
                for table, names in columns[owner].items()
                if table != "identities"
            }
            for owner in OWNERS
        },
        controls={"moj": share, "ohid": "0.02"},
        limits=Limits(rows=10**7, bytes=10**11, submissions=1),
        minimum_rows=1,
        minimum_overlap=1,
        disclosure_policy={},
    )
    signed = SignedAgreement.unsigned(terms)
    for each in keys.values():
        signed = sign(signed, each, now=NOW)
    return signed


def play(study: Study, share: str, folder: Path, clock: Clock) -> None:
    """Everything from extract to cohort, with times; then the two rates."""
    keys: Any = {n: PartyKeys.generate(n, r, organisation=n) for n, r in ROLES.items()}  # type: ignore[arg-type]
    secret = LinkageKey.generate()
    signed, rows = agreed(study, keys, secret, share), {}
    for owner in OWNERS:
        sent = tables(study, owner)
        identities, out = sent.pop("identities"), folder / owner

        def act(owner: str = owner, sent: Any = sent, them: Any = identities, o: Any = out) -> Any:
            return submit(them, sent, Acting(signed, keys[owner], NOW), secret, o)

        rows[owner] = clock(f"submit {owner}", act).rows_of
    files = [folder / owner for owner in OWNERS]
    project, release = folder / "project", folder / "release"
    done = clock(
        "link", lambda: link(files, Acting(signed, keys["ttp"], NOW), Place(project), release)
    )
    cohort = clock(
        "cohort", lambda: build_cohort(release, Acting(signed, keys["lab"], NOW), folder / "cohort")
    )
    for side, owner in (("left", "moj"), ("right", "ohid")):
        names = dict(
            zip(*(rows[owner][n].to_pylist() for n in ("row_id", "entity_id")), strict=True)
        )
        linked = {names[row] for row in done.matches[f"{side}_row_id"].to_pylist()}
        partners = study.tables["truth/people"].filter(
            pa.compute.equal(study.tables["truth/people"]["in_extract"].cast(pa.string()), "1")
        )
        alone = set(names.values()) - {None} - set(partners[f"{owner}_entity_id"].to_pylist())
        measured, n = cohort.info["controls"][owner], len(alone)
        print(
            f"{owner}: {measured['linked']} of {measured['number']} controls linked "
            f"({100 * measured['linked'] / measured['number']:.3f} %), "
            f"{len(alone & linked)} of {n} people without a true record "
            f"({100 * len(alone & linked) / n:.3f} %)"
        )


def main() -> None:
    """Play a study in a folder that is thrown away."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000
    share = sys.argv[2] if len(sys.argv) > 2 else "0.05"
    study, clock = generate(Parameters(people=people), seed=1), Clock()
    with tempfile.TemporaryDirectory() as folder:
        patches = []
        for name in HEAVY:
            module, _, function = name.rpartition(".")
            original = getattr(sys.modules[module], function)
            patches.append(patch(name, clock.without(original)))
        with patches[0], patches[1]:
            play(study, share, Path(folder), clock)


if __name__ == "__main__":
    main()
