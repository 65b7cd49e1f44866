"""Where a project is kept at the linker, and how it is worked on: by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.witness import witnessed
from blindlink.messages.acting import Acting


@dataclass(frozen=True)
class Place:
    """The folder of an agreement's project, and where the head of its log is kept, if anywhere."""

    folder: Path
    witness: Path | None = None

    @contextmanager
    def held(self, acting: Acting) -> Iterator[None]:
        """Nobody else works on the project meanwhile, and its log is not an older one.

        Raises as ``locked`` and ``witnessed`` do.
        """
        with (
            locked(self.folder),
            witnessed(self.folder, self.witness, acting.keys, acting.now),
        ):
            yield
