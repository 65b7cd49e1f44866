"""What the parties agree: the model behind the agreement file, with every rule that it must keep.

Fractions are decimal strings. ``payload`` gives, per owner, table and column, the generalisation
that the owner applies before anything leaves it: ``keep``, ``year``, ``month``, ``band:N``,
``truncate:N``, or a list of the labels that may stand there, so that no column carries a mark of an
owner's own; what is not listed is dropped.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema, model_validator

from blindlink.errors import AgreementError, SchemaError
from blindlink.keys import PartyPublic, Role
from blindlink.messages import canonical
from blindlink.messages.agreement.look_alikes import alphabets, looks
from blindlink.messages.fields import STRICT, Digest, KeyCheck, Name, Stamp, Text, moment
from blindlink.messages.plan import Fraction, Plan
from blindlink.schema.document import parse_schema
from blindlink.schema.limits import MAX_BLOB, MAX_COLUMNS, MAX_TABLES
from blindlink.schema.quality import Limits as QualityLimits

FORMAT = "blindlink-agreement-v1"
IDENTIFIERS = frozenset(
    (
        *("entity_id", "record_id", "crn", "clientid", "client_reference", "nhs_number", "nhsno"),
        *("pnc", "pncid", "pnc_number", "cro", "cro_number", "noms_number", "prison_number"),
        *("nino", "national_insurance_number", "driving_licence", "passport_number"),
        *("name", "full_name", "forename", "first_name", "middle_name", "surname", "last_name"),
        *("alias", "address", "email", "telephone", "phone"),
    )
)
"""Never payload: they name a person. A fresh number of this release stands for the person."""
COARSE_ONLY = frozenset(("date_of_birth", "dob", "postcode", "postcode_full"))
"""Payload only after a generalisation: kept whole, they all but name a person."""

ReleasePolicy = Literal["all", "candidates", "matched"]
Column = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Generalisation = Annotated[
    str, StringConstraints(pattern=r"^(keep|year|month|(band|truncate):[1-9][0-9]{0,5})$")
]
Label = Annotated[
    str,
    StringConstraints(pattern=r"^[^=+@\-\s\p{C}][^\p{C}]{0,99}$"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100}),  # no \p{C} in ECMA-262
]
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=1000)]
Payload = dict[Column, dict[Column, Generalisation | Labels]]
Lossy = dict[Column | Literal["*"], QualityLimits]
Count = Annotated[int, Field(ge=0, le=10**9)]


class Limits(BaseModel):
    """What one owner may send, and what one owner's records may draw out of another's file.

    ``rows``, ``bytes``, ``submissions``: identity rows, bytes of the file, number of submissions.
    ``entity_bytes``: payload of one entity; everybody's blob has the size of the largest.
    ``entity_rows``: identity rows of one entity. ``entity_links``: links of one entity to entities
    of one other owner. ``released``: for each owner, the share of its submitted entities that may
    be named to the analyst; an owner that does not stand there has no such limit.
    """

    model_config = STRICT

    rows: Annotated[int, Field(ge=1, le=10**9)]
    bytes: Annotated[int, Field(ge=1, le=2**48)]
    submissions: Annotated[int, Field(ge=1, le=1000)]
    entity_bytes: Annotated[int, Field(ge=64, le=MAX_BLOB)] = 1 << 16
    entity_rows: Annotated[int, Field(ge=1, le=10**6)] = 32
    entity_links: Annotated[int, Field(ge=1, le=10**6)] = 32
    released: dict[Name, Fraction] = {}


class Waiver(BaseModel):
    """Who accepts that two parties are less apart than the design wants, and why."""

    model_config = STRICT

    waives: Literal["same-organisation", "shared-key"]
    parties: tuple[Name, Name]
    accepted_by: Text
    reason: Text


class Agreement(BaseModel):
    """The terms. Two or more owners (in the order that makes the first one left), one linker, one
    analyst; every constructor call validates all of them.

    ``minimum_rows``: fewest identity rows of a submission. ``minimum_overlap``: fewest links of a
    release. ``controls``: control records per owner, a number or a share of its identity rows.
    ``quality``: how much of a field an owner may lose, where that is not the default
    (``schema.quality``); without it the agreement has no such key. ``output_checkers``: people of
    whom one signs every output before it is published; they are no parties. Where the agreement has
    no such key, nothing can be published under it. ``supersedes``: digest of the agreement that
    ends for whoever signs this one.
    """

    model_config = STRICT

    format: Literal["blindlink-agreement-v1"] = "blindlink-agreement-v1"
    project: Name
    version: Annotated[int, Field(ge=1, le=10**6)] = 1
    purpose: Text
    legal_basis: Text
    created: Stamp
    expires: Stamp
    destroy_by: Stamp
    parties: Annotated[tuple[PartyPublic, ...], Field(min_length=4, max_length=32)]
    schema_document: dict[str, Any]
    key_check: KeyCheck
    plan: Plan
    release_policy: dict[Name, ReleasePolicy]
    payload: dict[Name, Payload]
    controls: dict[Name, Count | Fraction]
    limits: Limits
    minimum_rows: Annotated[int, Field(ge=1, le=10**9)]
    minimum_overlap: Count
    disclosure_policy: dict[str, Any]
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=64)] = ()
    # An agreement that leaves the limits at their defaults has no key for them.
    output_checkers: (
        Annotated[tuple[PartyPublic, ...], Field(min_length=1, max_length=32)] | None
    ) = Field(default=None, exclude_if=lambda value: value is None)
    quality: dict[Name, Lossy] | None = Field(default=None, exclude_if=lambda value: value is None)
    supersedes: Digest | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _sound(self) -> "Agreement":
        for rule in (_check_dates, _check_parties, _check_checkers, _check_terms, _check_payload):
            rule(self)
        _check_linkage(self)
        for waiver in self.waivers:
            if not set(waiver.parties) <= set(self.names):
                raise ValueError("a waiver names somebody who is no party")
        for what, one, other in _too_close(self):
            if not _waived(self, what, one, other):
                raise ValueError(f"{one} and {other}: {what}, and no waiver accepts it")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parties, in the order of the agreement."""
        return tuple(party.name for party in self.parties)

    @property
    def owners(self) -> tuple[PartyPublic, ...]:
        """The owners in their order; the first is left."""
        return tuple(party for party in self.parties if party.role == "owner")

    @property
    def linker(self) -> PartyPublic:
        """The trusted third party."""
        return self.party("linker")

    @property
    def analyst(self) -> PartyPublic:
        """The party that studies the cohort."""
        return self.party("analyst")

    def checker(self, fingerprint: str) -> PartyPublic:
        """The output checker with that fingerprint; raises AgreementError."""
        for checker in self.output_checkers or ():
            if checker.fingerprint() == fingerprint:
                return checker
        raise AgreementError(
            f"agreement: {fingerprint} is none of its output checkers",
            hint="somebody whom 'blindlink agreement show' lists as output checker has to sign",
        )

    def party(self, which: str) -> PartyPublic:
        """The party of that name, else the only one with that role; raises AgreementError."""
        found = [party for party in self.parties if party.name == which]
        found = found or [party for party in self.parties if party.role == which]
        if len(found) != 1:
            raise AgreementError(f"agreement: has no single party '{which}'")
        return found[0]

    def by_fingerprint(self, fingerprint: str) -> PartyPublic:
        """The party with that fingerprint; raises AgreementError."""
        for party in self.parties:
            if party.fingerprint() == fingerprint:
                return party
        raise AgreementError(f"agreement: {fingerprint} is none of its parties")

    def member(self, public: PartyPublic, role: Role | None = None) -> PartyPublic:
        """``public`` itself when it is a party (in that role); raises AgreementError otherwise."""
        if public not in self.parties:
            raise AgreementError(
                f"agreement: the keys of {public.name} are none of its parties",
                hint="use the key file whose fingerprint stands in 'blindlink agreement show'",
            )
        if role is not None and public.role != role:
            raise AgreementError(f"agreement: {public.name} is {public.role}, not {role}")
        return public

    def control_count(self, owner: str, rows: int) -> int:
        """How many control records the owner adds to ``rows`` identity rows."""
        wanted = self.controls[owner]
        return wanted if isinstance(wanted, int) else round(float(wanted) * rows)

    def people_rows(self, owner: str, rows: int, first_rows: int) -> int:
        """How many of an owner's ``rows`` are people's at most: without the agreed controls.

        ``first_rows``: rows of its first submission, of which an agreed share are controls.
        """
        wanted = self.controls[owner]
        share = 0.0 if isinstance(wanted, int) else float(wanted)
        return rows - (wanted if isinstance(wanted, int) else int(first_rows * share / (1 + share)))

    def document(self) -> dict[str, Any]:
        """The terms as JSON objects."""
        return self.model_dump(mode="json")

    def quality_limits(self, owner: str) -> dict[str, QualityLimits]:
        """How much of a field the owner may lose, where that is not the default."""
        return dict((self.quality or {}).get(owner, {}))

    def to_bytes(self) -> bytes:
        """The canonical bytes, which the parties sign."""
        return canonical.dumps(self.document())

    def digest(self) -> str:
        """SHA-256 of the canonical bytes, 64 hex digits."""
        return canonical.digest(self.to_bytes())

    def schema_fingerprint(self) -> str:
        """SHA-256 of the linkage schema in canonical form."""
        return canonical.digest(self.schema_document)


def too_many_named(terms: Agreement, owner: str, named: int, entities: int) -> bool:
    """Whether more of an owner's submitted entities are named to the analyst than was agreed."""
    return named > float(terms.limits.released.get(owner, 1)) * entities


def _check_dates(terms: Agreement) -> None:
    if not moment(terms.created) < moment(terms.expires) <= moment(terms.destroy_by):
        raise ValueError("created, expires and destroy_by are not in this order")


def _check_parties(terms: Agreement) -> None:
    names = set(terms.names)
    if len(names) != len(terms.parties):
        raise ValueError("two parties have one name")
    if names & {"owner", "linker", "analyst"} - {p.name for p in terms.parties if p.name == p.role}:
        raise ValueError("a party bears the name of another role")
    if terms.supersedes is not None and terms.version == 1:
        raise ValueError("a first version supersedes nothing")
    if mixed := [party.name for party in terms.parties if len(alphabets(party.organisation)) > 1]:
        raise ValueError(f"the organisation of {mixed[0]} mixes alphabets, as no name does")
    roles = [party.role for party in terms.parties]
    if roles.count("owner") < 2 or roles.count("linker") != 1 or roles.count("analyst") != 1:
        raise ValueError("needs two or more owners, one linker and one analyst")


def _check_checkers(terms: Agreement) -> None:
    """Whoever lets an output go is nobody who made it: no key and no name is a party's too."""
    checkers = terms.output_checkers or ()
    if any(party.role == "checker" for party in terms.parties):
        raise ValueError("an output checker is no party")
    if any(checker.role != "checker" for checker in checkers):
        raise ValueError("output_checkers: one has keys of another role")
    if len({p.name for p in (*terms.parties, *checkers)}) < len(terms.parties) + len(checkers):
        raise ValueError("output_checkers: one has the name of somebody else")
    for one, other in combinations((*checkers, *terms.parties), 2):
        if one in checkers and one.public_keys() & other.public_keys():
            raise ValueError(f"output_checkers: {one.name} shares a key with {other.name}")


def _check_terms(terms: Agreement) -> None:
    owners = {party.name for party in terms.owners}
    for field in ("release_policy", "payload", "controls"):
        if set(getattr(terms, field)) != owners:
            raise ValueError(f"{field} does not name exactly the owners")
    if terms.quality is not None and not set(terms.quality) <= owners:
        raise ValueError("quality names somebody who is no owner")
    for name in ("minimum_rows", "minimum_overlap"):
        if getattr(terms, name) > terms.limits.rows:
            raise ValueError(f"{name} is above the limit of rows")
    if wrong := sorted(set(terms.limits.released) - owners):
        raise ValueError(f"limits: released: {wrong[0]} is no owner")
    for owner, share in terms.limits.released.items():
        if terms.release_policy[owner] == "all" and float(share) < 1:
            raise ValueError(f"limits: released: {owner} releases all, and no more than {share}")
    for owner, wanted in terms.controls.items():
        if isinstance(wanted, int) and wanted >= terms.limits.rows:
            raise ValueError(f"controls of {owner}: leave no room for rows within the limit")


def _check_linkage(terms: Agreement) -> None:
    """The schema can be encoded with, and the plan can be carried out on what it gives."""
    try:
        schema = parse_schema(terms.schema_document)
    except SchemaError as error:
        raise ValueError(f"schema_document: {error.message}") from None
    if schema.document != terms.schema_document:
        raise ValueError("schema_document: is not in its latest form; load and save it first")
    plan, filters = terms.plan, len(schema.bits)
    if plan.levels and len(plan.levels) != filters:
        raise ValueError(f"plan: states levels for {len(plan.levels)} of {filters} filters")
    if plan.methods == ("deterministic",) and not schema.match_keys:
        raise ValueError("plan: links by match keys alone, and the schema has none")


def _check_payload(terms: Agreement) -> None:
    for owner, tables in terms.payload.items():
        if len(tables) > MAX_TABLES or any(len(each) > MAX_COLUMNS for each in tables.values()):
            raise ValueError(
                f"payload of {owner}: more than {MAX_TABLES} tables or {MAX_COLUMNS} columns"
            )
        for table, columns in tables.items():
            kept = {column for column, rule in columns.items() if rule == "keep"}
            if found := IDENTIFIERS.intersection(columns) | (COARSE_ONLY & kept):
                raise ValueError(f"payload of {owner}, {table}: {min(found)} is an identifier")
            if not columns:
                raise ValueError(f"payload of {owner}, {table}: lists no column")


def _too_close(terms: Agreement) -> Iterator[tuple[str, str, str]]:
    """Pairs of parties that stand in two roles with one organisation, or share a key."""
    for one, other in combinations(terms.parties, 2):
        if one.public_keys() & other.public_keys():
            yield "shared-key", one.name, other.name
        if one.role != other.role and looks(one.organisation) == looks(other.organisation):
            yield "same-organisation", one.name, other.name


def _waived(terms: Agreement, what: str, one: str, other: str) -> bool:
    return any(w.waives == what and set(w.parties) == {one, other} for w in terms.waivers)
