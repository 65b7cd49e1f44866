"""How the demo's submissions reach the linker, and its release the analyst.

By files, which is the default, or by whatever the command line brings along: a service does the
same work with the same result.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from blindlink.linker.protocol.release import Released
from blindlink.progress import Progress
from blindlink.synthetic.demo import parties
from blindlink.synthetic.demo.parties import Party


class Carrier(Protocol):
    """What stands between the parties."""

    def opened(self, cast: Mapping[str, Party]) -> AbstractContextManager[object]:
        """The carrier at work for these parties, whose agreement is signed."""
        ...

    def submit(self, owner: Party, linker: Party, progress: Progress) -> None:
        """Bring an owner's submission to the linker."""
        ...

    def link(self, linker: Party, analyst: Party, progress: Progress) -> Released:
        """Have the linker link, and bring the release to the analyst."""
        ...


class ByFiles:
    """Files are copied from folder to folder."""

    def opened(self, cast: Mapping[str, Party]) -> AbstractContextManager[object]:
        return nullcontext()

    def submit(self, owner: Party, linker: Party, progress: Progress) -> None:
        owner.hand(f"{owner.name}.submission", linker)

    def link(self, linker: Party, analyst: Party, progress: Progress) -> Released:
        return parties.link(linker, analyst, progress)
