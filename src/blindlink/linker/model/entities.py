"""Records and entities: a link by any row of an entity is a link of the entity.

An owner may send several rows for one entity (names, aliases, addresses). Floats are found between
rows; from here on everything is counted between entities, whose score is that of their best rows.
"""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Bools, Bytes, Floats, Int64s, Objects
from blindlink.linker.join.pairs import Pairs, ordered
from blindlink.messages.encodings import Encodings


@dataclass(frozen=True)
class Side:
    """One owner's records: filters per row, the entity number of each row, and the entities' names.

    ``comparable`` marks entities with at least one filter that is not empty.
    """

    filters: tuple[Bytes, ...]
    entity: Int64s
    names: Objects
    comparable: Bools

    def __len__(self) -> int:
        """The number of entities."""
        return len(self.names)

    def joined(self, group: Int64s) -> "Side":
        """The same rows with entities joined to groups, numbered from 0, named by their first."""
        count = int(group.max(initial=-1)) + 1
        first = np.full(count, len(group))
        np.minimum.at(first, group, np.arange(len(group)))
        comparable = np.zeros(count, bool)
        np.logical_or.at(comparable, group, self.comparable)
        return Side(self.filters, group[self.entity], self.names[first], comparable)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.entity)


@dataclass(frozen=True)
class EntityPairs:
    """Pairs of entities with the score and the rows (positions) of their best pair of rows.

    Sorted by score, highest first, then left row, then right row.
    """

    left: Int64s
    right: Int64s
    score: Floats
    left_row: Int64s
    right_row: Int64s

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: Int64s | Bools) -> "EntityPairs":
        """The pairs at these positions, or where this mask holds."""
        return EntityPairs(
            self.left[index],
            self.right[index],
            self.score[index],
            self.left_row[index],
            self.right_row[index],
        )


def side(encodings: Encodings) -> Side:
    """Number the entities in order of their first row; without entities every row is one."""
    if encodings.entity is None:
        entity = np.arange(len(encodings), dtype=np.int64)
        names = encodings.row.astype(object)
    else:
        names, first, inverse = np.unique(
            encodings.entity.astype(str), return_index=True, return_inverse=True
        )
        order = np.argsort(first, kind="stable")
        entity = np.argsort(order, kind="stable")[inverse].astype(np.int64)
        names = names[order].astype(object)
    filled = np.zeros(len(names), bool)
    filled[entity[encodings.filters[0].any(axis=1)]] = True
    return Side(encodings.filters, entity, names, filled)


def collapse(pairs: Pairs, left: Side, right: Side) -> EntityPairs:
    """The best pair of rows of every pair of entities."""
    pairs = ordered(pairs)
    a, b = left.entity[pairs.left], right.entity[pairs.right]
    _, first = np.unique(a * max(len(right), 1) + b, return_index=True)
    first.sort()
    return EntityPairs(
        a[first], b[first], pairs.score[first], pairs.left[first], pairs.right[first]
    )
