"""Invented people to try things on: two tables, or the extracts of a whole study."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from blindlink.api.extras import needs
from blindlink.api.schema import StrPath

if TYPE_CHECKING:
    import pyarrow as pa

    from blindlink.synthetic.generator.generate import Study

Kind = Literal["pandas", "polars", "arrow"]


def example_tables(
    people: int = 10_000, *, seed: int = 1, kind: Kind = "pandas"
) -> tuple[Any, Any]:
    """Two tables of invented people, some of them in both, with the errors of real ones.

    Left: probation, with names and postcodes. Right: ``people`` in treatment (1,000 at least), with
    initials and the outward half of the postcode; who moved away may stand there twice. The column
    ``person`` is the truth, which a real pair of tables does not have. The same seed gives the same
    tables.
    """
    import pyarrow.compute as pc

    tables = _study(people, seed).tables
    moj, ohid = tables["moj/identities"], tables["ohid/identities"]
    left = moj.filter(pc.equal(moj["kind"], "main")).drop_columns(["kind"])
    truth = tables["truth/people"]
    place = pc.index_in(ohid["entity_id"], value_set=truth["ohid_entity_id"])
    person = pc.coalesce(truth["moj_entity_id"].take(place), ohid["entity_id"])
    sides = [_as_records(table, who) for table, who in ((left, left["entity_id"]), (ohid, person))]
    if kind == "arrow":
        return sides[0], sides[1]
    if kind == "pandas":
        return sides[0].to_pandas(), sides[1].to_pandas()
    with needs("polars"):
        import polars
    return polars.from_arrow(sides[0]), polars.from_arrow(sides[1])


def example_study(folder: StrPath, people: int = 10_000, *, seed: int = 1) -> Path:
    """The extracts of two invented owners, ``moj`` and ``ohid``, and the draft of an agreement.

    Writes ``moj/`` and ``ohid/`` (identities.csv, events.csv, ...), ``truth/``, which nobody has in
    a real study, and ``study.toml``, a draft for ``study.agreement`` that names the schema
    ``schema.json`` and the public files ``moj.public``, ``ohid.public``, ``linker.public``,
    ``analyst.public`` and ``checker.public`` beside it. Returns the folder. Raises OutputError
    where a file exists.
    """
    from blindlink.files import write_text

    study, out = _study(people, seed), Path(folder)
    with needs("owner"):
        from blindlink.synthetic.demo.parties import draft_text
        from blindlink.synthetic.generator.generate import write

    write(study, out)
    rows = {name: study.tables[f"{name}/identities"].num_rows for name in ("moj", "ohid")}
    write_text(out / "study.toml", draft_text(rows))
    return out


@needs("owner")
def _study(people: int, seed: int) -> "Study":
    from blindlink.synthetic.generator.generate import generate
    from blindlink.synthetic.generator.parameters import scaled

    return generate(scaled(people), seed=seed)


def _as_records(table: "pa.Table", person: Any) -> "pa.Table":
    names = ["record_id" if name == "entity_id" else name for name in table.column_names]
    return table.rename_columns(names).append_column("person", person)
