"""How long work reports its progress: one callable, so that only the command line draws."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then with the work done and the whole work, in the same unit."""

    def __call__(self, done: int, total: int) -> None: ...


def silent(done: int, total: int) -> None:
    """The progress of those who do not ask for any."""
