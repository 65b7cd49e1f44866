"""Two small files of encodings with known truth: people with a few fields, some in both files.

Every value of a field sets its own random bits, more for a field that tells more, so the scores
have the lumps of real encodings. Some people of the second file have a wrong field.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blindlink.messages.encodings import Encodings

# Values per field, bits per value, and how often the second file has another value.
FIELDS = ((26, 40, 0.01), (26, 40, 0.02), (60, 60, 0.004), (336, 80, 0.004), (200, 80, 0.2))
BITS = 1024


@dataclass(frozen=True)
class LinkedFiles:
    """``truth`` holds (left row, right row) of the same person."""

    left: Encodings
    right: Encodings
    truth: frozenset[tuple[int, int]]

    def quality(self, left_rows: object, right_rows: object) -> tuple[float, float]:
        """Precision and recall of links between rows."""
        links = {(int(a), int(b)) for a, b in zip(left_rows, right_rows, strict=True)}  # type: ignore[call-overload]
        hits = len(links & self.truth)
        return hits / max(len(links), 1), hits / max(len(self.truth), 1)


def encodings(
    filters: npt.NDArray[np.uint8], entity: list[str] | None = None, **change: object
) -> Encodings:
    """Encodings of these filters, of a fixed schema and key."""
    known: dict[str, object] = {
        "filters": (filters,),
        "bits": (8 * filters.shape[1],),
        "row": np.arange(len(filters), dtype=np.int64),
        "entity": None if entity is None else np.array(entity, dtype=object),
        "match_keys": (),
        "schema_fingerprint": "schema",
        "key_check": "0123456789abcdef",
        "encoder": "tests",
    }
    return Encodings(**{**known, **change})  # type: ignore[arg-type]


def people(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Values of every field. Shape: (count, fields)."""
    return np.column_stack([rng.integers(0, values, count) for values, _, _ in FIELDS])


def with_errors(records: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The same people as another file has them."""
    wrong = np.column_stack([rng.random(len(records)) < share for _, _, share in FIELDS])
    return np.where(wrong, people(len(records), rng), records)


def filters(records: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The filters of records: each field's value sets its bits. Shape: (count, BITS / 8)."""
    rng = np.random.default_rng(99)
    bits = np.zeros((len(records), BITS), bool)
    for field, (values, count, _) in enumerate(FIELDS):
        table = rng.integers(0, BITS, (values, count))
        np.put_along_axis(bits, table[records[:, field]], True, axis=1)
    return np.packbits(bits, axis=1)


def linked_files(left: int, right: int, common: int, seed: int = 1) -> LinkedFiles:
    """Files of these sizes with so many people in both, shuffled."""
    rng = np.random.default_rng(seed)
    everyone = people(left + right - common, rng)
    a, b = rng.permutation(left), rng.permutation(right)
    second = np.concatenate([with_errors(everyone[:common], rng), everyone[left:]])
    truth = zip(np.argsort(a)[:common], np.argsort(b)[:common], strict=True)
    return LinkedFiles(
        encodings(filters(everyone[:left][a])),
        encodings(filters(second[b])),
        frozenset((int(x), int(y)) for x, y in truth),
    )
