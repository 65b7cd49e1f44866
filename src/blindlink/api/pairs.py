"""All similar pairs of two sets of encodings, or of one, exactly: for research and duplicates."""

from typing import TYPE_CHECKING

from blindlink.api.encoding import Encodings
from blindlink.api.extras import needs
from blindlink.api.linking import check_encodings
from blindlink.api.tables import Tabular
from blindlink.errors import InputError
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from blindlink.linker.join.pairs import Pairs as FoundPairs


class Pairs(Tabular):
    """Similar pairs, best first. A row of its table: ``left``, ``right``, their record ids where
    these are known, ``score``. ``engine`` compared them.
    """

    def __init__(
        self, pairs: "FoundPairs", left: Encodings, right: Encodings, engine: str, asked: str
    ) -> None:
        self._pairs, self._sides, self._kind = pairs, (left, right), left._kind
        self.engine, self._asked = engine, asked

    def to_arrow(self) -> "pa.Table":
        """The pairs as a pyarrow table."""
        import pyarrow

        left, right = self._sides
        columns = {
            "left": pyarrow.array(left.records.row[self._pairs.left]),
            "right": pyarrow.array(right.records.row[self._pairs.right]),
        }
        for name, side in (("left", left), ("right", right)):
            if side.ids is not None:
                columns[f"{name}_id"] = side.ids.take(getattr(self._pairs, name))
        columns["score"] = pyarrow.array(self._pairs.score)
        return pyarrow.table(columns)

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"<Pairs {len(self):,} with {self._asked}, engine {self.engine}>"


@needs("linker")
def join(
    left: Encodings,
    right: Encodings | None = None,
    *,
    threshold: float,
    top: int | None = None,
    measure: str = "dice",
    filter_number: int = 1,
    engine: str = "auto",
    limit: int = 67_108_864,
    progress: Progress = silent,
) -> Pairs:
    """All pairs with a similarity of ``threshold`` or more, none missed; of one set, each once.

    ``top``: only the best so many of each left record, and of these of each right record.
    ``measure``: dice, jaccard, cosine, overlap or hamming. ``filter_number``: which filter, from 1.
    ``engine``: what compares, the fastest that is installed unless named; the pairs are the same.

    Raises InputError where an argument makes no sense or more than ``limit`` pairs were found
    (``blindlink clk pairs`` writes any number), SchemaError or KeyFileError where the two do not
    belong together.
    """
    from blindlink.linker.join import engines
    from blindlink.linker.join.pairs import Join
    from blindlink.linker.model.link import check

    check_encodings(left, "left")
    second = left if right is None else right
    check_encodings(second, "right")
    check(left.records, second.records)
    if not 1 <= filter_number <= len(left.bits):
        raise InputError(f"no filter {filter_number}: a record has {len(left.bits)}")
    a, b = (side.records.filters[filter_number - 1] for side in (left, second))
    bits = left.bits[filter_number - 1]
    name = engines.choose(len(a), len(b), bits)[0] if engine == "auto" else engine
    wanted = Join(a, None if right is None else b, threshold, top, measure, bits, progress)
    found = engines.load(name).bounded(wanted, limit=limit)
    asked = f"{measure} {threshold:g} or more"
    return Pairs(found, left, second, name, asked)
