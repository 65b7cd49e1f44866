"""The JSON Schema of linkage schemas, made from the models: ``schemas/linkage-schema.json``.

python -m blindlink.schema.json_schema > schemas/linkage-schema.json
"""

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from blindlink.schema.comparators import Comparison
from blindlink.schema.hardenings import Hardening
from blindlink.schema.models import Document
from blindlink.schema.steps import Step

TITLE = "Linkage schema: clkhash's version 3 with the extension 'blindlink'"
_TEMPLATE = "#/$defs/{model}"


def json_schema() -> dict[str, Any]:
    """The whole schema, with the unions that only owners know in the place of free objects."""
    document = Document.model_json_schema(by_alias=True)
    definitions = document["$defs"]
    unions: dict[str, Any] = {"Comparison": Comparison, "Step": Step, "Hardening": Hardening}
    for name, union in unions.items():
        adapter: TypeAdapter[Any] = TypeAdapter(union)
        found = adapter.json_schema(by_alias=True, ref_template=_TEMPLATE)
        definitions |= found.pop("$defs")
        definitions[name] = found
    for model in ("Hashing", "Composite"):
        definitions[model]["properties"]["comparison"] = {"$ref": "#/$defs/Comparison"}
    for model in ("Filter", "Extension"):
        definitions[model]["properties"]["hardening"]["items"] = {"$ref": "#/$defs/Hardening"}
    steps = [{"type": "string"}, {"$ref": "#/$defs/Step"}]
    definitions["Column"]["properties"]["steps"]["items"] = {"anyOf": steps}
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | document | {"title": TITLE}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n")
