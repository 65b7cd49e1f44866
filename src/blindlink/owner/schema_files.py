"""Schema files for people: made from column lists, checked, and described in words."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from blindlink.errors import InputError, SchemaError
from blindlink.files import check_output, read_bytes, write_text
from blindlink.mapping import PLAIN, Source
from blindlink.owner.column_lists import describe_tables
from blindlink.owner.encoding.plan import compile_schema
from blindlink.owner.encoding.tuning import tuned
from blindlink.owner.folder import IDENTITIES, extract_files
from blindlink.schema import everyday
from blindlink.schema.document import LinkageSchema, load_schema
from blindlink.schema.hardenings import hardening
from blindlink.schema.profiles.making import PEOPLE, STANDARD, new_schema

_LIMIT = 1 << 20


def write_new_schema(
    profile: str,
    sources: Sequence[Path],
    out: Path,
    *,
    people: int = PEOPLE,
    tune: Path | None = None,
    source: Source = PLAIN,
    force: bool = False,
) -> list[str]:
    """Write the schema of a profile for these tables or column lists; returns warnings.

    ``people`` as in ``new_schema``; ``source`` is how the tables are read.
    """
    inputs = [*sources, *([tune] if tune else [])]
    check_output(out, inputs=inputs, force=force)
    table = source.read(tune, wanted=STANDARD) if tune else None
    weigh = partial(tuned, table=table) if table is not None else None
    lists, others = [], []
    for number, path in enumerate(sources, start=1):
        names, left = columns_of(path, source)
        lists.append(names)
        if left:
            others.append(f"source {number}: {_unnamed(left, names)}")
    try:
        made, warnings = new_schema(profile, lists, people=people, tune=weigh)
    except SchemaError as error:
        raise SchemaError(error.message, hint="; ".join([error.hint, *others])) from None
    compile_schema(made)
    write_text(out, made.to_json(), inputs=inputs, force=force)
    return [*others, *warnings]


def write_columns(
    data: Path, out: Path, *, source: Source = PLAIN, force: bool = False
) -> list[str]:
    """Write the standard names among a table's columns as ``{"columns": [...]}``, and no others.

    Another name may be anything, and the first line of a file without header is a person. Returns
    what was written and what was not, in words. Raises InputError where there is no standard name.
    """
    names, others = columns_of(data, source)
    write_text(out, _json({"columns": names}), inputs=[data], force=force)
    written = f"standard names written: {', '.join(names)}"
    return [written, *_left_out(others, names)]


def write_extract_columns(
    data: Path, out: Path, *, source: Source = PLAIN, force: bool = False
) -> list[str]:
    """The same of a whole extract: also the columns of its other tables (``column_lists``)."""
    files = extract_files(data)
    check_output(out, inputs=files.values(), force=force)
    identities = files.pop(IDENTITIES)
    names, others = columns_of(identities, source)
    found = describe_tables(files, source)
    write_text(out, _json(found.document(names)), force=force)
    told = [f"identities: {', '.join(names)}"]
    told += [f"{name}: {', '.join(columns)}" for name, columns in found.tables.items()]
    return [*told, *_left_out(others, names), *found.notes]


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _left_out(others: Sequence[str], names: Sequence[str]) -> list[str]:
    """The same as ``_unnamed`` in lines, the mapping as it would stand in a file."""
    lines = everyday.lines(others, [name for name in STANDARD if name not in names])
    offer = ["a mapping would take these along (--map):", "  [columns]", *(f"  {x}" for x in lines)]
    told = [f"left out: {everyday.seen(others)}"] if others else []
    return [*told, *(offer if lines else [])]


def _unnamed(others: Sequence[str], names: Sequence[str]) -> str:
    """What stays behind, and the mapping that would take it along."""
    lacking = [name for name in STANDARD if name not in names]
    text = f"left out: {everyday.seen(others)}"
    lines = everyday.lines(others, lacking)
    return f"{text}; {everyday.advice(others, lacking, '')}" if lines else text


def columns_of(path: Path, source: Source = PLAIN) -> tuple[list[str], list[str]]:
    """The standard names of columns in a table, a list that ``write_columns`` made, settings of
    Splink or a schema of clkhash (JSON), and the others. Raises InputError where a table has no
    standard name: line 1 is a row then.
    """
    if not path.name.lower().endswith(".json"):
        found = source.columns(path, wanted=STANDARD)
    else:
        found = _listed(path)
    names = [name for name in found if name in STANDARD]
    if not names:
        raise InputError(
            f"{path}: none of its {len(found)} columns has a standard name, so line 1 may be no "
            "header",
            hint=everyday.advice(
                found,
                STANDARD,
                "name the columns with --columns a,b,c or --map mapping.toml; the standard names "
                f"are {', '.join(STANDARD)}",
            ),
        )
    return names, [name for name in found if name not in STANDARD]


def _listed(path: Path) -> list[str]:
    try:
        document = json.loads(read_bytes(path, limit=_LIMIT).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _no_list(path) from None
    names = _names(document) if isinstance(document, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _no_list(path)
    if len(set(names)) != len(names):
        raise InputError(f"{path}: a column stands twice in the list")
    return names


def _names(document: dict[str, Any]) -> Any:
    """The columns of a list of ours; of settings of Splink or a schema of clkhash, whose names are
    often everyday ones, what they mean."""
    if "columns" in document:
        return document["columns"]
    for place, name in (("comparisons", "output_column_name"), ("features", "identifier")):
        if isinstance(items := document.get(place), list):
            found = [each.get(name) for each in items if isinstance(each, dict)]
            return [everyday.meant(str(each)) or each for each in found]
    return None


def check_schema(path: Path) -> LinkageSchema:
    """Load a schema and check everything that encoding needs. Raises SchemaError."""
    schema = load_schema(path)
    compile_schema(schema)
    return schema


def describe(path: Path) -> tuple[dict[str, Any], str]:
    """What a schema encodes, as a dictionary and as text."""
    found = summary(check_schema(path))
    return found, _text(found)


def summary(schema: LinkageSchema) -> dict[str, Any]:
    """What a schema encodes. Raises SchemaError where it cannot be encoded with."""
    compile_schema(schema)
    extension = schema.extension
    features = [each.identifier for each in schema.model.features if not each.ignored]
    composites = [each.fields for each in extension.composites] if extension else []
    return {
        "fingerprint": schema.fingerprint(),
        "profile": extension.profile if extension else None,
        "bits": list(schema.bits),
        "features": features,
        "columns": {each.name: each.sources for each in extension.columns} if extension else {},
        "composites": composites,
        "match_keys": extension.match_keys if extension else [],
        "hardening": [_hardening(each) for each in extension.hardening] if extension else [],
    }


def _text(summary: dict[str, Any]) -> str:
    lines = [
        f"fingerprint  {summary['fingerprint']}",
        f"profile      {summary['profile'] or 'none: a plain clkhash schema'}",
        f"filters      {', '.join(f'{bits} bits' for bits in summary['bits'])}",
    ]
    if summary["features"]:
        lines.append(f"features     {', '.join(summary['features'])}")
    for name, sources in summary["columns"].items():
        lines.append(f"column       {name}, from {' or '.join(sources)}")
    if summary["composites"]:
        used = Counter(field for fields in summary["composites"] for field in fields)
        lines.append(f"composites   {len(summary['composites'])} tokens, each of several columns:")
        lines += [f"             {name} in {count}" for name, count in used.items()]
    lines += [f"match key    {' + '.join(fields)}" for fields in summary["match_keys"]]
    for each in summary["hardening"]:
        settings = [f"{name} {value}" for name, value in each.items() if name != "type"]
        lines.append(f"hardening    {', '.join([each['type'], *settings])}")
    return "\n".join(lines)


def _hardening(document: dict[str, Any]) -> dict[str, Any]:
    """As the schema has it; of randomised response also what it promises of a single bit."""
    return document | hardening(document).facts


def _no_list(path: Path) -> InputError:
    return InputError(
        f"{path}: is not a list of columns", hint="make it with 'blindlink schema columns'"
    )
