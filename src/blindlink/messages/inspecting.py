"""What any file of ours is, without a key. What it says of itself is shown, not verified.

describe(path) -> dict      always "format" and "what"; FormatError for a file that is not ours
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from blindlink.errors import FormatError, InputError, KeyFileError, SchemaError
from blindlink.files import read_bytes, reason
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.keys.linkage import HEADER as LINKAGE
from blindlink.keys.party import HEADER as PARTY_KEYS
from blindlink.messages import canonical
from blindlink.messages.agreement.document import read_agreement
from blindlink.messages.audit import log as audit
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.encodings import VERSION as ENCODINGS
from blindlink.messages.linkage_report import VERSION as LINKAGE_REPORT
from blindlink.messages.used import HEADER as USED
from blindlink.messages.used import read_used
from blindlink.schema.document import load_schema

FIRST = 128
PARQUET = b"PAR1"
UNVERIFIED = "as the file says of itself; nothing is verified"


def describe(path: Path) -> dict[str, Any]:
    """What the file is and says of itself. Raises InputError (unreadable) or FormatError."""
    first = _first(path)
    if first.startswith(PARQUET):
        return _encodings(path)
    if first.startswith(b"{"):
        return _json(path)
    line = first.partition(b"\n")[0].decode("ascii", "replace")
    for header, reader in _BY_LINE.items():
        if line == header or (header == audit.HEADER and line.startswith(f"{header} ")):
            return reader(path)
    if line.isascii() and line.startswith("blindlink-") and line.endswith("-v1"):
        return _container(path, line.removeprefix("blindlink-").removesuffix("-v1"))
    raise _foreign(path)


def _first(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FIRST)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None


def _foreign(path: Path) -> FormatError:
    return FormatError(f"{path}: not a file of blindlink", hint="check the path")


def _container(path: Path, kind: str) -> dict[str, Any]:
    with container.opened(path, kind) as sealed:
        return {"what": f"{kind}, sealed and signed: {UNVERIFIED}", **_manifest(sealed.manifest)}


def _manifest(manifest: Manifest) -> dict[str, Any]:
    shown = manifest.model_dump(mode="json")
    for section in shown["sections"]:
        del section["key"]
    return {**shown, "manifest_digest": manifest.digest()}


def _used(path: Path) -> dict[str, Any]:
    return {"what": "which agreements keys served, and how it ended", **read_used(path)}


def _linkage_key(path: Path) -> dict[str, Any]:
    return {"format": LINKAGE, "what": "linkage secret of the owners: keep it from everybody else"}


def _party_keys(path: Path) -> dict[str, Any]:
    try:
        public = PartyKeys.peek(path)
    except KeyFileError as error:
        raise FormatError(error.message, hint=error.hint) from None
    return {"format": PARTY_KEYS, "what": "private keys of a party, encrypted", **_party(public)}


def _party(public: PartyPublic) -> dict[str, Any]:
    return {
        "name": public.name,
        "organisation": public.organisation,
        "role": public.role,
        "fingerprint": public.fingerprint(),
    }


def _log(path: Path) -> dict[str, Any]:
    log = audit.AuditLog.load(path)
    return {
        "format": audit.HEADER,
        "what": "audit log",
        "log": log.log_id,
        "size": len(log.entries),
        "root": log.root().hex(),
    }


def _json(path: Path) -> dict[str, Any]:
    data = read_bytes(path, limit=canonical.LIMIT)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _foreign(path) from None
    if "agreement" in found:
        return _agreement(path)
    if list(found) == ["columns"]:
        return _columns(path, found["columns"])
    if "clkConfig" in found:
        return _schema(path)
    if "fields" in found and "format" not in found:
        return {
            "what": "what was lost of each field, for the owner",
            "fields": len(found["fields"]),
        }
    if "document" in found and isinstance(found["document"], dict):
        return _signed(canonical.loads(data.removesuffix(b"\n"), str(path))["document"])
    if str(found.get("format", "")).startswith("blindlink-party-"):
        return {"what": "public keys of a party", "format": found["format"]} | _party(
            PartyPublic.load(path)
        )
    if str(found.get("format", "")).startswith("blindlink-"):
        return _document(found)
    if found.get("version") == LINKAGE_REPORT:
        return {"what": "linkage quality report, neither sealed nor signed", **_short(found)}
    raise _foreign(path)


def _document(found: dict[str, Any]) -> dict[str, Any]:
    """A proof out of a log, a risk report, a cohort: its short fields, and the head inside."""
    kind = found["format"].removeprefix("blindlink-").rpartition("-v")[0].replace("-", " ")
    head = found.get("head")
    inside = head.get("document") if isinstance(head, dict) else None
    shown = {"what": f"{kind}: {UNVERIFIED}", **_short(found)}
    return shown | ({"head": _short(inside)} if isinstance(inside, dict) else {})


def _agreement(path: Path) -> dict[str, Any]:
    signed = read_agreement(path)
    terms = signed.agreement
    return {
        "format": terms.format,
        "what": f"agreement: {UNVERIFIED}; see 'blindlink agreement check'",
        "project": terms.project,
        "version": terms.version,
        "digest": signed.digest(),
        "parties": list(terms.names),
        "signed_by": [name for name in terms.names if name in signed.signatures],
        "created": terms.created,
        "expires": terms.expires,
        "destroy_by": terms.destroy_by,
    }


def _columns(path: Path, names: Any) -> dict[str, Any]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _foreign(path)
    return {"what": "names of a table's columns, which owners exchange", "columns": names}


def _signed(document: dict[str, Any]) -> dict[str, Any]:
    """A receipt, head, envelope or withdrawal: its short fields, not what is sealed inside."""
    return {"what": f"signed document: {UNVERIFIED}", **_short(document)}


def _short(document: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if isinstance(v, int | str) and len(str(v)) <= 200}


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema = load_schema(path)
    except SchemaError as error:
        raise FormatError(error.message, hint=error.hint) from None
    return {
        "format": f"linkage schema {schema.document['version']}",
        "what": "linkage schema",
        "fingerprint": schema.fingerprint(),
        "bits": list(schema.bits),
        "match_keys": schema.match_keys,
    }


def _encodings(path: Path) -> dict[str, Any]:
    try:
        file = pa.parquet.ParquetFile(path)
    except (OSError, pa.ArrowException):
        raise FormatError(f"{path}: not a Parquet file") from None
    with file:
        known = file.schema_arrow.metadata or {}
        ours = {
            _shown(name).removeprefix("blindlink."): _shown(value)
            for name, value in known.items()
            if name.startswith(b"blindlink.")
        }
        rows = file.metadata.num_rows
    if ours.get("format") != ENCODINGS:
        raise _foreign(path)
    return {"what": "encodings of records, neither sealed nor signed", "rows": rows, **ours}


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")


_BY_LINE: dict[str, Callable[[Path], dict[str, Any]]] = {
    LINKAGE: _linkage_key,
    PARTY_KEYS: _party_keys,
    audit.HEADER: _log,
    USED: _used,
}
