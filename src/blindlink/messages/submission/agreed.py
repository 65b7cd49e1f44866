"""Whether a submission is the one that the parties agreed on: linker and analyst both ask.

Neither believes the other's answer. Everything here stands in the manifest, which its owner signed.
"""

from collections.abc import Mapping

from blindlink.errors import AgreementError, RefusedError, VerificationError
from blindlink.messages.agreement.terms import Agreement
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.submission.content import Content, check_rows
from blindlink.messages.submission.payload import blob_bytes
from blindlink.schema.document import parse_schema


def check_agreed(content: Content, manifest: Manifest, terms: Agreement, where: str) -> None:
    """Raises AgreementError (schema, secret), VerificationError (recipients) or RefusedError
    (limits)."""
    schema = parse_schema(terms.schema_document)
    if content.schema_fingerprint != terms.schema_fingerprint():
        raise AgreementError(f"{where}: encoded by another linkage schema than agreed")
    if (content.bits, content.match_keys) != (schema.bits, schema.match_keys):
        raise AgreementError(f"{where}: its encodings are not shaped as the schema says")
    if content.key_check != terms.key_check:
        raise AgreementError(f"{where}: encoded with another secret than agreed")
    for section in manifest.sections:
        reader = terms.linker if section.name == "encodings" else terms.analyst
        if section.recipient != reader.fingerprint():
            raise VerificationError(f"{where}: section '{section.name}': is not for {reader.name}")
    _check_limits(content, manifest, terms, where)


def _check_limits(content: Content, manifest: Manifest, terms: Agreement, where: str) -> None:
    owner = terms.by_fingerprint(manifest.sender).name
    people = terms.people_rows(owner, content.rows, content.first_rows)
    check_rows(content.rows, people, terms, where)
    limits = terms.limits
    size = sum(section.size for section in manifest.sections)
    facts: Mapping[str, tuple[int, int]] = {
        "bytes": (size, limits.bytes),
        "submissions": (content.sequence, limits.submissions),
        "rows of one entity": (content.entity_rows, limits.entity_rows),
        "bytes of an entity": (content.blob_size, blob_bytes(limits.entity_bytes)),
    }
    for name, (value, limit) in facts.items():
        if value > limit:
            raise RefusedError(f"{where}: {value} {name}; the agreement allows {limit}")
