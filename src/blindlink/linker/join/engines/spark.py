"""The engine of a Spark cluster, for arrays of this machine: the smaller side is broadcast.

It takes the session that is active, or starts one (of this machine, unless ``spark-defaults.conf``
says another). Files larger than this machine go from Parquet to Parquet instead:
``blindlink.linker.spark.link_parquet``. How it works, what it needs: docs/how-to/link-on-spark.md.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes
from blindlink.linker.join.engines import Engine
from blindlink.linker.join.pairs import Join, Pairs
from blindlink.linker.spark import needed

with needed():
    from blindlink.linker.spark import selection
    from blindlink.linker.spark.exhaustive import CHUNK, exhaustive
    from blindlink.linker.spark.progress import watching
    from blindlink.linker.spark.records import Records, Rule
    from blindlink.linker.spark.session import clear_errors, session


class Spark(Engine):
    """The exact kernel over the partitions of the larger file. Raises MissingExtraError also where
    there is no Java."""

    in_process = False

    def batches(self, join: Join) -> Iterator[Pairs]:
        """See ``Engine``. One part, since Spark hands over its result as a whole."""
        left, right = join.left, join.others
        # In a file with itself the best of a row are known only when each pair is left once.
        top = None if join.right is None else join.top
        rule = Rule(float(join.threshold), int(left.shape[1]), join.length, join.measure, top)
        small = len(left) <= len(right)
        with clear_errors():
            spark = session()
            with watching(spark.sparkContext, join.progress, len(left)):
                fixed = spark.sparkContext.broadcast(_records(left if small else right))
                large = spark.createDataFrame(_table(right if small else left))
                pairs = exhaustive(large, fixed, rule, left_is_small=small)
                table = selection.best(pairs, top).toArrow()
                fixed.destroy()
        columns = (table.column(name).to_numpy() for name in ("left", "right", "score"))
        yield join.counting(Pairs(*columns))


def _records(filters: Bytes) -> Records:
    return Records(np.arange(len(filters)), np.ascontiguousarray(filters))


def _table(filters: Bytes) -> pa.Table:
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


engine = Spark()
