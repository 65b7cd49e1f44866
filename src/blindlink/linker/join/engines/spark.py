"""The engine of a Spark cluster, for arrays of this machine: the smaller side is broadcast.

It takes the session that is active, or starts one (of this machine, unless ``spark-defaults.conf``
says another). Files larger than this machine go from Parquet to Parquet instead:
``blindlink.linker.spark.link_parquet``. How it works, what it needs: docs/how-to/link-on-spark.md.
"""

import numpy as np
import pyarrow as pa

from blindlink.linker.join.measures import find
from blindlink.linker.join.pairs import Filters, Pairs, best, check, ordered
from blindlink.linker.spark import needed
from blindlink.progress import Progress, silent

with needed():
    from blindlink.linker.spark import selection
    from blindlink.linker.spark.exhaustive import CHUNK, exhaustive
    from blindlink.linker.spark.progress import watching
    from blindlink.linker.spark.records import Records, Rule
    from blindlink.linker.spark.session import clear_errors, session


def pairs(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs with similarity >= threshold; see ``blindlink.linker.join.engines.Engine``.

    Raises MissingExtraError also where there is no Java.
    """
    check(left, right, threshold, top)
    find(measure)
    width = int(left.shape[1])
    rule = Rule(float(threshold), width, 8 * width if bits is None else bits, measure, top)
    small = len(left) <= len(right)
    with clear_errors():
        spark = session()
        with watching(spark.sparkContext, progress, len(left)):
            fixed = spark.sparkContext.broadcast(_records(left if small else right))
            large = spark.createDataFrame(_table(right if small else left))
            found = exhaustive(large, fixed, rule, left_is_small=small)
            table = selection.best(found, top).toArrow()
            fixed.destroy()
    columns = (table.column(name).to_numpy() for name in ("left", "right", "score"))
    return best(ordered(Pairs(*columns)), top)


def _records(filters: Filters) -> Records:
    return Records(np.arange(len(filters)), np.ascontiguousarray(filters))


def _table(filters: Filters) -> pa.Table:
    """Columns row and clk. In pieces, since Arrow counts the bytes of a column with 31 bits."""
    width, parts = int(filters.shape[1]), []
    for start in range(0, max(len(filters), 1), CHUNK):
        flat = np.ascontiguousarray(filters[start : start + CHUNK])
        fixed = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(width), len(flat), [None, pa.py_buffer(flat)]
        )
        row = np.arange(start, start + len(flat))
        parts.append(pa.table({"row": row, "clk": fixed.cast(pa.binary())}))
    return pa.concat_tables(parts)
