"""Linkage schemas: which identifiers are encoded, and how. JSON files of clkhash's version 1 to 3.

Versions 1 and 2 are converted on reading. Our extension stands under the key ``blindlink`` with a
version of its own. The fingerprint is the SHA-256 of the whole document in canonical form
(RFC 8785): two parties with the same fingerprint set the same bits.
"""

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError

from blindlink.errors import InputError, SchemaError
from blindlink.files import read_bytes
from blindlink.schema.meaning import filter_shapes, problems_of
from blindlink.schema.models import Document, Extension
from blindlink.validation import words

_LIMIT = 4 << 20
_SHOWN = 10


@dataclass(frozen=True)
class LinkageSchema:
    """A checked schema: ``document`` is the JSON form (version 3), ``model`` its content."""

    document: dict[str, Any]
    model: Document

    def fingerprint(self) -> str:
        """SHA-256 of the canonical document, 64 hex digits."""
        return hashlib.sha256(rfc8785.dumps(self.document)).hexdigest()

    @property
    def extension(self) -> Extension | None:
        """What goes beyond clkhash; None for a plain clkhash schema."""
        return self.model.blindlink

    @property
    def bits(self) -> tuple[int, ...]:
        """The length of each filter of a record as it leaves its owner: folded and hardened."""
        return tuple(shape.bits for shape in filter_shapes(self.model))

    @property
    def match_keys(self) -> int:
        """How many match keys a record has."""
        return len(self.extension.match_keys) if self.extension else 0

    def to_json(self) -> str:
        """The document as indented text, the same for the same schema."""
        return json.dumps(self.document, indent=1, ensure_ascii=False) + "\n"


def load_schema(path: Path) -> LinkageSchema:
    """Read and check a schema file; raises SchemaError with every problem it has."""
    try:
        text = read_bytes(path, limit=_LIMIT).decode("utf-8-sig")
    except InputError as error:
        raise SchemaError(error.message, hint=error.hint) from None
    except UnicodeDecodeError:
        raise SchemaError(f"{path}: is not UTF-8 text") from None
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise SchemaError(f"{path}: is not JSON, or names a key twice") from None
    return parse_schema(document, where=str(path))


def parse_schema(document: Any, *, where: str = "schema") -> LinkageSchema:
    """Check a schema given as JSON objects; raises SchemaError with every problem it has."""
    if not isinstance(document, dict):
        raise SchemaError(f"{where}: is not a JSON object")
    latest = _latest(document, where)
    try:
        model = Document.model_validate(latest)
    except ValidationError as error:
        raise SchemaError(_problems(error, latest, where)) from None
    if found := problems_of(model):
        raise SchemaError(f"{where}: {_some(found)}")
    return LinkageSchema(latest, model)


def _latest(document: dict[str, Any], where: str) -> dict[str, Any]:
    version = document.get("version")
    if isinstance(version, bool) or version not in (1, 2, 3):
        raise SchemaError(f"{where}: version must be 1, 2 or 3")
    document = deepcopy(document)
    document["version"] = int(version)
    try:
        if version == 1:
            _to_2(document)
        if version in (1, 2):
            _to_3(document)
        _rename_folds(document["clkConfig"])
        document["features"] = [_bare(feature) for feature in document["features"]]
    except (KeyError, TypeError, AttributeError):
        raise SchemaError(f"{where}: is not a linkage schema of version {version}") from None
    return document


def _to_2(document: dict[str, Any]) -> None:
    """Version 1 has one k and one hash for all features, and a weight for each."""
    config = document["clkConfig"]
    k, hashing = config.pop("k"), config.pop("hash")
    for position, feature in enumerate(document["features"]):
        if feature.get("ignored", False):
            continue
        weight = feature["hashing"].pop("weight", 1.0)
        if weight == 0:
            document["features"][position] = {"identifier": feature["identifier"], "ignored": True}
            continue
        feature["hashing"]["strategy"] = {"k": round(weight * k)}
        feature["hashing"]["hash"] = hashing


def _to_3(document: dict[str, Any]) -> None:
    """Version 2 knows n-grams only, and other names for the strategies."""
    document["version"] = 3
    for feature in document["features"]:
        if feature.get("ignored", False):
            continue
        hashing = feature["hashing"]
        strategy = hashing["strategy"]
        for old, new in (("k", "bitsPerToken"), ("numBits", "bitsPerFeature")):
            if old in strategy:
                strategy[new] = strategy.pop(old)
        hashing["comparison"] = {
            "type": "ngram",
            "n": hashing.pop("ngram"),
            "positional": hashing.pop("positional", False),
        }


def _rename_folds(config: dict[str, Any]) -> None:
    """clkhash documents ``xorFolds`` but reads ``xor_folds``: either is applied, not both."""
    if "xor_folds" in config:
        folds = config.pop("xor_folds")
        if config.setdefault("xorFolds", folds) != folds:
            raise SchemaError("clkConfig: xorFolds and xor_folds differ", hint="keep one of them")


def _bare(feature: Any) -> Any:
    """An ignored feature may carry a format and hashing, which nobody reads."""
    if isinstance(feature, dict) and feature.get("ignored") is True:
        return {"identifier": feature["identifier"], "ignored": True}
    return feature


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError
    return result


def _no_constant(_: str) -> None:
    raise ValueError


def _problems(error: ValidationError, document: dict[str, Any], where: str) -> str:
    """Every problem by its place; never by its value, which could be pasted data."""
    found = sorted({f"{_place(item['loc'], document)}: {words(item)}" for item in error.errors()})
    return f"{where}: {_some(found)}"


def _some(found: list[str]) -> str:
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join(found[:_SHOWN] + more)


def _place(loc: tuple[int | str, ...], document: dict[str, Any]) -> str:
    if not loc:
        return "schema"
    parts = [str(part) for part in loc if part not in ("encoded", "ignored")]
    if loc[0] == "features" and len(loc) > 1 and isinstance(loc[1], int):
        feature = document["features"][loc[1]]
        name = feature.get("identifier") if isinstance(feature, dict) else None
        parts[:2] = [f"feature {loc[1] + 1}" + (f" ({name})" if isinstance(name, str) else "")]
    return ".".join(parts)
