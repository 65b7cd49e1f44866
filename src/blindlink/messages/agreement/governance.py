"""An agreement as people read it: who takes part, who learns what, what leaves each owner.

    overview(signed, now) -> dict      everything that 'agreement show' prints, as JSON objects
    learns(agreement) -> Matrix        the table who-learns-what, computed from the terms

The matrix is the promise of the protocol (docs/explanation/what-each-party-learns.md); what the
agreement decides, the release policy and the waivers, changes its cells.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blindlink.errors import AgreementError
from blindlink.keys import PartyPublic
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.agreement.terms import Agreement
from blindlink.schema.document import parse_schema
from blindlink.schema.meaning import filter_shapes

RELEASE = {
    "all": "of everybody, without identity",
    "candidates": "of people who may match, without identity",
    "matched": "of linked people only, without identity",
}

FEW = 10
NOTHING = ("no", "ciphertext only")  # how a cell begins that gives a party nothing to read


@dataclass(frozen=True)
class Matrix:
    """A table: a column for each party, a row for each kind of information."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def learns(terms: Agreement) -> Matrix:
    """Who learns what under these terms. Collusion is another matter: see the documentation."""
    rows: list[tuple[str, ...]] = []
    for owner in terms.owners:
        policy = RELEASE[terms.release_policy[owner.name]]
        rows.append(_row(terms, f"identifiers of {owner.name}", owner, "no", "no"))
        rows.append(_row(terms, f"encodings of {owner.name}", owner, "yes", "no"))
        rows.append(_row(terms, f"attributes of {owner.name}", owner, "ciphertext only", policy))
        rows.append(_row(terms, f"which records of {owner.name} are controls", owner, "no", "yes"))
    rows += [
        _shared(terms, "linkage secret", "yes", "no", "no"),
        _shared(terms, "who matched", "no", "row pairs, no identity", "pseudonyms, no identity"),
        _shared(terms, "similarity scores", "no", "yes", "probabilities of candidates"),
        _shared(terms, "whether a release was made", "no, until published", "yes", "yes"),
    ]
    return Matrix(("what", *terms.names), tuple(_waived(terms, row) for row in rows))


def overview(signed: SignedAgreement, now: datetime) -> dict[str, Any]:
    """The agreement for a governance board: parties, terms, payload, matrix, waivers and state."""
    terms = signed.agreement
    matrix = learns(terms)
    return {
        "project": terms.project,
        "version": terms.version,
        "digest": signed.digest(),
        "supersedes": terms.supersedes,
        "state": state(signed, now),
        "purpose": terms.purpose,
        "legal_basis": terms.legal_basis,
        "created": terms.created,
        "expires": terms.expires,
        "destroy_by": terms.destroy_by,
        "parties": [_party(party, signed) for party in terms.parties],
        "output_checkers": [
            {
                "name": checker.name,
                "organisation": checker.organisation,
                "fingerprint": checker.fingerprint(),
            }
            for checker in terms.output_checkers or ()
        ],
        "who_learns_what": {
            "columns": list(matrix.columns),
            "rows": [list(r) for r in matrix.rows],
        },
        "payload": [
            {"owner": owner, "table": table, "column": column, "as": rule}
            for owner, tables in terms.payload.items()
            for table, columns in tables.items()
            for column, rule in columns.items()
        ],
        "schema": _schema(terms),
        "cautions": cautions(terms),
        "terms": _terms(terms),
        "waivers": [waiver.model_dump(mode="json") for waiver in terms.waivers],
    }


def state(signed: SignedAgreement, now: datetime) -> str:
    """One line: in force, unsigned or expired. Raises VerificationError if altered."""
    signed.check_signatures("agreement")
    try:
        signed.verify(now, "agreement")
    except AgreementError as error:
        return error.message.removeprefix("agreement: agreement: ")
    return "signed by all parties and in force"


def _row(
    terms: Agreement, what: str, owner: PartyPublic, linker: str, analyst: str
) -> tuple[str, ...]:
    cells = {"owner": "no", "linker": linker, "analyst": analyst}
    return (what, *("own" if p == owner else cells[p.role] for p in terms.parties))


def _shared(terms: Agreement, what: str, owner: str, linker: str, analyst: str) -> tuple[str, ...]:
    cells = {"owner": owner, "linker": linker, "analyst": analyst}
    return (what, *(cells[p.role] for p in terms.parties))


def _waived(terms: Agreement, row: tuple[str, ...]) -> tuple[str, ...]:
    """The row as it is where a waiver puts two roles into one hand: what one learns, both learn."""
    cells = dict(zip(terms.names, row[1:], strict=True))
    shown = dict(cells)
    for waiver in terms.waivers:
        for mine, other in (waiver.parties, waiver.parties[::-1]):
            if cells[mine].startswith(NOTHING) and not cells[other].startswith(NOTHING):
                shown[mine] = f"through {other}: {cells[other]}"
    return (row[0], *shown.values())


def _party(party: PartyPublic, signed: SignedAgreement) -> dict[str, Any]:
    return {
        "name": party.name,
        "organisation": party.organisation,
        "role": party.role,
        "fingerprint": party.fingerprint(),
        "signed": party.name in signed.signatures,
    }


def _schema(terms: Agreement) -> dict[str, Any]:
    """What is encoded, and how: what a fingerprint alone does not let anybody read."""
    schema = parse_schema(terms.schema_document)
    extension = schema.extension
    return {
        "profile": extension.profile if extension else "none: a plain clkhash schema",
        "filters": [f"{bits} bits" for bits in schema.bits],
        "features": [each.identifier for each in schema.model.features if not each.ignored],
        "columns": {each.name: list(each.sources) for each in extension.columns}
        if extension
        else {},
        "tokens": len(extension.composites) if extension else 0,
        "match_keys": [list(fields) for fields in extension.match_keys] if extension else [],
        "hardening": [each.model_dump() for each in filter_shapes(schema.model)[0].hardening],
    }


def cautions(terms: Agreement) -> list[str]:
    """What these terms leave open, in words: nothing of it is refused, all of it is to be meant."""
    found = []
    schema = parse_schema(terms.schema_document)
    if any(not each.ignored for each in schema.model.features):
        found.append(
            "the schema encodes single fields: whoever holds the encodings can read frequent values"
        )
    if terms.plan.fixed is None and terms.plan.fallback is None:
        found.append(
            "no fallback_threshold: where the scores do not separate, a run ends without a release"
        )
    if not terms.output_checkers:
        found.append("no output checker is named: nothing can be published under this agreement")
    if terms.minimum_overlap < FEW or terms.minimum_rows < FEW:
        found.append("a release of fewer than ten links or rows is allowed")
    for owner, policy in terms.release_policy.items():
        if not terms.controls[owner] or terms.controls[owner] in ("0", "0.0"):
            found.append(f"{owner} adds no control records: its false links are not measured")
        if policy != "all" and float(terms.limits.released.get(owner, 1)) >= 1:
            found.append(
                f"no limit to how many people of {owner} are named: another owner's records decide"
            )
    free = [
        f"{owner} {table}.{column}"
        for owner, tables in terms.payload.items()
        for table, columns in tables.items()
        for column, rule in columns.items()
        if rule == "keep" and not column.endswith("_id")
    ]
    if free:
        found.append(f"kept as they are, whatever stands there: {', '.join(free)}")
    return found


def _terms(terms: Agreement) -> dict[str, Any]:
    return {
        "schema_fingerprint": terms.schema_fingerprint(),
        "key_check": terms.key_check,
        "plan": terms.plan.model_dump(mode="json"),
        "release_policy": terms.release_policy,
        "controls": terms.controls,
        "limits": terms.limits.model_dump(),
        "minimum_rows": terms.minimum_rows,
        "minimum_overlap": terms.minimum_overlap,
        "disclosure_policy": terms.disclosure_policy,
    }
