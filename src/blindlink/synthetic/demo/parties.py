"""The people of the demo, each in a folder of its own that holds only what it may hold.

Every step is the library call that the command of the same name makes. What one party hands to
another is a file that is copied into the other's folder, and nothing else crosses.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from blindlink import frames
from blindlink.analyst.cohort.folder import Cohort, build_cohort
from blindlink.analyst.publish.checked import Published, approve
from blindlink.analyst.publish.checked import publish as publish_checked
from blindlink.analyst.publish.writing import ReportResult
from blindlink.files import write_bytes, write_text
from blindlink.keys import Entropy, LinkageKey, PartyKeys, PartyPublic, Role
from blindlink.linker.protocol import release
from blindlink.linker.protocol.place import Place
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement, load_agreement, sign
from blindlink.messages.agreement.draft import new_agreement
from blindlink.messages.agreement.secret import receive_secret, send_secret
from blindlink.messages.output_check import OutputCheck
from blindlink.messages.signed import Signed
from blindlink.owner.risk.gate import gate
from blindlink.owner.schema_files import columns_of, write_columns
from blindlink.owner.submit import Options, Submitted, submit
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.profiles.making import new_schema
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.report import report
from blindlink.synthetic.demo.marks import DEMO_MARK, replay

NOW = datetime(2023, 3, 30, 9, 30, tzinfo=UTC)
AGREEMENT, LINKAGE_KEY, PASSPHRASE = "study.agreement", "linkage.key", "passphrase"
RELEASE, COHORT, REPORT = "study.release", "cohort", "report"
MOST_CONTROLS = 0.25


@dataclass(frozen=True)
class Play:
    """Who takes part in a demo, and what they agree; the first owner makes the linkage secret.

    ``tables``: payload tables of each owner. ``controls``: the share of an owner's identity rows
    that become control records, and the fewest that say something; a small file can make only a
    few. ``agreement``: package and name of the draft.
    """

    roles: Mapping[str, tuple[Role, str]]
    tables: Mapping[str, tuple[str, ...]]
    controls: Mapping[str, tuple[float, int]]
    agreement: tuple[str, str]
    schema: Callable[[Sequence[Sequence[str]]], LinkageSchema]

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners, in order."""
        return tuple(self.tables)


def study_schema(columns: Sequence[Sequence[str]]) -> LinkageSchema:
    """The profile for what both can supply, with the strictest of its match keys alone.

    What the study calls deterministic linkage is then exact agreement in every identifier.
    """
    made, _ = new_schema("weak", columns)
    document = deepcopy(made.document)
    del document["blindlink"]["matchKeys"][1:]
    return parse_schema(document)


OTHERS: dict[str, tuple[Role, str]] = {
    "linker": ("linker", "Trusted third party"),
    "analyst": ("analyst", "Secure research environment"),
    "checker": ("checker", "Secure research environment"),
}
CHECK, PUBLISHED = "report.check", "published"
PROBATION = Play(
    roles={
        "moj": ("owner", "Ministry of Justice (invented data)"),
        "ohid": ("owner", "Office for Health Improvement and Disparities (invented data)"),
        **OTHERS,
    },
    tables={"moj": ("events",), "ohid": ("events", "details")},
    controls={"moj": (0.05, 200), "ohid": (0.01, 50)},
    agreement=("blindlink.synthetic.demo", "agreement.toml"),
    schema=study_schema,
)


@dataclass(frozen=True)
class Party:
    """A party, its folder and its keys."""

    name: str
    folder: Path
    keys: PartyKeys
    entropy: Entropy
    play: Play

    def path(self, name: str) -> Path:
        """A file of this party."""
        return self.folder / name

    def hand(self, name: str, to: "Party") -> Path:
        """Give another party a copy of a file."""
        return Path(shutil.copyfile(self.path(name), to.path(name)))

    def agreement(self) -> SignedAgreement:
        """The agreement as this party holds it, verified."""
        return load_agreement(self.path(AGREEMENT), now=NOW)

    def acting(self, progress: Progress = silent) -> Acting:
        """This party at work under the agreement, on the demo's day."""
        return Acting(self.agreement(), self.keys, NOW, self.entropy, progress)


def make_party(name: str, out: Path, seed: int, play: Play = PROBATION) -> Party:
    """Make the party's keys: private file and passphrase for itself, public file for everybody."""
    role, organisation = play.roles[name]
    folder, entropy = out / name, replay(seed, name)
    folder.mkdir(exist_ok=True)
    marked = f"{organisation} {DEMO_MARK}"
    keys = PartyKeys.generate(name, role, organisation=marked, entropy=entropy)
    passphrase = entropy(16).hex().encode()
    write_bytes(folder / PASSPHRASE, passphrase + b"\n", mode=0o600)
    keys.save(folder / f"{name}.key", passphrase, entropy=entropy)
    keys.public.save(folder / f"{name}.public")
    return Party(name, folder, keys, entropy, play)


def exchange_public(parties: dict[str, Party]) -> None:
    """Everybody gets everybody's public file."""
    for sender in parties.values():
        for other in parties.values():
            if other is not sender:
                sender.hand(f"{sender.name}.public", other)


def draw_up(parties: dict[str, Party]) -> SignedAgreement:
    """The first owner makes secret, schema (for what all can supply) and draft; all sign."""
    play, first = next(iter(parties.values())).play, next(iter(parties.values()))
    key = LinkageKey.generate(first.entropy)
    key.save(first.path(LINKAGE_KEY))
    for name in play.owners:
        owner, columns = parties[name], f"{name}.columns.json"
        write_columns(owner.path("identities.csv"), owner.path(columns))
        if owner is not first:
            owner.hand(columns, first)
    lists = [columns_of(first.path(f"{name}.columns.json"))[0] for name in play.owners]
    write_text(first.path("schema.json"), play.schema(lists).to_json())
    write_text(first.path("study.toml"), _draft(parties))
    signed = new_agreement(first.path("study.toml"), now=NOW, key=key)
    for name in signed.agreement.names:
        signed = sign(signed, parties[name].keys, now=NOW)
    for party in parties.values():
        signed.save(party.path(AGREEMENT))
    return first.agreement()


def secret_file(owner: str) -> str:
    """The file by which an owner gets the linkage secret."""
    return f"for-{owner}.secret"


def share_secret(parties: dict[str, Party]) -> PartyPublic:
    """The first owner seals the linkage secret to the second; nobody else can open it."""
    first, other = list(parties.values())[:2]
    key, name = LinkageKey.load(first.path(LINKAGE_KEY)), secret_file(other.name)
    send_secret(key, first.acting(), other.name, first.path(name))
    receive_secret(first.hand(name, other), other.acting(), other.path(LINKAGE_KEY))
    return other.keys.public


def make_submission(
    owner: Party, progress: Progress = silent, *, assessed: bool = False
) -> Submitted:
    """The owner encodes its extract and seals the payload to the analyst, all in one file.

    ``assessed``: the disclosure-risk report runs first, as it does in ``blindlink owner submit``.
    """
    out = owner.path(f"{owner.name}.submission")
    names = owner.play.tables[owner.name]
    tables = {name: frames.read_table(owner.path(f"{name}.csv")) for name in names}
    identities = frames.read_table(owner.path("identities.csv"))
    secret = LinkageKey.load(owner.path(LINKAGE_KEY))
    options = Options(assess=gate(out, now=NOW, progress=progress) if assessed else None)
    return submit(identities, tables, owner.acting(progress), secret, out, options)


def hand_in(owner: Party, linker: Party, progress: Progress = silent) -> Submitted:
    """The owner makes its submission and gives it to the linker."""
    submitted = make_submission(owner, progress)
    owner.hand(f"{owner.name}.submission", linker)
    return submitted


def link(linker: Party, analyst: Party, progress: Progress = silent) -> release.Released:
    """The linker verifies both submissions, links them and seals the release to the analyst."""
    project = linker.path("project")
    project.mkdir()
    released = release.link(
        [linker.path(f"{name}.submission") for name in linker.play.owners],
        linker.acting(progress),
        Place(project),
        linker.path(RELEASE),
    )
    linker.hand(RELEASE, analyst)
    return released


def open_cohort(analyst: Party, progress: Progress = silent) -> Cohort:
    """The analyst verifies and opens the release."""
    return build_cohort(analyst.path(RELEASE), analyst.acting(progress), analyst.path(COHORT))


def analyse(
    analyst: Party, settings: Settings, seed: int, progress: Progress = silent
) -> ReportResult:
    """The analyst analyses the cohort and writes what the agreed policy allows to be published."""
    return report(
        analyst.path(COHORT),
        analyst.path(REPORT),
        settings=settings,
        seed=seed,
        now=NOW,
        progress=progress,
    )


def check_output(analyst: Party, checker: Party) -> Signed[OutputCheck]:
    """Somebody else than the analyst looks at the report, and signs exactly its files.

    What people do and a demo cannot: read it.
    """
    folder = shutil.copytree(analyst.path(REPORT), checker.path(REPORT))
    comments = "Demo: digests, policy and audit record fit; nobody read the figures."
    check = approve(folder, checker.agreement(), checker.keys, comments, now=NOW)
    check.save(checker.path(CHECK))
    checker.hand(CHECK, analyst)
    return check


def publish(analyst: Party) -> Published:
    """The analyst sends out what the checker signed."""
    check, out = analyst.path(CHECK), analyst.path(PUBLISHED)
    return publish_checked(analyst.path(REPORT), analyst.agreement(), check, out, now=NOW)


def _draft(parties: dict[str, Party]) -> str:
    play = next(iter(parties.values())).play
    held = {name: parties[name].path("identities.csv") for name in play.owners}
    rows = {name: frames.read_table(path).num_rows for name, path in held.items()}
    return draft_text(rows, play)


def draft_text(rows: Mapping[str, int], play: Play = PROBATION) -> str:
    """The draft of a demo's agreement (TOML) for owners with so many rows of identities."""
    package, file = play.agreement
    text = resources.files(package).joinpath(file).read_text("utf-8")
    for name, (share, fewest) in play.controls.items():
        number = min(max(fewest, round(share * rows[name])), int(MOST_CONTROLS * rows[name]))
        text = text.replace(f"{{{name}_controls}}", str(number))
    return text
