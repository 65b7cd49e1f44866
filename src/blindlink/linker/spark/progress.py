"""How many of Spark's tasks are done, told while the driver waits for its result."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from pyspark import SparkContext

from blindlink.progress import Progress

_PAUSE = 0.5  # seconds between two looks


@contextmanager
def watching(context: SparkContext, progress: Progress, total: int) -> Iterator[None]:
    """Tells ``progress`` the share of finished tasks of ``total``, and all of it at the end."""
    ended = Event()
    thread = Thread(target=_watch, args=(context, progress, total, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    progress(total, total)


def _watch(context: SparkContext, progress: Progress, total: int, ended: Event) -> None:
    told = 0
    while not ended.wait(_PAUSE):
        tracker = context.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        tasks = sum(stage.numTasks for stage in stages if stage)
        done = sum(stage.numCompletedTasks for stage in stages if stage)
        share = total * done // max(tasks, 1)
        if share > told:  # a later stage begins at nothing again
            told = share
            progress(told, total)
