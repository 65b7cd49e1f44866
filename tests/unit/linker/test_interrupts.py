"""Work in a thread of its own: its result, its errors, and interrupts that do not wait for it."""

import os
import signal
import threading
import time

import pytest

from blindlink.linker.join.interrupts import apart, stoppable
from blindlink.progress import Progress, silent


def test_the_result_comes_back() -> None:
    assert apart(lambda: 3) == 3


@pytest.mark.parametrize("error", [ValueError, TimeoutError, KeyboardInterrupt])
def test_an_error_comes_back(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        apart(fail)


def test_an_interrupt_does_not_wait_and_ends_the_work() -> None:
    ended = threading.Event()

    def work(progress: Progress) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
            for done in range(10**9):
                progress(done, 10**9)
                time.sleep(0.01)
        finally:
            ended.set()

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stoppable(work, silent)
    assert time.monotonic() - start < 10
    assert ended.wait(10)
