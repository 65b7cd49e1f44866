"""Composite tokens on all cores: worker processes that get rows through a pipe.

Not ``multiprocessing``: forking a process with Arrow's threads can lock up, and spawning runs the
user's script again. A worker is ``python -m blindlink.owner.worker``; keys reach it through the
pipe, never through its arguments or environment. The result does not depend on their number.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import numpy as np

from blindlink.errors import BlindlinkError
from blindlink.owner.filters import Chunk, CompositeJob, Packed, Run, composite_rows, serially

# Below this many chunks the start of a process (half a second) costs more than it brings.
_WORTHWHILE = 3
_LENGTH = 8


def spread(workers: int | None) -> Run:
    """How to run chunks on ``workers`` processes, by default one for each core."""
    count = workers if workers is not None else cores()

    def run(job: CompositeJob, chunks: Sequence[Chunk]) -> Iterable[Packed]:
        if count < 2 or len(chunks) < _WORTHWHILE:
            return serially(job, chunks)
        return _spread(job, chunks, min(count, len(chunks)))

    return run


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work(source: IO[bytes], target: IO[bytes]) -> None:
    """A worker: read the job, then answer chunk after chunk until the input ends."""
    job = receive(source)
    while (chunk := receive(source)) is not None:
        send(target, composite_rows(job, chunk))


def send(target: IO[bytes], message: Any) -> None:
    """Write one message, its length first."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    target.write(len(data).to_bytes(_LENGTH, "big"))
    target.write(data)
    target.flush()


def receive(source: IO[bytes]) -> Any:
    """Read one message of our own other half; None at the end."""
    head = source.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    return pickle.loads(source.read(int.from_bytes(head, "big")))  # noqa: S301


def _spread(job: CompositeJob, chunks: Sequence[Chunk], count: int) -> list[Packed]:
    results: list[Packed] = [np.zeros((0, 0), np.uint8)] * len(chunks)

    def serve(number: int) -> None:
        command = [sys.executable, "-m", "blindlink.owner.worker"]
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise _lost()
            try:
                send(process.stdin, job)
                for position in range(number, len(chunks), count):
                    send(process.stdin, chunks[position])
                    results[position] = _answer(process.stdout)
                process.stdin.close()
            except BrokenPipeError:
                raise _lost() from None

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(serve, number) for number in range(count)]:
            future.result()
    return results


def _answer(source: IO[bytes]) -> Packed:
    answer: Packed | None = receive(source)
    if answer is None:
        raise _lost()
    return answer


def _lost() -> BlindlinkError:
    return BlindlinkError(
        "a worker process ended before its work was done",
        hint="is there enough memory? Try again with --workers 1",
    )
