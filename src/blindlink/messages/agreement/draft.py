"""From the short TOML that people write to the agreement that they sign.

    TEMPLATE                                 the commented TOML to start from
    new_agreement(draft, now=now)            SignedAgreement without signatures; InputError

Files that the draft names (public party files, linkage schema, disclosure policy) are looked for
beside the draft. Dates are TOML dates, meaning midnight UTC at their beginning.
"""

import json
import tomllib
from datetime import UTC, date, datetime, time
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from blindlink.errors import FormatError, InputError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import LinkageKey, PartyPublic
from blindlink.keys.strict import problem
from blindlink.messages import canonical
from blindlink.messages.agreement.document import SignedAgreement, read_agreement
from blindlink.messages.agreement.terms import Agreement
from blindlink.messages.fields import stamp
from blindlink.schema.document import load_schema

LIMIT = 1024 * 1024
HINT = "start from 'blindlink agreement new --template'"
PLAIN = ("project", "version", "purpose", "legal_basis", "plan", "limits", "waivers", "key_check")
FLOORS = ("minimum_rows", "minimum_overlap")
DATES = ("expires", "destroy_by")
CHECKERS = "output_checkers"
KEYS = frozenset(
    (
        *(*PLAIN, *FLOORS, *DATES, "parties", CHECKERS, "schema"),
        *("disclosure_policy", "owner", "supersedes"),
    )
)
OWNER_KEYS = frozenset(("release", "controls", "payload"))
OWNER_MAY = frozenset(("quality",))
NO_KEY = "0" * 16


def template() -> str:
    """The commented draft that people edit."""
    return (resources.files("blindlink.messages.agreement") / "template.toml").read_text("utf-8")


def new_agreement(
    draft: Path, *, now: datetime, key: LinkageKey | None = None, no_key: bool = False
) -> SignedAgreement:
    """The agreement that a draft describes, not signed yet.

    ``key`` gives the check value where the draft has none; with ``no_key`` a value that no key has
    stands in for it, for a dry run. Raises InputError, or the error of a
    file that the draft names.
    """
    found = _read(draft)
    terms = {name: found[name] for name in (*PLAIN, *FLOORS) if name in found}
    if key is not None and terms.setdefault("key_check", key.check_value()) != key.check_value():
        _refuse(draft, "key_check: is not that of the linkage key")
    if no_key:
        terms.setdefault("key_check", NO_KEY)
    if "key_check" not in terms:
        _refuse(draft, "key_check: is missing; give it, or the linkage key")
    terms["created"] = stamp(now)
    for name in DATES:
        terms[name] = _date(draft, name, found.get(name))
    terms["parties"] = [_party(draft, name) for name in _texts(draft, found, "parties")]
    if CHECKERS in found:
        terms[CHECKERS] = [_party(draft, name) for name in _texts(draft, found, CHECKERS)]
    terms["schema_document"] = _schema(draft, found.get("schema"))
    terms["disclosure_policy"] = _policy(draft, found.get("disclosure_policy"))
    terms |= _owners(draft, found.get("owner"))
    if "supersedes" in found:
        terms["supersedes"] = _earlier(draft, found)
    try:
        agreement = Agreement.model_validate_json(canonical.dumps(terms))
    except ValidationError as error:
        _refuse(draft, problem(error))
    except FormatError as error:
        _refuse(draft, f'{error.message}: write a fraction as text, "0.95"')
    return SignedAgreement.unsigned(agreement)


def terms_of(path: Path, *, now: datetime) -> Agreement:
    """What an agreement says, or a draft of one: for a dry run, so no signature is asked for.

    A draft without the check value of a key is read all the same. Raises as ``new_agreement`` and
    ``read_agreement``.
    """
    if path.suffix != ".toml":
        return read_agreement(path).agreement
    return new_agreement(path, now=now, no_key=True).agreement


def write_agreement(
    signed: SignedAgreement, draft: Path, out: Path, *, force: bool = False
) -> None:
    """Write what ``new_agreement`` made of ``draft``; raises OutputError."""
    write_bytes(out, signed.to_bytes() + b"\n", inputs=[draft], force=force)


def _read(draft: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(read_bytes(draft, limit=LIMIT).decode("utf-8"))
    except UnicodeDecodeError:
        _refuse(draft, "is not UTF-8 text")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse(draft, f"is not TOML: {_line(error)}")
    if unknown := sorted(set(found) - KEYS):
        _refuse(draft, f"unknown key: {unknown[0]}")
    return found


def _line(error: Exception) -> str:
    """Where the TOML is wrong, without repeating what stands there."""
    _, _, place = str(error).rpartition("(")
    return place.removesuffix(")") or "nested too deep"


def _date(draft: Path, name: str, value: Any) -> str:
    if isinstance(value, datetime):
        return stamp(value if value.tzinfo else value.replace(tzinfo=UTC))
    if not isinstance(value, date):
        _refuse(draft, f"{name}: is not a date like 2027-03-31")
    return stamp(datetime.combine(value, time(), UTC))


def _texts(draft: Path, found: dict[str, Any], name: str) -> list[str]:
    value = found.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        _refuse(draft, f"{name}: is not a list of file names")
    return value


def _party(draft: Path, name: str) -> dict[str, Any]:
    return PartyPublic.load(draft.parent / name).model_dump()


def _schema(draft: Path, name: Any) -> dict[str, Any]:
    if not isinstance(name, str):
        _refuse(draft, "schema: is not the name of a linkage schema file")
    return load_schema(draft.parent / name).document


def _policy(draft: Path, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        _refuse(draft, "disclosure_policy: is neither a table nor the name of a file")
    path = draft.parent / value
    try:
        document = json.loads(read_bytes(path, limit=LIMIT))
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is not JSON", hint=HINT) from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: is not a JSON object", hint=HINT)
    return document


def _earlier(draft: Path, found: dict[str, Any]) -> str:
    """The digest of the agreement that this one takes the place of."""
    name = found["supersedes"]
    if not isinstance(name, str):
        _refuse(draft, "supersedes: is not the name of an agreement file")
    earlier = read_agreement(draft.parent / name)
    if earlier.agreement.project != found.get("project"):
        _refuse(draft, "supersedes: is the agreement of another project")
    version = found.get("version", 1)
    if not isinstance(version, int) or version <= earlier.agreement.version:
        _refuse(draft, "supersedes: is not of an earlier version")
    return earlier.digest()


def _owners(draft: Path, value: Any) -> dict[str, Any]:
    """Release policy, controls and payload by owner, from the tables [owner.<name>]."""
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        _refuse(draft, "owner: needs a table [owner.<name>] for every owner")
    for name, terms in value.items():
        if wrong := sorted((set(terms) ^ OWNER_KEYS) - OWNER_MAY):
            state = "is missing" if wrong[0] in OWNER_KEYS else "is unknown"
            _refuse(draft, f"owner.{name}.{wrong[0]}: {state}")
    return {
        "release_policy": {name: terms["release"] for name, terms in value.items()},
        "controls": {name: terms["controls"] for name, terms in value.items()},
        "payload": {name: terms["payload"] for name, terms in value.items()},
        **_quality(value),
    }


def _quality(value: dict[str, dict[str, Any]]) -> dict[str, Any]:
    limits = {name: terms["quality"] for name, terms in value.items() if "quality" in terms}
    return {"quality": limits} if limits else {}


def _refuse(draft: Path, what: str) -> NoReturn:
    raise InputError(f"{draft}: {what}", hint=HINT)
