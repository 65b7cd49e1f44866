"""Encodings in files: the same rows, in any order, and nothing left behind."""

import errno
from pathlib import Path

import numpy as np
import pytest

from blindlink.errors import OutputError
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding import spool as spooling_module
from blindlink.owner.encoding.spool import Spool, spooling

RNG = np.random.default_rng(3)


def piece(rows: int) -> Encodings:
    return Encodings(
        filters=(RNG.integers(0, 256, (rows, 32), np.uint8),),
        bits=(256,),
        row=np.arange(rows),
        entity=None,
        match_keys=tuple(RNG.integers(0, 256, (rows, 16), np.uint8) for _ in range(2)),
        schema_fingerprint="ab" * 32,
        key_check=None,
        encoder="blindlink 0",
    )


@pytest.mark.parametrize("sizes", [(7,), (3, 1, 50), (0,), (0, 4)])
def test_pieces_come_back_as_one(
    sizes: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling_module, "PIECE", 100)
    pieces = [piece(size) for size in sizes]
    with spooling(tmp_path) as spool:
        for each in pieces:
            spool.add(each)
        found = spool.encodings()
        assert spool.encodings() is found
        whole = [np.concatenate([p.filters[0] for p in pieces])]
        whole += [np.concatenate([p.match_keys[n] for p in pieces]) for n in range(2)]
        for mine, expected in zip((*found.filters, *found.match_keys), whole, strict=True):
            assert mine.tolist() == expected.tolist()
        assert len(found) == sum(sizes)
        order = np.random.default_rng(1).permutation(len(found))
        sent = b"".join(p.tobytes() for p in spool.pieces(order))
        assert sent == b"".join(column[order].tobytes() for column in whole)
        picked = found.filters[0][order[:3]]
        assert picked.tolist() == whole[0][order[:3]].tolist()
        assert found.filters[0][:2].tolist() == whole[0][:2].tolist()
        assert found.filters[0].any(axis=1).tolist() == whole[0].any(axis=1).tolist()
        assert list(tmp_path.iterdir()) == []  # the files have no name
    assert list(tmp_path.iterdir()) == []


def test_rows_added_later_are_seen(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        spool.add(piece(3))
        assert len(spool.encodings()) == 3
        spool.add(piece(2))
        assert len(spool.encodings()) == 5


def test_nothing_was_added(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing"):
        Spool(tmp_path).encodings()


def test_a_full_disk_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(OutputError, match="no space left"), spooling(tmp_path) as spool:
        spool.add(piece(3))
