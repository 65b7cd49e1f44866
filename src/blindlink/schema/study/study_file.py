"""Reading ``study.toml``, its digest, and its JSON Schema ``schemas/study.json``.

python -m blindlink.schema.study.study_file > schemas/study.json
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from blindlink.errors import StudyError
from blindlink.files import read_bytes
from blindlink.schema.study.declaration import Declaration, Place

FILE = "study.toml"
_LIMIT = 1 << 20
AnyPlace = TypeVar("AnyPlace", bound=Place)


def load_study(path: Path) -> Declaration:
    """The study of a folder, or of its ``study.toml``. Raises InputError where it cannot be read,
    StudyError where it is none."""
    file = path / FILE if path.is_dir() else path
    return parse_study(read_bytes(file, limit=_LIMIT), str(file))


def parse_study(data: bytes, where: str = FILE) -> Declaration:
    """A study from TOML. Raises StudyError that names the place."""
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"{where}: is not TOML: {error}") from None
    try:
        return Declaration.model_validate(_tuples(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise StudyError(": ".join(part for part in (where, place, said) if part)) from None


def digest(study: Declaration) -> str:
    """SHA-256 of what is declared, in hex; comments and layout of the file do not count.

    Order does: it is that of precedence and of the report.
    """
    text = json.dumps(study.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def renamed(
    study: Declaration, owners: Mapping[str, str], tables: Mapping[tuple[str, str], str]
) -> Declaration:
    """The study under the names that an agreement gives its owners and tables.

    ``tables``: (owner, table) as declared, and the name there.
    """

    def place(each: AnyPlace) -> AnyPlace:
        table = tables.get((each.owner, each.table), each.table)
        owner = owners.get(each.owner, each.owner)
        return each.model_copy(update={"owner": owner, "table": table})

    senders = {
        owners.get(name, name): sender.model_copy(
            update={"tables": {tables.get((name, t), t): rows for t, rows in sender.tables.items()}}
        )
        for name, sender in study.owners.items()
    }
    changes = {
        "owners": senders,
        "unit": place(study.unit),
        "spells": {name: place(each) for name, each in study.spells.items()},
        "forms": {name: place(each) for name, each in study.forms.items()},
    }
    return study.model_copy(update=changes)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study, for editors and other tools."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | Declaration.model_json_schema() | {"title": "blindlink study"}


def _tuples(value: Any) -> Any:
    """Lists as tuples: the models are frozen."""
    if isinstance(value, dict):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n")
