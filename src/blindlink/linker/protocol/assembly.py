"""Who goes into a release: pseudonyms, policies, pairs between entities of all owners.

The linker cannot tell control records apart. They are forwarded like everybody else, and their
number and marks travel in the owner's own section to the analyst, so the rate of false links has
its denominator under every policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s, Objects, Structs
from blindlink.keys import Entropy
from blindlink.linker.protocol.intake import Taken
from blindlink.messages.agreement.terms import ReleasePolicy
from blindlink.messages.release import ENTITY, PAIR


@dataclass(frozen=True)
class Pairs:
    """Entity pairs of two owners: entity and row numbers within each, probability, method.

    The rows are those of the best pair of rows of the two entities.
    """

    left: Int64s
    right: Int64s
    left_row: Int64s
    right_row: Int64s
    probability: Floats
    method: Objects

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class OwnerPair:
    """What linking two owners (by their place in the agreement) gave.

    ``counts``: for all entities of the left and of the right owner, candidates before one-to-one.
    """

    left: int
    right: int
    links: Pairs
    candidates: Pairs
    counts: tuple[Int64s, Int64s]


@dataclass(frozen=True)
class Listed:
    """The entities of one owner that a release names, in the order of their first blob.

    ``number``: their entity numbers; ``place`` (entities of the owner,): where each stands here.
    """

    number: Int64s
    place: Int64s
    rows: Structs

    @property
    def forwarded(self) -> Bools:
        """Whose blobs go along."""
        return np.asarray(self.rows["forwarded"] == 1)


def list_entities(
    taken: Sequence[Taken],
    policies: Sequence[ReleasePolicy],
    pairs: Sequence[OwnerPair],
    entropy: Entropy,
) -> list[Listed]:
    """Apply each owner's policy and give every named entity a fresh pseudonym."""
    return [
        _listed(each, policy, _Involved.of(owner, len(each.withdrawn), pairs), entropy)
        for owner, (each, policy) in enumerate(zip(taken, policies, strict=True))
    ]


def pair_rows(
    pairs: Iterable[tuple[OwnerPair, Pairs]], listed: Sequence[Listed], methods: Sequence[str]
) -> Structs:
    """Pairs as rows of a release: entities numbered over all owners, sorted by left, then right."""
    starts = np.cumsum([0, *(len(each.number) for each in listed)])
    parts = [np.zeros(0, PAIR)]
    for owners, found in pairs:
        rows = np.zeros(len(found.left), PAIR)
        rows["left"] = starts[owners.left] + listed[owners.left].place[found.left]
        rows["right"] = starts[owners.right] + listed[owners.right].place[found.right]
        rows["probability"] = found.probability
        rows["method"] = [methods.index(method) for method in found.method]
        parts.append(rows)
    merged = np.concatenate(parts).astype(PAIR)  # concatenating loses the byte order
    return merged[np.lexsort((merged["right"], merged["left"]))]


def method_names(pairs: Sequence[OwnerPair]) -> list[str]:
    """Every method that found a pair, sorted."""
    found = (np.concatenate([each.links.method, each.candidates.method]) for each in pairs)
    return sorted({str(name) for names in found for name in names})


@dataclass(frozen=True)
class _Involved:
    """Which entities of one owner stand in links, stand in candidates, and their counts."""

    linked: Bools
    candidate: Bools
    counts: Int64s

    @classmethod
    def of(cls, owner: int, entities: int, pairs: Sequence[OwnerPair]) -> "_Involved":
        linked, candidate = np.zeros(entities, bool), np.zeros(entities, bool)
        counts = np.zeros(entities, np.int64)
        for each in pairs:
            if owner == each.left:
                linked[each.links.left] = candidate[each.candidates.left] = True
                counts += each.counts[0]
            elif owner == each.right:
                linked[each.links.right] = candidate[each.candidates.right] = True
                counts += each.counts[1]
        return cls(linked, candidate | linked, counts)


def _listed(taken: Taken, policy: ReleasePolicy, found: _Involved, entropy: Entropy) -> Listed:
    chosen = {"all": ~taken.withdrawn, "candidates": found.candidate, "matched": found.linked}
    forwarded = chosen[policy]
    number = np.flatnonzero(forwarded | found.candidate)
    first = taken.records.first_blob[number]
    rows = np.zeros(len(number), ENTITY)
    rows["pseudonym"] = np.frombuffer(entropy(16 * len(number)), np.uint8).reshape(-1, 16)
    rows["first_blob"] = taken.blob_ids[first]
    rows["place"], rows["blobs"] = first, taken.records.blobs[number]
    rows["candidates"] = found.counts[number]
    rows["forwarded"] = forwarded[number]
    place = np.full(len(found.linked), -1)
    place[number] = np.arange(len(number))
    return Listed(number, place, rows)
