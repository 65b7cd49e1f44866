"""The parties of all worlds: fixed keys, one moment, an agreement with any of its terms changed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import shake_256
from typing import Any

from blindlink.keys import LinkageKey, PartyKeys
from blindlink.messages import canonical
from blindlink.messages.agreement.document import Agreement, SignedAgreement, sign
from blindlink.messages.fields import stamp

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
PASSPHRASE = b"correct horse battery staple"
ROLES = {"moj": "owner", "ohid": "owner", "ttp": "linker", "lab": "analyst"}
OTHERS = {
    "nhs": "owner",
    "analyst": "analyst",
    "other-ttp": "linker",
    "carol": "checker",
    "dave": "checker",
}  # of the worlds that play the whole flow
SCHEMA: dict[str, Any] = {
    "version": 3,
    "clkConfig": {
        "l": 1024,
        "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64, "salt": "", "info": ""},
    },
    "features": [
        {
            "identifier": "forename",
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": {"bitsPerFeature": 200},
                "hash": {"type": "doubleHash"},
            },
        }
    ],
}


def entropy(seed: str) -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return shake_256(f"{seed} {count}".encode()).digest(size)

    return draw


@cache
def keys(name: str) -> PartyKeys:
    """The keys of a party of the world; a name that is none gives an owner outside of it."""
    role = (ROLES | OTHERS).get(name, "owner")
    return PartyKeys.generate(
        name,
        role,  # type: ignore[arg-type]
        organisation=f"Organisation of {name}",
        entropy=entropy(f"party {name}"),
    )


@cache
def secret() -> LinkageKey:
    """The linkage secret of the owners."""
    return LinkageKey.generate(entropy("linkage"))


def document(**changes: Any) -> dict[str, Any]:
    """The terms as keyword arguments of Agreement, some of them changed."""
    return {
        "project": "study",
        "purpose": "To count who starts treatment.",
        "legal_basis": "Reference 12/34.",
        "created": stamp(NOW),
        "expires": stamp(LATER),
        "destroy_by": stamp(LATER + timedelta(days=365)),
        "parties": [keys(name).public.model_dump() for name in ROLES],
        "schema_document": SCHEMA,
        "key_check": secret().check_value(),
        "plan": {},
        "release_policy": {"moj": "all", "ohid": "candidates"},
        "payload": {
            "moj": {"events": {"requirement": "keep", "age": "band:5"}},
            "ohid": {"events": {"triage_date": "month"}, "details": {"drug": "truncate:2"}},
        },
        "controls": {"moj": 3, "ohid": "0.1"},
        "limits": {"rows": 1000, "bytes": 10_000_000, "submissions": 2},
        "minimum_rows": 2,
        "minimum_overlap": 1,
        "disclosure_policy": {"format": "blindlink-disclosure-policy-1", "threshold": 5},
    } | changes


def terms(**changes: Any) -> Agreement:
    """An agreement of the world."""
    return Agreement.model_validate_json(canonical.dumps(document(**changes)))


def signed_by(
    agreement: Agreement, names: Sequence[str] = tuple(ROLES), *, now: datetime = NOW
) -> SignedAgreement:
    """The agreement with the signatures of some parties."""
    result = SignedAgreement.unsigned(agreement)
    for name in names:
        result = sign(result, keys(name), now=now)
    return result


@cache
def with_checkers(*names: str) -> SignedAgreement:
    """The agreement of the world with these output checkers, signed by all."""
    return signed_by(terms(output_checkers=[keys(name).public.model_dump() for name in names]))


@cache
def signed() -> SignedAgreement:
    """The agreement of the world, signed by all."""
    return signed_by(terms())


def project_event(number: int, salt: int = 0) -> tuple[str, dict[str, Any]]:
    """Event ``number`` of a log as a project has it: opened, then one submission after another."""
    digest = signed().digest()
    if number == 0:
        return "project-opened", {"agreement": digest}
    return "submission-received", {
        "owner": "ohid",
        "sequence": number,
        "agreement": digest,
        "bundle": f"{number + salt:032x}",
        "rows": 5,
        "submission": f"{number:064x}",
    }


@cache
def keys_elsewhere(name: str) -> PartyKeys:
    """The keys of a party of another project, of the same name: keys serve one project."""
    return PartyKeys.generate(
        name,
        ROLES[name],  # type: ignore[arg-type]
        organisation=f"Elsewhere of {name}",
        entropy=entropy(f"elsewhere {name}"),
    )


@cache
def signed_elsewhere() -> SignedAgreement:
    """The agreement of another project, signed by all."""
    others = [keys_elsewhere(name) for name in ROLES]
    result = SignedAgreement.unsigned(terms(parties=[o.public.model_dump() for o in others]))
    for other in others:
        result = sign(result, other, now=NOW)
    return result
