"""One command at a time in a project's folder.

Each reads the log, decides, and writes it anew: of two at once, one would lose the other's entry,
and a receipt would stand for what the log does not have.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from blindlink import system
from blindlink.errors import OutputError, RefusedError
from blindlink.files import reason

LOCK = ".lock"
WAIT = 10.0  # seconds: others than a run need less


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Work alone in ``folder``; the operating system gives the lock back however the process ends.

    A folder that is not there has nothing to protect. Raises RefusedError when another command has
    not ended after WAIT seconds, or OutputError.
    """
    if not folder.is_dir():
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(system.locked(folder / LOCK, wait=WAIT))
        except TimeoutError:
            raise RefusedError(
                f"{folder}: another command works in this project",
                hint="run it again when the other one has ended",
            ) from None
        except OSError as error:
            raise OutputError(f"{folder / LOCK}: {reason(error)}") from None
        yield
