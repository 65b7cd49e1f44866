"""What is wrong with a document, in words of ours: its place and the rule, never what stands there.

    first(error, model)      "definitions.obs: is not known here; known: gap_days, ..."
    words(item, model)       the same of one item of ``error.errors()``, without its place

``model`` is what the document was checked against: it names what would have been known.
"""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    **dict.fromkeys(("string_type", "string_sub_type"), "must be text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "must be a list"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "dataclass_type"),
        "must be a table of named values",
    ),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing"),
        "must be a date such as 2026-03-31",
    ),
    **dict.fromkeys(("literal_error", "enum"), "must be {expected}"),
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must be of the form {pattern}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "json_invalid": "is not JSON",
}


def first(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first problem as ``place: words``."""
    item = error.errors(include_url=False, include_input=False)[0]
    return f"{place(item['loc'])}: {words(item, model)}"


def place(parts: Sequence[int | str]) -> str:
    """Where in a document, in signs that cannot deceive a terminal."""
    text = ".".join(map(str, parts)) or "document"
    return "".join(sign if sign.isprintable() else "?" for sign in text[:200])


def words(item: Any, model: type[BaseModel] | None = None) -> str:
    """What one item of ``error.errors()`` says."""
    text = _WORDS.get(item["type"])
    if text is None:
        return str(item["msg"]).removeprefix("Value error, ")
    said = text.format_map(item.get("ctx") or {})
    known = _known(model, item["loc"]) if item["type"] == "extra_forbidden" else []
    return f"{said}; known: {', '.join(known)}" if known else said


def _known(model: Any, loc: Sequence[int | str]) -> list[str]:
    """The names that the table has in which the last part of the place stands."""
    kind = model
    for part in loc[:-1]:
        kind = _inside(kind, part)
    kind = _bare(kind)
    return list(kind.model_fields) if _is_model(kind) else []


def _inside(kind: Any, part: int | str) -> Any:
    """The type of a field of a model, or of the items of a table or a list."""
    kind = _bare(kind)
    if _is_model(kind):
        field = kind.model_fields.get(part)
        return field and field.annotation
    items = [each for each in get_args(kind) if each is not Ellipsis]
    return items[-1] if items else None


def _bare(kind: Any) -> Any:
    """A type without None beside it and without annotations."""
    while get_origin(kind) in (Union, UnionType, Annotated):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    return kind


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)
