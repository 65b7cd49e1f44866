"""Whatever an owner's payload looks like, the analyst reads exactly that back."""

import io

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from blindlink.messages import merkle
from blindlink.messages.submission import payload
from blindlink.messages.submission.records import from_rows, layout_of, to_rows
from blindlink.owner.tables.generalise import kinds

UNSEEN = ("Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp")  # an owner may not send them
TEXT = (
    st.text(st.characters(codec="utf-8", exclude_categories=UNSEEN), min_size=1, max_size=20)
    | st.none()
)
KEY = bytes(32)


@given(st.lists(TEXT, max_size=30), st.lists(st.integers(-(10**17), 10**17), max_size=30))
def test_any_text_and_any_number_come_back(texts: list[str | None], whole: list[int]) -> None:
    rows = min(len(texts), len(whole))
    table = pa.table(
        {
            "t": pa.array(texts[:rows], pa.string()),
            "n": pa.array([str(number) for number in whole[:rows]], pa.string()),
        }
    )
    layout = layout_of("table", table, ("text", "integer"))
    back = from_rows(to_rows(table, layout), layout)
    assert back.column("t").to_pylist() == texts[:rows]
    assert back.column("n").to_pylist() == whole[:rows]


@given(st.lists(TEXT, min_size=1, max_size=20))
def test_the_kind_found_reads_every_value(values: list[str | None]) -> None:
    table = pa.table({"c": pa.array(values, pa.string())})
    layout = layout_of("table", table, kinds(table))
    back = from_rows(to_rows(table, layout), layout).column("c")
    assert [value is None for value in back.to_pylist()] == [value is None for value in values]


@st.composite
def files(draw: st.DrawFn) -> tuple[int, list[list[tuple[int, str]]], list[int], int]:
    """Entities, tables of (entity, value), who is a control, and a blob size."""
    entities = draw(st.integers(1, 8))
    control = draw(st.sets(st.integers(0, entities - 1)))
    real = sorted(set(range(entities)) - control) or [0]
    control -= set(real)
    row = st.tuples(st.sampled_from(real), st.text("abé€", max_size=9))
    tables = draw(st.lists(st.lists(row, min_size=1, max_size=12), max_size=3))
    return entities, tables, sorted(control), draw(st.sampled_from([64, 128, 512]))


@given(files(), st.data())
def test_any_grouping_comes_back_and_any_part_proves_itself(
    case: tuple[int, list[list[tuple[int, str]]], list[int], int], data: st.DataObject
) -> None:
    entities, tables, control, size = case
    marks = np.zeros(entities, np.uint8)
    marks[control] = payload.CONTROL
    made = []
    for number, rows in enumerate(tables):
        table = pa.table({"v": pa.array([value for _, value in rows], pa.string())})
        layout = layout_of(f"t{number}", table, ("text",))
        made.append((layout, table, np.array([entity for entity, _ in rows])))
    packer = payload.Packer(made, marks)
    blobs = np.maximum(-(-packer.sizes // size), 1) + data.draw(st.integers(0, 2))
    ids = [bytes([1 + at % 255]) * 16 for at in range(int(blobs.sum()))]
    out = io.BytesIO()
    root = payload.seal(packer, blobs, size, ids, KEY, out)
    layouts = [layout for layout, _, _ in made]
    chosen = sorted(data.draw(st.sets(st.integers(0, entities - 1), min_size=1)))
    first, step = np.cumsum(blobs) - blobs, size + payload.OVERHEAD
    sealed = out.getvalue()
    leaves = [payload.leaf_of(sealed[at * step : (at + 1) * step]) for at in range(len(ids))]
    places = [at for e in chosen for at in range(first[e], first[e] + blobs[e])]
    part = b"".join(sealed[at * step : (at + 1) * step] for at in places)
    opened, _, found = payload.unseal(io.BytesIO(part), blobs[chosen], size, KEY, layouts)
    proof = merkle.prove(leaves, places)
    assert merkle.root_from(len(ids), places, found, proof) == root
    assert opened.kinds.tolist() == marks[chosen].tolist()
    for rows, (table, of) in zip(tables, opened.tables, strict=True):
        got = [(chosen[e], v) for e, v in zip(of, table["v"].to_pylist(), strict=True)]
        expected = [(e, value or None) for e in chosen for entity, value in rows if entity == e]
        assert got == expected
