"""Cells that are known to be equal become one cell: withheld together or published together."""

from collections.abc import Iterable

from blindlink.analyst.disclosure.cells import Cells, Relation, Terms


def merged(cells: Cells, relations: Iterable[Relation], likely: Iterable[Relation] = ()) -> Cells:
    """The cells with these relations, in which every equation of two cells is used up.

    ``likely`` are equations that only the values suggest. One that would make a part of a sum equal
    to its total, or to another part, is not believed: nobody who does not see the values could.
    The detail of a merged cell is the least of its parts: what is a total anywhere is dear.
    """
    kept = list(dict.fromkeys(relations))
    leader = list(range(len(cells.value)))
    for relation in kept:
        if _is_equality(relation):
            one, two = (_leader(leader, cell) for cell, _ in relation.terms)
            leader[max(one, two)] = min(one, two)
    _join_likely(leader, kept, likely)
    number: dict[int, int] = {}
    place = [number.setdefault(_leader(leader, cell), len(number)) for cell in range(len(leader))]
    result = Cells(value=[cells.value[cell] for cell in number])
    result.detail = [max(cells.detail, default=0.0)] * len(number)
    for cell, target in enumerate(place):
        result.detail[target] = min(result.detail[target], cells.detail[cell])
    result.at = {where: place[cell] for where, cell in cells.at.items()}
    result.relations = _rewritten(kept, place)
    return result


def _join_likely(leader: list[int], kept: list[Relation], likely: Iterable[Relation]) -> None:
    """Join the cells of likely equations, unless a sum names them both; changes ``leader``."""
    sums: dict[int, set[int]] = {}
    for index, relation in enumerate(kept):
        if relation.low == relation.high and not _is_equality(relation):
            for cell, _ in relation.terms:
                sums.setdefault(_leader(leader, cell), set()).add(index)
    for relation in likely:
        one, two = sorted(_leader(leader, cell) for cell, _ in relation.terms)
        if one != two and not sums.get(one, set()) & sums.get(two, set()):
            leader[two] = one
            sums[one] = sums.get(one, set()) | sums.get(two, set())


def _rewritten(relations: Iterable[Relation], place: list[int]) -> list[Relation]:
    found: dict[Relation, None] = {}
    for relation in relations:
        terms = _collected(relation.terms, place)
        if terms:
            found[Relation(terms, relation.low, relation.high)] = None
    return list(found)


def _collected(terms: Terms, place: list[int]) -> Terms:
    factors: dict[int, int] = {}
    for cell, factor in terms:
        factors[place[cell]] = factors.get(place[cell], 0) + factor
    return tuple(sorted((cell, factor) for cell, factor in factors.items() if factor))


def _is_equality(relation: Relation) -> bool:
    exact = relation.low == relation.high == 0
    return exact and sorted(factor for _, factor in relation.terms) == [-1, 1]


def _leader(leader: list[int], cell: int) -> int:
    while leader[cell] != cell:
        leader[cell] = leader[leader[cell]]
        cell = leader[cell]
    return cell
