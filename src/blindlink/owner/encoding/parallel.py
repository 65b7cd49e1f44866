"""Slices on all cores. The result does not depend on how many there are.

Where the work is arrays (features, hardenings), threads share one encoder and all that it keeps.
Where it is one hash for each token of each row (composites, match keys), worker processes do it,
and this process beside them. Not ``multiprocessing``: forking a process with Arrow's threads can
lock up, and spawning runs the user's script again. A worker is ``python -m
blindlink.owner.encoding.worker``; keys reach it through the pipe, never through its arguments or
environment.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Lock
from typing import IO, Any

import pyarrow as pa

from blindlink.errors import BlindlinkError
from blindlink.owner.encoding.slices import Job, Part, SliceEncoder

_LENGTH = 8
# Encodes a table, or with ``True`` only checks it.
Seat = Callable[[pa.Table, bool], Part]


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """``count`` seats that encode slices side by side; the first is this process."""

    def __init__(self, encoder: SliceEncoder, job: Job, count: int, *, processes: bool) -> None:
        self._job, self._count = job, count
        self._free: SimpleQueue[Seat] = SimpleQueue()
        self._workers: list[Worker] = []
        self._lock = Lock()
        local = 1 if processes else count
        for _ in range(local):
            self._free.put(lambda table, check: here(encoder, table, check))
        self._places = count - local
        self._threads = ThreadPoolExecutor(count)

    def submit(self, table: pa.Table, *, check: bool) -> "Future[Part]":
        """Start to encode a slice, or only to check it."""
        return self._threads.submit(self._run, table, check)

    def close(self) -> None:
        """End the workers. What was not begun is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(wait=True)

    def _run(self, table: pa.Table, check: bool) -> Part:
        seat = self._seat()
        try:
            return seat(table, check)
        finally:
            self._free.put(seat)

    def _seat(self) -> Seat:
        """A free seat, or a new worker. As many slices run at a time as there are seats."""
        try:
            return self._free.get_nowait()
        except Empty:
            with self._lock:
                if self._places:
                    self._places -= 1
                    self._workers.append(Worker(self._job))
                    return self._workers[-1]
            return self._free.get()


class Worker:
    """A worker process, seen from here."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, "-m", "blindlink.owner.encoding.worker"]
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._job: Job | None = job

    def __call__(self, table: pa.Table, check: bool) -> Part:
        source, target = self.process.stdout, self.process.stdin
        if source is None or target is None:
            raise _lost()
        try:
            if self._job is not None:
                send(target, self._job)
                self._job = None
            send(target, (packed(table), check))
            answer = receive(source)
        except (OSError, ValueError):  # a pipe that broke, or was closed here
            raise _lost() from None
        if answer is None:
            raise _lost()
        if isinstance(answer, str):
            raise BlindlinkError(f"a worker process failed: {answer}")
        part: Part = answer
        return part

    def close(self) -> None:
        """End the process, at once: it holds nothing that is still wanted."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                _quietly(pipe)


def here(encoder: SliceEncoder, table: pa.Table, check: bool) -> Part:
    """Encode or check in this process."""
    return encoder.check(table) if check else encoder.encode(table)


def work(source: IO[bytes], target: IO[bytes]) -> None:
    """A worker: read the job, then answer slice after slice until the input ends."""
    encoder = None
    while (message := receive(source)) is not None:
        try:
            if encoder is None:
                encoder = SliceEncoder(message)
                continue
            data, check = message
            send(target, here(encoder, pa.ipc.open_stream(data).read_all(), check))
        except Exception as error:  # its kind alone: a message could hold a value
            send(target, type(error).__name__)
            return


def packed(table: pa.Table) -> bytes:
    """A table as bytes, only its own rows of what it is a slice of."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


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
    size = int.from_bytes(head, "big")
    data = source.read(size)
    return pickle.loads(data) if len(data) == size else None  # noqa: S301


def _quietly(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return


def _lost() -> BlindlinkError:
    return BlindlinkError(
        "a worker process ended before its work was done",
        hint="is there enough memory? Try again with --workers 1",
    )
