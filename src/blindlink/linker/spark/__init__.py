"""Linking on a Spark cluster, for files that one machine cannot compare in the time there is.

``link_parquet`` takes two Parquet files of encodings to Parquet links, on any file system that
Spark reads; ``python -m blindlink.linker.spark`` is the same as a command and can be given to
``spark-submit``. The engine ``spark`` (``linker/join/engines``) compares arrays of one machine. All
give what the engines of one machine give: the same pairs, scores and order.

    session      a session of this machine where there is none, and Spark's errors as ours
    records      Arrow batches as arrays, and pairs as Arrow batches: what runs on the executors
    exhaustive   every left with every right record: the smaller side is broadcast
    blocks       only the records that share a keyed blocking key
    selection    the best of each record, entities, one-to-one
    storage      encodings and links on the file systems that Spark knows
    link         all of these in order
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from blindlink.errors import MissingExtraError

if TYPE_CHECKING:
    from blindlink.linker.spark.link import link_parquet

__all__ = ["link_parquet", "needed"]


@contextmanager
def needed() -> Iterator[None]:
    """For imports of what needs Spark: raises MissingExtraError where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about pandas, which is not used here
            yield
    except ModuleNotFoundError as error:
        library = (error.name or "").split(".")[0]
        raise MissingExtraError(f"{library}, which the engine 'spark' needs,", "spark") from None


def __getattr__(name: str) -> Any:
    """``link_parquet``, imported on demand: the command has to start without Spark to say so."""
    if name != "link_parquet":
        raise AttributeError(name)
    with needed():
        from blindlink.linker.spark.link import link_parquet
    return link_parquet
