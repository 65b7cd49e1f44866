"""Whether a job goes on. A heart that beats in a thread of its own says only that a thread exists.

What counts as a sign of work: progress that the job tells, CPU time or input and output of its own
thread (by the kernel's counters), or half a core of the process, since kernels run in others.
"""

import threading
import time
from pathlib import Path

BUSY = 0.5  # of a core
SPAN = 2.0  # seconds over which that is measured


class Pulse:
    """Watches the thread that made it."""

    def __init__(self) -> None:
        self._task = Path(f"/proc/self/task/{threading.get_native_id()}")
        self.begun = self._at = time.monotonic()
        self._counts = self._read()
        self._looked, self._cpu = time.monotonic(), time.process_time()

    def beat(self) -> None:
        """The job tells progress."""
        self._at = time.monotonic()

    def still(self) -> float:
        """Seconds without any sign of work."""
        now, counts = time.monotonic(), self._read()
        if counts != self._counts:
            self._at, self._counts = now, counts
        if now - self._looked > SPAN:  # over less a share says nothing
            cpu = time.process_time()
            if cpu - self._cpu > BUSY * (now - self._looked):
                self._at = now
            self._looked, self._cpu = now, cpu
        return now - self._at

    def age(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.begun

    def _read(self) -> tuple[str, ...]:
        """CPU ticks in user and kernel mode, and bytes read and written, of the thread."""
        try:
            # Behind the name in brackets: state is field 3, utime and stime are 14 and 15.
            fields = (self._task / "stat").read_text().rpartition(")")[2].split()
            moved = (self._task / "io").read_text().split("\n")[:2]
        except OSError:  # no Linux, or no right to look: then only progress counts
            return ()
        return (*fields[11:13], *moved)
