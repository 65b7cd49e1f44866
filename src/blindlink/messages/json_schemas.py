"""The JSON Schemas of trust formats, made from the models that enforce them.

    documents() -> {"agreement.json": {...}, ...}      stands in the folder ``schemas``

A schema says less than a reader checks: canonical form, signatures, digests and the rules between
fields stand in docs/spec. ``write`` makes the files anew.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, create_model

from blindlink.files import write_text
from blindlink.keys import PartyPublic, Signatures
from blindlink.messages import release
from blindlink.messages.agreement.notice import Notice
from blindlink.messages.agreement.secret import Secret
from blindlink.messages.agreement.terms import Agreement
from blindlink.messages.audit.log import Entry, Head
from blindlink.messages.audit.proofs import Consistency, Inclusion
from blindlink.messages.audit.receipt import Receipt
from blindlink.messages.audit.withdrawal_receipt import WithdrawalReceipt
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.fields import STRICT, Name
from blindlink.messages.output_check import OutputCheck
from blindlink.messages.submission import content as submission
from blindlink.messages.submission import withdrawal

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """File name and JSON Schema of every trust format."""
    agreement = create_model(
        "AgreementFile",
        __config__=STRICT,
        agreement=(Agreement, ...),
        signatures=(dict[Name, Signatures], ...),
    )
    found: dict[str, tuple[str, type[BaseModel]]] = {
        "party": ("Public party file", PartyPublic),
        "agreement": ("Agreement file", agreement),
        "manifest": ("Manifest of a submission or release", Manifest),
        "submission-content": ("Content of a submission's manifest", submission.Content),
        "payload-layout": ("Tables and columns of a payload", submission.Layout),
        "row-map-content": ("Content of a row map's manifest", withdrawal.RowMapContent),
        "withdrawal-content": (
            "Content of a withdrawal's manifest",
            withdrawal.WithdrawalContent,
        ),
        "release-content": ("Content of a release's manifest", release.Content),
        "release-index": ("Table of contents of a release", release.Index),
        "receipt": ("Receipt", _signed(Receipt)),
        "withdrawal-receipt": ("Receipt of a withdrawal", _signed(WithdrawalReceipt)),
        "notice": ("Notice about an agreement", _signed(Notice)),
        "output-check": ("Output checker's word for a report", _signed(OutputCheck)),
        "secret": ("Envelope of the linkage secret", _signed(Secret)),
        "audit-head": ("Head of an audit log", _signed(Head)),
        "audit-entry": ("Line of an audit log", Entry),
        "audit-consistency": (
            "Proof that one head of an audit log leads on to another",
            Consistency,
        ),
        "audit-inclusion": ("Proof that an entry is in an audit log", Inclusion),
    }
    return {f"{name}.json": _document(title, model) for name, (title, model) in found.items()}


def write(folder: Path, made: Mapping[str, Mapping[str, Any]]) -> None:
    """Write schemas by their file names into a folder; raises OutputError."""
    for name, document in made.items():
        write_text(folder / name, json.dumps(document, indent=2) + "\n", force=True)


def _signed(model: type[BaseModel]) -> type[BaseModel]:
    return create_model(
        f"Signed{model.__name__}",
        __config__=STRICT,
        document=(model, ...),
        signatures=(Signatures, ...),
    )


def _document(title: str, model: type[BaseModel]) -> dict[str, Any]:
    # Files spell every field out, those with a default too.
    body = model.model_json_schema(mode="serialization")
    return {"$schema": DRAFT, **body, "title": title}
