"""Writes docs/reference/plug-ins.md from the plug-ins' own models: ``make plug-ins-page``.

A test compares the page with what is listed today, so that nothing is listed and not described.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from blindlink.linker.join import engines
from blindlink.schema import comparators, hardenings, steps
from blindlink.schema.profiles.making import PROFILES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "plug-ins.md"
VECTORS = ROOT / "tests" / "vectors" / "encode"
UNIONS = {
    "comparison": (comparators.Comparison, "type"),
    "hardening": (hardenings.Hardening, "type"),
    "step": (steps.Step, "step"),
}
HEAD = """# Comparisons, hardenings, steps, profiles and engines

Everything that a linkage schema or a plan can name, with its options. Written from the code by
`make plug-ins-page`; a test holds the two together, and asks of each a golden vector (in
`tests/vectors/encode/`) or a reference result, and a run through the whole protocol.
"""
TITLES = {
    "comparison": """## Comparisons

How a value becomes tokens; two values are as similar as the tokens that they share.
""",
    "hardening": """## Hardenings

What is done to the bits of a filter once they are set, in the order of the list. Measured:
[hardenings](hardenings.md).
""",
    "step": """## Normalisation steps

What is done to a value before it is compared, one after the other.
""",
}
PROFILE_TITLE = """
## Profiles

Schemas that `schema new` makes from the columns of both owners; what each is for: [linkage
schema](linkage-schema.md).
"""
ENGINE_TITLE = """
## Engines

What compares every encoding of one file with every one of the other. All give the pairs, scores
and order of `reference`, but for `anonlink`, whose losses at the threshold are
[known](performance.md).
"""


def listed(kind: str) -> dict[str, Any]:
    """The models of a kind, by each of the names that they answer to."""
    union, tag = UNIONS[kind]
    models = get_args(get_args(union)[0])
    return {name: m for m in models for name in get_args(m.model_fields[tag].annotation)}


def vectors(kind: str, name: str) -> list[str]:
    """The golden vectors whose schema names it."""
    return sorted(path.stem for path in VECTORS.glob("*.json") if (kind, name) in _named(path))


def page() -> str:
    """The whole page as Markdown."""
    text = HEAD
    for kind, title in TITLES.items():
        text += f"\n{title}"
        for name, model in listed(kind).items():
            text += f"\n### `{name}`\n\n{_told(model)}\n{''.join(_options(kind, model))}"
            text += _vectors(kind, name)
    text += PROFILE_TITLE
    for name in PROFILES:
        found = vectors("profile", name)
        text += (
            f"\n### `{name}` (profile)\n\nVectors: {', '.join(f'`{each}`' for each in found)}.\n"
        )
    text += ENGINE_TITLE
    for name in engines.names():
        text += f"\n### `{name}` (engine)\n\n{_module(name)}\n"
    return text


def _vectors(kind: str, name: str) -> str:
    found = ", ".join(f"`{each}`" for each in vectors(kind, name))
    return f"\nVectors: {found}.\n" if found else ""


def _told(model: Any) -> str:
    return re.sub(
        r"``(.+?)``", r"`\1`", inspect.cleandoc(model.__doc__ or "").replace(":math:", "")
    )


def _module(name: str) -> str:
    """The docstring of an engine, without importing what it needs."""
    path = Path(engines.__file__).parent / f"{name}.py"
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.sub(r"``(.+?)``", r"`\1`", told)


def _options(kind: str, model: Any) -> Iterator[str]:
    """A table of what can be set, by the names of the document."""
    schema = model.model_json_schema(by_alias=True)
    fields = {n: f for n, f in schema["properties"].items() if n != UNIONS[kind][1]}
    if fields:
        yield "\n| option | values | default |\n|---|---|---|\n"
    for name, field in fields.items():
        default = json.dumps(field["default"]) if "default" in field else "required"
        yield f"| `{name}` | {_values(field, schema)} | {default} |\n"


def _values(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_values(each, schema) for each in field["anyOf"])
    if "$ref" in field:
        return _values(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = {"array": "list", "string": "text", "number": "number"}.get(field["type"], field["type"])
    signs = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    return " ".join(
        [kind, *(text.format(field[key]) for key, text in signs.items() if key in field)]
    )


def _named(path: Path) -> set[tuple[str, str]]:
    """Every plug-in that a vector's schema names."""
    document = json.loads(path.read_text(encoding="utf-8"))["schema"]
    found = {("profile", document.get("blindlink", {}).get("profile", ""))}

    def look(value: Any, key: str) -> None:
        if isinstance(value, list):
            for each in value:
                look(each, key)
        elif isinstance(value, dict):
            kind = {"steps": "step", "hardening": "hardening", "comparison": "comparison"}.get(key)
            if kind:
                found.add((kind, str(value.get("step" if kind == "step" else "type"))))
            for name, each in value.items():
                look(each, name)
        elif key == "steps":
            found.add(("step", str(value)))

    look(document, "")
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
