"""An interrupt (Ctrl-C) that need not wait for long work in compiled code, such as a sort."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

from blindlink.progress import Progress

Result = TypeVar("Result")
_LOOK = 0.2  # seconds; Windows notices an interrupt only between two waits


def apart(work: Callable[[], Result]) -> Result:
    """The result of ``work``, done in a thread of its own while this one waits for interrupts.

    After an interrupt the thread is left to itself: it must not hold anything that needs tidying,
    so files are written by the caller. It does not keep the process from ending.
    """
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # also an interrupt that ``work`` raises itself
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    while True:
        try:
            return done.result(_LOOK)
        except TimeoutError:
            if done.done():  # raised by ``work`` itself
                raise


def stoppable(work: Callable[[Progress], Result], progress: Progress) -> Result:
    """As ``apart``; ``work`` gets a progress callable, which ends it after an interrupt."""
    stopped = Event()

    def report(done: int, total: int) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        progress(done, total)

    try:
        return apart(lambda: work(report))
    except KeyboardInterrupt:
        stopped.set()
        raise
