"""Where a project is kept at the linker, and how it is worked on: by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.witness import only_project, witnessed
from blindlink.messages.acting import Acting


@dataclass(frozen=True)
class Place:
    """The folder of an agreement's project.

    What is kept outside of it, where no restore of the folder touches it: ``witness``, the last
    head of its log; ``used``, which log the linker's keys serve (see ``protocol.witness``).
    """

    folder: Path
    witness: Path | None = None
    used: Path | None = None

    @contextmanager
    def held(self, acting: Acting) -> Iterator[None]:
        """Nobody else works on the project meanwhile; its log is no older one, and no second one.

        Raises as ``locked``, ``only_project`` and ``witnessed`` do.
        """
        with (
            locked(self.folder),
            only_project(self.folder, self.used, acting.agreement.digest()),
            witnessed(self.folder, self.witness, acting.keys, acting.now),
        ):
            yield
