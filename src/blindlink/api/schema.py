"""The linkage schema as users handle it: made from columns, loaded, saved, described."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blindlink.api.extras import needs
from blindlink.api.tables import Columns, arrow, listed, target_of
from blindlink.errors import InputError, SchemaError
from blindlink.schema.document import LinkageSchema, load_schema
from blindlink.schema.profiles.making import STANDARD, new_schema

StrPath = str | os.PathLike[str]
_IDS = ("record_id", "entity_id")


@dataclass(frozen=True, repr=False)
class Schema:
    """Which identifiers are encoded, and how: what all owners agree on before any data.

    It holds no key and no value of a person. ``ignored``: columns of the sources that have no
    standard name and so take no part.
    """

    linkage_schema: LinkageSchema
    ignored: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    @needs("owner")
    def for_columns(
        cls,
        profile: str,
        *sources: Any,
        people: int = 500_000,
        columns: Columns | None = None,
    ) -> "Schema":
        """The schema of a profile for what every source can supply.

        ``sources``: a table, its file, or a list of the names of its columns, for each owner; only
        the names are read, so the same names give the same schema. ``profile``: ``names``, ``weak``
        (no names on one side), ``diffused`` or ``clkhash``. ``people``: of the largest file that it
        is for, 5,000 at least. ``columns`` maps names of the sources to standard names.

        Raises SchemaError where too little is left to tell people apart; it lists the columns that
        it saw and the standard names that it looked for.
        """
        if not sources:
            raise InputError(
                "no source of columns is given", hint="give a table or a list of names per owner"
            )
        seen = [_names(source, f"source {n}") for n, source in enumerate(sources, start=1)]
        absent = [name for name in columns or {} if not any(name in names for names in seen)]
        if absent:
            raise InputError(
                f"no source has a column {' or '.join(absent)}; {_seen(seen)}",
                hint="columns= maps a name of the table to a standard one",
            )
        standard = {name: target_of(to).name for name, to in (columns or {}).items()}
        known = [[standard.get(name, name) for name in names] for names in seen]
        ignored = {name for names in known for name in names if name not in STANDARD}
        try:
            made, _ = new_schema(profile, known, people=people)
        except SchemaError as error:
            if not ignored:
                raise
            raise SchemaError(
                f"{error.message}; {_seen(seen)}; not a standard name: {listed(sorted(ignored))}",
                hint="map names, such as columns={'DOB': 'date_of_birth'}; standard names: "
                + ", ".join(STANDARD),
            ) from None
        return cls(made, tuple(sorted(ignored)))

    @classmethod
    def load(cls, path: StrPath) -> "Schema":
        """Read and check a schema file. Raises SchemaError with every problem that it has."""
        return cls(load_schema(Path(path)))

    def save(self, path: StrPath, *, force: bool = False) -> None:
        """Write the schema file, the same bytes for the same schema. Raises OutputError."""
        from blindlink.files import write_text

        write_text(Path(path), self.linkage_schema.to_json(), force=force)

    @property
    def bits(self) -> tuple[int, ...]:
        """The length of each filter of a record in bits, after hardening."""
        return self.linkage_schema.bits

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the schema, 64 hex digits: what owners compare."""
        return self.linkage_schema.fingerprint()

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """What a table needs: a column of each of these groups of standard names."""
        extension = self.linkage_schema.extension
        declared = extension.columns if extension else []
        own = {column.name for column in declared}
        features = [each.identifier for each in self.linkage_schema.model.features if _used(each)]
        plain: list[tuple[str, ...]] = [(name,) for name in features if name not in own]
        return tuple(dict.fromkeys([tuple(column.sources) for column in declared] + plain))

    @needs("owner")
    def describe(self) -> dict[str, Any]:
        """What the schema encodes: profile, bits, columns, composites, match keys, hardening.

        Raises SchemaError where the schema cannot be encoded with.
        """
        from blindlink.owner.schema_files import summary

        return summary(self.linkage_schema)

    def check(self, names: Sequence[str], what: str) -> None:
        """Raises InputError, with the names that it saw, where a needed column is not there."""
        lacking = [group for group in self.columns if set(group).isdisjoint(names)]
        if lacking:
            wanted = "; ".join(" or ".join(group) for group in lacking)
            spare = [name for name in names if not any(name in group for group in self.columns)]
            spare = [name for name in spare if name not in _IDS]
            example = f"columns={{{(spare or ['DOB'])[0]!r}: {lacking[0][0]!r}}}"
            raise InputError(
                f"{what} lacks columns of the schema: {wanted}; it has {listed(names)}",
                hint=f"map the name that your table uses, such as {example}",
            )

    def __repr__(self) -> str:
        extension = self.linkage_schema.extension
        profile = (extension.profile if extension else None) or "clkhash"
        bits = " + ".join(f"{bits:,}" for bits in self.bits)
        ignored = f"; ignored: {listed(self.ignored)}" if self.ignored else ""
        wanted = ", ".join("/".join(group) for group in self.columns)
        return f"<Schema {profile}, {bits} bits, from {wanted}{ignored}>"


def _used(feature: Any) -> bool:
    return not getattr(feature, "ignored", False)


def _names(source: Any, what: str) -> list[str]:
    if isinstance(source, str | os.PathLike):
        from blindlink.frames import column_names
        from blindlink.owner.schema_files import columns_of

        path = Path(source)
        return columns_of(path)[0] if path.suffix == ".json" else column_names(path)
    if isinstance(source, Sequence) and not isinstance(source, bytes):
        if all(isinstance(name, str) for name in source):
            return list(source)
        raise InputError(f"{what} is a list, not of names only")
    columns = getattr(source, "columns", None)
    if columns is not None and all(isinstance(name, str) for name in columns):
        return list(columns)
    return list(arrow(source, what).column_names)


def _seen(names: Sequence[Sequence[str]]) -> str:
    return "; ".join(f"source {n} has {listed(each)}" for n, each in enumerate(names, start=1))
