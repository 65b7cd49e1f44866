"""Encodings in unnamed temporary files, so that memory does not grow with them.

A million rows of 8,192 bits are a gibibyte, and they must be held whole: the risk report looks at
all of them, and they are sent in random order. The files lie in the owner's own folder, have no
name there (nobody else can open them, and they are gone with the process, however it ends) and hold
no more than the owner's own tables do.
"""

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import OutputError
from blindlink.files import reason
from blindlink.messages.encodings import Encodings
from blindlink.system import read_at

PIECE = 1 << 22  # bytes of rows that are read at a time


class _Column(np.ndarray[Any, np.dtype[np.uint8]]):
    """Rows in a file, mapped. Rows that are picked by number are read one by one: through the
    mapping each of them may bring in megabytes."""

    file: IO[bytes] | None = None

    def __getitem__(self, index: Any) -> Any:
        picked = isinstance(index, np.ndarray) and index.ndim == 1 and index.dtype.kind == "i"
        if self.file is None or not picked:
            return super().__getitem__(index)
        width, source = int(np.shape(self)[1]), self.file
        data = b"".join([read_at(source, width, place) for place in (index * width).tolist()])
        return np.frombuffer(data, np.uint8).reshape(-1, width)


class Spool:
    """Pieces of encodings come in; all of them are seen as one that lies in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[IO[bytes]] = []
        self._widths: list[int] = []
        self._first: Encodings | None = None
        self._seen: Encodings | None = None
        self._rows = 0

    def add(self, piece: Encodings) -> None:
        """Append the rows of a piece. All are encoded alike."""
        columns = [*piece.filters, *piece.match_keys]
        if self._first is None:
            self._first = piece
            self._widths = [int(np.shape(column)[1]) for column in columns]
            self._files = [tempfile.TemporaryFile(dir=self._folder) for _ in columns]  # noqa: SIM115
        for file, column in zip(self._files, columns, strict=True):
            file.write(np.ascontiguousarray(column).data)
        self._rows += len(piece)

    def encodings(self) -> Encodings:
        """All rows so far, without entities; the arrays are read-only views of the files."""
        if self._seen is not None and len(self._seen) == self._rows:
            return self._seen
        if self._first is None:
            raise ValueError("nothing was added")
        first, rows = self._first, np.arange(self._rows)
        mapped = tuple(self._mapped(*each) for each in zip(self._files, self._widths, strict=True))
        split = len(first.filters)
        self._seen = replace(
            first, filters=mapped[:split], match_keys=mapped[split:], row=rows, entity=None
        )
        return self._seen

    def pieces(self, order: Int64s) -> Iterator[Bytes]:
        """The rows of each column in this order, by pieces: the filters, then the match keys."""
        found = self.encodings()
        for column in (*found.filters, *found.match_keys):
            step = max(1, PIECE // int(np.shape(column)[1]))
            for start in range(0, len(order), step):
                yield column[order[start : start + step]]

    def _mapped(self, file: IO[bytes], width: int) -> Bytes:
        file.flush()
        if not self._rows:
            return np.zeros((0, width), np.uint8)
        mapped = mmap.mmap(file.fileno(), self._rows * width, access=mmap.ACCESS_READ)
        rows = np.frombuffer(mapped, np.uint8).reshape(self._rows, width).view(_Column)
        rows.file = file
        return rows

    def close(self) -> None:
        """Give the room on the disk back, as soon as nobody looks at the rows any more."""
        for file in self._files:
            file.close()


@contextmanager
def spooling(folder: Path) -> Iterator[Spool]:
    """A spool beside the output, gone when the block ends. Raises OutputError for a full disk."""
    spool = Spool(folder)
    try:
        yield spool
    except OSError as error:
        raise OutputError(f"{folder}: {reason(error)}", hint="make room on the disk") from None
    finally:
        spool.close()
