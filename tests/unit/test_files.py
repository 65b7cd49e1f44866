"""A failed write leaves nothing behind and an output never eats its input."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from blindlink.errors import InputError, OutputError
from blindlink.files import (
    PRIVATE,
    check_output,
    read_bytes,
    replacing,
    replacing_folder,
    write_bytes,
    write_text,
)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_file_appears_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "é")
    assert (tmp_path / "a").read_bytes() == "é".encode()
    assert names(tmp_path) == ["a"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(TypeError), replacing(path, force=True) as draft:
        draft.write_bytes(7)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_private_file_is_private_from_the_start(tmp_path: Path) -> None:
    with replacing(tmp_path / "k", mode=PRIVATE) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == PRIVATE
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == PRIVATE


def test_outputs_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    link = tmp_path / "link"
    link.symlink_to(path)
    for output, inputs, says in [
        (path, [], "exists already"),
        (path, [path], "is also the input"),
        (link, [path], "is also the input"),
        (tmp_path, [], "is a folder"),
        (tmp_path / "none" / "a", [], "folder does not exist"),
    ]:
        with pytest.raises(OutputError, match=says):
            check_output(output, inputs=inputs)
    with pytest.raises(OutputError, match="is also the input"):
        check_output(path, inputs=[path], force=True)


@pytest.mark.needs("dev-full")
def test_a_full_disk_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no space left") as raised, replacing(tmp_path / "a"):
        Path("/dev/full").write_bytes(b"x" * 10_000_000)
    assert "make room" in raised.value.hint
    assert names(tmp_path) == []


def test_reading_is_bounded(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"12345")
    assert read_bytes(tmp_path / "a", limit=5) == b"12345"
    with pytest.raises(InputError, match="larger than 4 bytes"):
        read_bytes(tmp_path / "a", limit=4)
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "b", limit=4)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(OutputError, match="permission denied"):
        check_output(tmp_path / "a")


def test_the_name_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be flushed is no reason to fail: the file is there."""
    flushed, fsync = [], os.fsync

    def counted(file: int) -> None:
        flushed.append(stat.S_ISDIR(os.fstat(file).st_mode))
        if flushed[-1]:
            raise OSError
        fsync(file)

    monkeypatch.setattr(os, "fsync", counted)
    write_text(tmp_path / "a", "x")
    assert flushed == [False, True]
    assert (tmp_path / "a").read_text() == "x"


def _anything() -> None:
    """A check that lets every folder be replaced."""


def test_a_folder_appears_whole_and_closed_to_others(tmp_path: Path) -> None:
    out = tmp_path / "report"
    for text in ("first", "second"):
        with replacing_folder(out, _anything) as draft:
            assert not out.exists() or (out / "page").read_text() == "first"
            (draft / "page").write_text(text)
        assert (out / "page").read_text() == text
        assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == [out]


def test_a_failure_leaves_the_folder_that_was_there(tmp_path: Path) -> None:
    out = tmp_path / "report"
    with replacing_folder(out, _anything) as draft:
        (draft / "page").write_text("first")
    with suppress(KeyError), replacing_folder(out, _anything) as draft:
        (draft / "page").write_text("second")
        raise KeyError
    assert (out / "page").read_text() == "first"
    assert list(tmp_path.iterdir()) == [out]


def test_what_came_into_a_folder_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "report"

    def check() -> None:
        if out.exists():
            raise OutputError(f"{out}: exists already")

    def both() -> None:
        with replacing_folder(out, check) as draft:
            (draft / "page").write_text("ours")
            out.mkdir()
            (out / "theirs").write_text("theirs")

    with pytest.raises(OutputError, match="exists already"):
        both()
    assert (out / "theirs").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    out.mkdir()
    (out / "page").write_text("first")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OutputError, match="permission denied"), replacing_folder(out, _anything):
        pass
    assert (out / "page").read_text() == "first"
    assert list(tmp_path.iterdir()) == [out]
