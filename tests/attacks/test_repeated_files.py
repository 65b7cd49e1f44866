"""What one linker holds of one owner, over several files, does not tell which rows are controls."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blindlink.errors import InputError, RefusedError
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.container import reader as container
from blindlink.messages.submission.content import content_of, read_records
from blindlink.owner.submit import Submitted
from blindlink.owner.withdraw import withdraw
from worlds.flow import NOW, World, agreement, keys
from worlds.parties import entropy

Change = Callable[[pa.Table], pa.Table]
Row = tuple[bytes, ...]


def encodings(path: Path) -> list[Row]:
    """Filters and match keys of every row, as the linker sees them."""
    with container.opened(path, "submission") as sealed:
        verified = sealed.verify(keys("moj").public, agreement=sealed.manifest.agreement, now=NOW)
        content = content_of(verified.manifest, "here")
        with verified.open("encodings", keys("ttp")) as source:
            records = read_records(source, content, "here")
    columns = (*records.filters, *records.match_keys)
    return [tuple(column[row].tobytes() for column in columns) for row in range(len(records.ids))]


def controls(path: Path, sent: Submitted) -> set[Row]:
    """The rows that are controls, as the owner knows."""
    mine = sent.rows_of.column("control").to_numpy()
    return {row for row, control in zip(encodings(path), mine, strict=True) if control}


def removed(table: pa.Table) -> pa.Table:
    return table.slice(9)


def added(table: pa.Table) -> pa.Table:
    more = table.slice(0, 8)
    ids = pa.array([f"new-{number}" for number in range(8)])
    dates = pa.array([f"19{60 + number}-02-03" for number in range(8)])
    more = more.set_column(0, "entity_id", ids)
    place = more.column_names.index("date_of_birth")
    return pa.concat_tables([table, more.set_column(place, "date_of_birth", dates)])


def corrected(table: pa.Table) -> pa.Table:
    days = table.column("date_of_birth").to_pylist()
    place = table.column_names.index("date_of_birth")
    return table.set_column(place, "date_of_birth", [["1955-05-05", *days[1:]]])


def shuffled(table: pa.Table) -> pa.Table:
    order = np.random.default_rng(3).permutation(table.num_rows)
    return table.take(pa.array(order))


CHANGES: dict[str, Change] = {
    "the same people": lambda table: table,
    "people taken out": removed,
    "new people": added,
    "a date corrected": corrected,
    "another order": shuffled,
}


def resubmitted(world: World, change: Change, **options: Any) -> tuple[Submitted, Submitted]:
    first = world.submit("moj", "1")
    people = change(world.tables["moj"]["identities"])
    held = set(people.column("entity_id").to_pylist())
    events = world.tables["moj"]["events"]
    kept = pa.array([each in held for each in events.column("entity_id").to_pylist()])
    second = world.submit(
        "moj",
        "2",
        tables={"identities": people, "events": events.filter(kept)},
        sequence=2,
        previous=world.folder / "1.rows",
        **options,
    )
    return first, second


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("agreed", [7, "0.1"])
def test_no_submission_shows_the_controls_of_another(
    tmp_path: Path, change: Change, agreed: Any
) -> None:
    """What stands in one of the two files only is nobody's control: the attack finds none."""
    world = World(tmp_path, controls=agreed)
    first, second = resubmitted(world, change)
    mine = controls(tmp_path / "1", first)
    assert len(mine) >= 7 - (agreed == "0.1")
    assert controls(tmp_path / "2", second) == mine
    one, two = set(encodings(tmp_path / "1")), set(encodings(tmp_path / "2"))
    assert not mine & (one ^ two)
    assert second.controls == first.controls


def test_both_are_taken_in_linked_and_counted(tmp_path: Path) -> None:
    """A share of controls counts the rows of the first submission: taking people out breaks
    nothing, at the linker and at the analyst."""
    world = World(tmp_path, controls="0.1", terms={"minimum_overlap": 1})
    first, _ = resubmitted(world, removed)
    world.submit_others("moj")
    for name in ("1", "ohid.submission", "2"):
        receive(
            tmp_path / name, Acting(world.agreement, keys("ttp"), NOW), Place(tmp_path / "project")
        )
    world.link(*world.files("2"))
    assert world.cohort().info["controls"]["moj"]["number"] == first.controls


def test_a_withdrawal_names_no_control(tmp_path: Path) -> None:
    world = World(tmp_path)
    sent = world.submit("moj")
    everybody = sorted(set(world.tables["moj"]["identities"].column("entity_id").to_pylist()))
    rows = tmp_path / "moj.submission.rows"
    done = withdraw(everybody, rows, Acting(world.agreement, keys("moj"), NOW), tmp_path / "w")
    assert done.entities == sent.entities - sent.controls
    assert done.rows == int((~sent.rows_of.column("control").to_numpy()).sum())


def test_a_first_submission_made_once_more_has_the_same_controls(tmp_path: Path) -> None:
    world = World(tmp_path)
    mine = controls(tmp_path / "moj.submission", world.submit("moj"))
    again = world.submit("moj", force=True, entropy=entropy("another day"))
    assert controls(tmp_path / "moj.submission", again) == mine
    elsewhere = world.submit("moj", "elsewhere", entropy=entropy("another folder"))
    assert controls(tmp_path / "elsewhere", elsewhere) == mine


def test_a_later_submission_needs_the_row_map_of_the_one_before(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.submit("moj", "1")
    with pytest.raises(InputError, match="the row map of the one before is missing"):
        world.submit("moj", "2", sequence=2)
    assert not (tmp_path / "2").exists()


def test_the_rows_of_the_first_submission_cannot_be_invented(tmp_path: Path) -> None:
    """An owner that would have more controls than agreed says that it had more rows once."""
    world = World(tmp_path, controls="0.1")
    world.submit("moj", "1")
    receive(tmp_path / "1", Acting(world.agreement, keys("ttp"), NOW), Place(tmp_path / "project"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("blindlink.owner.submit._Run.rows", lambda *_: 300)
        world.submit("moj", "2", sequence=2, previous=tmp_path / "1.rows")
    with pytest.raises(RefusedError, match="says otherwise"):
        receive(
            tmp_path / "2", Acting(world.agreement, keys("ttp"), NOW), Place(tmp_path / "project")
        )


def test_two_agreements_share_no_filter_and_no_match_key(tmp_path: Path) -> None:
    """With one secret, one schema and the same people: version 2 goes to another linker."""
    world = World(tmp_path)
    world.submit("moj", "1")
    world.agreement = agreement(World(tmp_path, terms={"version": 2}))
    world.submit("moj", "2")
    columns = [zip(*encodings(tmp_path / name), strict=True) for name in ("1", "2")]
    for one, two in zip(*columns, strict=True):
        assert not set(one) & set(two)
