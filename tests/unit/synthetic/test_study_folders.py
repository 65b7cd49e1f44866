"""The demo's folder: whole or not at all, and never somebody else's."""

from pathlib import Path

import pytest

from blindlink.errors import InputError, OutputError
from blindlink.synthetic.demo.folders import MARKER, own_folder


def make(out: Path, text: str = "1", *, force: bool = False) -> None:
    with own_folder(out, force=force) as draft:
        (draft / "result").write_text(text)


def fail(out: Path) -> None:
    with own_folder(out, force=True) as draft:
        (draft / "result").write_text("half")
        raise InputError("fault")


def test_a_new_or_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        make(tmp_path / name)
        assert {path.name for path in (tmp_path / name).iterdir()} == {MARKER, "result"}


def test_the_present_folder_can_be_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make(Path())
    assert (tmp_path / "here" / "result").is_file()


def test_an_earlier_demo_is_replaced_only_with_force(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    make(out)
    with pytest.raises(OutputError, match="exists already"):
        make(out, "2")
    assert (out / "result").read_text() == "1"
    make(out, "2", force=True)
    assert (out / "result").read_text() == "2"


def test_a_folder_of_somebody_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="other things"):
        make(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing_and_keeps_the_earlier_demo(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    make(out)
    with pytest.raises(InputError):
        fail(out)
    assert (out / "result").read_text() == "1"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["file", "missing/demo"])
def test_a_place_where_nothing_can_be_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        make(tmp_path / name, force=True)
