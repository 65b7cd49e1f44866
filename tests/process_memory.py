"""How much memory a process used, for tests that bound it."""

from pathlib import Path


def peak() -> int:
    """The most memory that this process held, in KiB.

    Not ``ru_maxrss``: a child's starts at the size of the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
