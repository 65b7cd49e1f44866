"""What an owner submits: complete, sealed to the right parties, refused where it must be."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    OutputError,
    RefusedError,
    RiskError,
    VerificationError,
)
from blindlink.keys import LinkageKey
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.container import reader as container
from blindlink.messages.encodings import Encodings
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import (
    KIND,
    content_of,
    read_controls,
    read_layout,
    read_records,
)
from blindlink.owner.encoding.encode import encode
from blindlink.schema.document import LinkageSchema, parse_schema
from worlds.flow import NOW, PAYLOAD, SECRET, World, entropy, finished, keys


def opened(world: World, name: str) -> Any:
    path = world.folder / f"{name}.submission"
    with container.opened(path, KIND) as sealed:
        bundle = sealed.verify(keys(name).public, agreement=world.agreement.digest(), now=NOW)
        content = content_of(bundle.manifest, "here")
        with bundle.open("encodings", keys("ttp")) as source:
            records = read_records(source, content, "here")
        layout = read_layout(bundle.open("layout", keys("analyst")).read(), "here")
        controls = read_controls(bundle.open("controls", keys("analyst")).read(), "here")
        key = bundle.key("payload", keys("analyst"))
        found, ids, _ = payload.unseal(
            bundle.raw("payload"), records.blobs, content.blob_size, key, layout.tables
        )
    return content, records, layout, controls, found, ids


def test_a_submission_holds_every_row_encoded_as_the_encoder_would(tmp_path: Path) -> None:
    world = World(tmp_path)
    done = world.submit("moj")
    content, records, *_ = opened(world, "moj")
    assert (content.rows, content.entities) == (done.rows, done.entities)
    assert done.rows >= 66 + 5  # a control may have an alias
    assert done.entities == 65
    schema = parse_schema(world.agreement.agreement.schema_document)
    identities = world.tables["moj"]["identities"]
    own = encode(
        identities.drop_columns(["entity_id"]), schema, SECRET.under(world.agreement.digest())
    ).filters[0]
    entities = identities.column("entity_id").to_pylist()
    expected = {(e, row.tobytes()) for e, row in zip(entities, own, strict=True)}
    rows = done.rows_of.to_pydict()
    found = {
        (entity, row.tobytes())
        for entity, row in zip(rows["entity_id"], records.filters[0], strict=True)
        if entity is not None
    }
    assert found == expected
    assert rows["row_id"] == [row.tobytes().hex() for row in records.ids]


def test_the_payload_is_that_of_each_entity(tmp_path: Path) -> None:
    world = World(tmp_path)
    done = world.submit("ohid")
    _, records, layout, _, found, _ = opened(world, "ohid")
    name_of = dict(zip(records.entity.tolist(), done.rows_of["entity_id"].to_pylist(), strict=True))
    events, of = found.tables[[table.name for table in layout.tables].index("events")]
    got = sorted(
        (name_of[e], agency or "", month)
        for e, agency, month in zip(
            of.tolist(),
            *(events.column(c).to_pylist() for c in ("agency", "triage_date")),
            strict=True,
        )
    )
    sent = world.tables["ohid"]["events"].to_pydict()
    assert got == sorted(
        (e, agency, day[:7])
        for e, agency, day in zip(
            sent["entity_id"], sent["agency"], sent["triage_date"], strict=True
        )
    )


def test_columns_are_those_of_the_agreement(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.submit("moj")
    layout = opened(world, "moj")[2]
    assert {t.name: {c.name for c in t.columns} for t in layout.tables} == {
        table: set(columns) for table, columns in PAYLOAD["moj"].items()
    }


def test_control_records_are_marked_for_the_analyst_and_counted_as_agreed(tmp_path: Path) -> None:
    world = World(tmp_path, controls="0.1")
    done = world.submit("moj")
    _, records, _, controls, found, ids = opened(world, "moj")
    marked = np.flatnonzero(found.kinds == payload.CONTROL)
    assert len(marked) == done.controls == round(0.1 * 66)
    assert sorted(ids[at] for at in records.first_blob[marked]) == controls


def test_all_blobs_are_of_one_size_and_controls_have_as_many_as_people(tmp_path: Path) -> None:
    world = World(tmp_path, controls=30)
    world.submit("ohid")
    content, records, _, _, found, _ = opened(world, "ohid")
    size = (tmp_path / "ohid.submission").stat().st_size
    assert size > content.blobs * content.record_bytes
    people, controls = (records.blobs[found.kinds == kind] for kind in (0, 1))
    assert set(controls) <= set(people)


def test_no_control_records_where_none_are_agreed(tmp_path: Path) -> None:
    world = World(tmp_path, controls=0)
    assert world.submit("moj").controls == 0
    assert opened(world, "moj")[3] == []


def test_ids_and_places_tell_nothing(tmp_path: Path) -> None:
    """Rows, entities and blobs stand in an order that has nothing to do with the extract's."""
    world = World(tmp_path)
    done = world.submit("moj")
    order = [e for e in done.rows_of["entity_id"].to_pylist() if e is not None]
    given = world.tables["moj"]["identities"].column("entity_id").to_pylist()
    assert order != given
    assert sorted(order) == sorted(given)
    assert len(set(done.rows_of["row_id"].to_pylist())) == done.rows


def test_same_entropy_same_content(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = world.submit("moj", "one", entropy=entropy("x"))
    second = world.submit("moj", "two", entropy=entropy("x"))
    other = world.submit("moj", "three", entropy=entropy("y"))
    assert first.rows_of.equals(second.rows_of)
    assert not first.rows_of.equals(other.rows_of)


def test_the_risk_report_sees_controls_too_and_its_digest_is_signed(tmp_path: Path) -> None:
    seen = []

    def assess(table: pa.Table, encodings: Encodings, schema: LinkageSchema) -> str:
        seen.append((table, encodings))
        return "ab" * 32

    world = World(tmp_path)
    world.submit("moj", assess=assess)
    content = opened(world, "moj")[0]
    assert content.risk_report == "ab" * 32
    ((table, encodings),) = seen
    assert table.num_rows == len(encodings) == content.rows
    assert "entity_id" not in table.column_names


def test_a_red_risk_report_stops_it(tmp_path: Path) -> None:
    def assess(table: pa.Table, encodings: Encodings, schema: LinkageSchema) -> str:
        raise RiskError("red")

    with pytest.raises(RiskError):
        World(tmp_path).submit("moj", assess=assess)
    assert list(tmp_path.iterdir()) == []


def with_column(table: pa.Table, name: str, value: Any) -> pa.Table:
    values = [value] * len(table) if not isinstance(value, list) else value
    names = table.column_names
    if name in names:
        return table.set_column(names.index(name), name, pa.array(values))
    return table.append_column(name, pa.array(values))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"keys": "ohid"}, InputError, "missing; the agreement lists it"),
        ({"keys": "ttp"}, AgreementError, "ttp is linker, not owner"),
        ({"secret": LinkageKey(bytes(32))}, VerificationError, "not the one that the agreement"),
        ({"sequence": 4}, RefusedError, "allows 3"),
        ({"sequence": 0}, RefusedError, "submission 0"),
        ({"now": NOW.replace(year=2030)}, AgreementError, "expired"),
        ({"agreement": "unsigned"}, AgreementError, "not signed by"),
        ({"terms": {"minimum_rows": 500}}, RefusedError, "with controls: .. rows, 66 of people"),
        ({"controls": 100}, InputError, "too few different people for 100"),
    ],
)
def test_what_the_agreement_does_not_allow(
    tmp_path: Path, change: dict[str, Any], error: type[BlindlinkError], message: str
) -> None:
    made = {key: change.pop(key) for key in ("terms", "controls") if key in change}
    world = World(tmp_path, **made)
    if isinstance(change.get("keys"), str):
        change["keys"] = keys(change["keys"])
    if "agreement" in change:
        change["agreement"] = SignedAgreement.unsigned(world.agreement.agreement)
    with pytest.raises(error, match=message):
        world.submit("moj", **change)
    assert list(tmp_path.iterdir()) == []


def test_the_owners_own_ids_never_leave_under_another_name(tmp_path: Path) -> None:
    """The agreement cannot know what a column holds. A few equal cells are no reason to stop."""
    rules = {name: dict(PAYLOAD[name]) for name in ("moj", "ohid")}
    rules["moj"] = {"events": {"reference": "keep"}}
    world = World(tmp_path, terms={"payload": rules})
    events = world.tables["moj"]["events"]
    own = events.column("entity_id").to_pylist()
    for known in (own, [*own[:-10], *[None] * 10], [*own[:-20], *["x"] * 20]):
        with pytest.raises(InputError, match="column reference: holds the entity_id of most"):
            world.submit("moj", tables={"events": with_column(events, "reference", known)})
    assert list(tmp_path.iterdir()) == []
    some = [*own[:9], *["x"] * (len(own) - 9)]
    world.submit("moj", tables={"events": with_column(events, "reference", some)})


def test_a_file_above_the_agreed_bytes_is_not_written(tmp_path: Path) -> None:
    from blindlink.messages.agreement.document import Limits

    world = World(tmp_path, terms={"limits": Limits(rows=1000, bytes=1000, submissions=1)})
    with pytest.raises(RefusedError, match="allows 1000"):
        world.submit("moj")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("identities", "entity_id", "", "identities, column entity_id, row 1: is empty"),
        ("identities", "entity_id", "x" * 2000, "row 1: is too long"),
        ("identities", "record_id", "same", "column record_id, row 2: stands in an earlier row"),
        (
            "identities",
            "date_of_birth",
            "1.1.70",
            "66 cells are wrong: rows 1, 2, 3, 4, 5 and 61 more, date",
        ),
        ("events", "entity_id", "stranger", "table events, row 1: its entity_id is not among"),
        ("events", "entity_id", None, "table events, column entity_id, row 1: is empty"),
        ("events", "age", "old", "table events, column age, row 1: the value does not fit"),
        ("events", "requirement_id", "y" * 3000, None),
        ("events", "sentence_date", "z" * 3000, "a value of 3000 bytes"),
    ],
)
def test_bad_tables_are_named_by_place(
    tmp_path: Path, table: str, column: str, value: Any, message: str | None
) -> None:
    world = World(tmp_path)
    changed = with_column(world.tables["moj"][table], column, value)
    if message is None:
        world.submit("moj", tables={table: changed})
        return
    with pytest.raises(InputError, match=message) as caught:
        world.submit("moj", tables={table: changed})
    assert not value or value not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_missing_columns_are_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    for table in ("identities", "events"):
        less = world.tables["moj"][table].drop_columns(["entity_id"])
        with pytest.raises(InputError, match=f"table {table}: column entity_id is missing"):
            world.submit("moj", tables={table: less})


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    world = finished(tmp_path)
    with pytest.raises(OutputError, match="exists already"):
        world.submit("moj")
    world.submit("moj", force=True)


def test_the_linker_cannot_open_what_is_for_the_analyst(tmp_path: Path) -> None:
    world = finished(tmp_path)
    with container.opened(tmp_path / "moj.submission", KIND) as sealed:
        bundle = sealed.verify(keys("moj").public, agreement=world.agreement.digest(), now=NOW)
        for name in ("layout", "controls", "payload"):
            with pytest.raises(VerificationError):
                bundle.key(name, keys("ttp"))
        with pytest.raises(VerificationError):
            bundle.key("encodings", keys("analyst"))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_encodings_of_another_size_are_refused(tmp_path: Path, change: Any) -> None:
    world = finished(tmp_path)
    with container.opened(tmp_path / "moj.submission", KIND) as sealed:
        bundle = sealed.verify(keys("moj").public, agreement=world.agreement.digest(), now=NOW)
        content = content_of(bundle.manifest, "here")
        data = bundle.open("encodings", keys("ttp")).read()
    with pytest.raises(FormatError, match="than the declared rows"):
        read_records(io.BytesIO(change(data)), content, "here")


def test_record_ids_that_differ_are_welcome_and_stay_behind(tmp_path: Path) -> None:
    world = World(tmp_path)
    numbers = [f"R{number}" for number in range(66)]
    changed = with_column(world.tables["moj"]["identities"], "record_id", numbers)
    assert world.submit("moj", tables={"identities": changed}).rows == 73


@pytest.mark.parametrize("data", [b"x", b"b" * 16 + b"a" * 16, b"a" * 32])
def test_lists_of_controls_are_strict(data: bytes) -> None:
    with pytest.raises(FormatError, match="not a list of ascending ids"):
        read_controls(data, "here")


def test_records_that_end_too_early(tmp_path: Path) -> None:
    world = finished(tmp_path)
    path = world.folder / "moj.submission"
    with container.opened(path, KIND) as sealed:
        content = content_of(sealed.manifest, "here")
        data = container.Verified(sealed).open("encodings", keys("ttp")).read()
    for size in (10, 16 * content.rows + 1, 21 * content.rows, len(data) - 1):
        for keep in (True, False):
            with pytest.raises(FormatError, match="fewer than the declared rows"):
                read_records(io.BufferedReader(io.BytesIO(data[:size])), content, "here", keep=keep)
    with pytest.raises(FormatError, match="more than the declared rows"):
        read_records(io.BytesIO(data + b"x"), content, "here")


def test_bad_cells_count_as_missing_where_that_is_wanted(tmp_path: Path) -> None:
    world = World(tmp_path)
    told: list[Any] = []
    identities = world.tables["moj"]["identities"].to_pydict()
    identities["date_of_birth"][4] = "03/02/1990"
    given = {"identities": pa.table(identities)}
    with pytest.raises(InputError, match="row 5"):
        world.submit("moj", tables=given)
    assert world.submit("moj", tables=given, tolerate=told.append).rows > 60
    assert told == [{"date_of_birth": 1}]
