"""Files that would harm their reader: pipes, Parquet that inflates, hostile text."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blindlink.analyst.publish.files import inert
from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.encodings import Encodings, read_encodings, write_encodings
from blindlink.synthetic.demo.marks import FIRST, demo_checks
from worlds.flow import NOW, PAYLOAD, World, keys

LABELS = {"ohid": {**PAYLOAD["ohid"], "events": {"agency": ("Hull é", "York")}}}


def test_a_pipe_is_refused_and_waits_for_nobody(tmp_path: Path) -> None:
    world, pipe = World(tmp_path), tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FormatError, match="is not a regular file"):
        receive(pipe, Acting(world.agreement, keys("ttp"), NOW), Place(tmp_path / "project"))
    with pytest.raises(FormatError, match="is not a regular file"):
        read_encodings(pipe)
    with pytest.raises(FormatError, match="is not a regular file"):
        world.cohort("pipe")


def encodings(rows: int, filters: Any) -> Encodings:
    return Encodings(
        filters=(filters,),
        bits=(1024,),
        row=np.arange(rows, dtype=np.int64),
        entity=None,
        match_keys=(),
        schema_fingerprint="00" * 32,
        key_check=None,
        encoder="test",
    )


def test_a_small_file_that_becomes_a_large_one_is_refused(tmp_path: Path) -> None:
    """83 KB took 1,175 MiB to read: zeros, which no encoder makes."""
    write_encodings(encodings(600_000, np.zeros((600_000, 128), np.uint8)), tmp_path / "zeros")
    with pytest.raises(FormatError, match=r"bytes would become .*: not a file of encodings"):
        read_encodings(tmp_path / "zeros")
    some = np.random.default_rng(1).integers(0, 256, (600_000, 128), np.uint8)
    write_encodings(encodings(600_000, some), tmp_path / "some")
    assert len(read_encodings(tmp_path / "some")) == 600_000


# ------------------------------------------------------------------------------- hostile text


@pytest.mark.parametrize("sign", ["\x1b[31m", "\u202e", "\u200b", "\x85", "\ue000", "\u2028"])
def test_signs_that_are_not_seen_stay_with_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    world = World(tmp_path, policies={"moj": "all", "ohid": "all"})
    events = world.tables["ohid"]["events"]
    agencies = [f"York{sign}", *events.column("agency").to_pylist()[1:]]
    place = events.column_names.index("agency")
    hostile = {"events": events.set_column(place, "agency", [agencies])}
    with pytest.raises(InputError, match="column agency: a value holds a control or direction"):
        world.submit("ohid", tables=hostile)
    with monkeypatch.context() as own:
        own.setattr("blindlink.owner.tables.generalise.hostile", lambda _: False)
        world.submit("ohid", tables=hostile)
    world.submit("moj")
    world.link()
    with pytest.raises(FormatError, match="a value holds a control or direction sign"):
        world.cohort()


def test_a_label_that_was_not_agreed_marks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label of an owner's own in a kept column would follow a person to the analyst."""
    policies = {"moj": "all", "ohid": "all"}
    terms = {"payload": {"moj": PAYLOAD["moj"], **LABELS}}
    world = World(tmp_path, policies=policies, terms=terms)
    events = world.tables["ohid"]["events"]
    agencies = ["the one we look for", *events.column("agency").to_pylist()[1:]]
    place = events.column_names.index("agency")
    marked = {"events": events.set_column(place, "agency", [agencies])}
    with pytest.raises(InputError, match="row 1: the value does not fit the agreed labels"):
        world.submit("ohid", tables=marked)
    with monkeypatch.context() as own:
        own.setattr("blindlink.owner.tables.generalise._label", lambda text, allowed: text)
        world.submit("ohid", tables=marked)
    world.submit("moj")
    world.link()
    with pytest.raises(VerificationError, match="column agency: a label was not agreed"):
        world.cohort()


def test_agreed_labels_pass(tmp_path: Path) -> None:
    world = World(tmp_path, terms={"payload": {"moj": PAYLOAD["moj"], **LABELS}})
    cohort = world.played()
    assert set(cohort.tables["ohid", "events"]["agency"].dropna()) == {"Hull é", "York"}


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(1)", " x", "\u202ex", "a\x1bb", ""])
def test_a_label_that_is_a_formula_or_hides_signs_is_not_agreed(tmp_path: Path, label: str) -> None:
    payload = {"moj": {}, "ohid": {"events": {"agency": (label,)}}}
    with pytest.raises(ValueError, match="agency"):
        World(tmp_path, terms={"payload": payload})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://evil","x")', '\'=HYPERLINK("http://evil","x")'),
        ("@SUM(1+1)*cmd|' /C calc'!A0", "'@SUM(1+1)*cmd|' /C calc'!A0"),
        ("-2+3+cmd|x", "'-2+3+cmd|x"),
        ("+1+1", "'+1+1"),
        ("-0.5", "-0.5"),
        ("-12.3 %", "-12.3 %"),
        ("York", "York"),
        ("", ""),
    ],
)
def test_no_text_is_taken_for_a_formula(text: str, shown: str) -> None:
    assert inert(text) == shown


# ------------------------------------------------------------------------------- the demo's keys


def test_the_demo_s_linkage_secret_is_known() -> None:
    assert len(demo_checks()) == 10 * len(FIRST)
