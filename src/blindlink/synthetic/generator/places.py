"""Where people live: outward postcode areas nested in local authorities nested in regions.

Authorities and their residents (thousands, rounded) are public facts of the 2021 census; the
outward areas carry the letters of the real postcode areas and running numbers, one per 22,000
residents.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from blindlink.arrays import Floats, Int64s, Objects

RESIDENTS_PER_OUTWARD = 22
# Treatment and probation are denser where deprivation is; rough ratios to the national rate.
DENSITY = {
    "North East": 1.5,
    "North West": 1.35,
    "Yorkshire and The Humber": 1.3,
    "East Midlands": 1.0,
    "West Midlands": 1.05,
    "East of England": 0.8,
    "London": 0.9,
    "South East": 0.75,
    "South West": 0.95,
}


@dataclass(frozen=True)
class Places:
    """All outward areas, ordered by region and authority, so that both are ranges of positions.

    ``outward``, ``authority``, ``region``: names (k,); ``cumulative``: running weight (k + 1,).
    ``authority_range``, ``region_range``: (k, 2) first position and one past the last.
    """

    outward: Objects
    authority: Objects
    region: Objects
    cumulative: Floats
    authority_range: Int64s
    region_range: Int64s

    def draw(self, rng: np.random.Generator, n: int) -> Int64s:
        """Positions of ``n`` homes, by weight."""
        return self._at(rng.random(n) * self.cumulative[-1])

    def elsewhere(self, rng: np.random.Generator, home: Int64s, level: int) -> Int64s:
        """Another home for each: 1 in the same authority, 2 in the same region, 3 in another one.

        An authority of one area, where level 1 has no other, keeps it.
        """
        k = len(self.outward)
        ranges = (
            np.column_stack([home, home + 1]),
            self.authority_range[home],
            self.region_range[home],
            np.tile(np.array([[0, k]]), (len(home), 1)),
        )
        inner, outer = self.cumulative[ranges[level - 1]], self.cumulative[ranges[level]]
        room = (outer[:, 1] - outer[:, 0]) - (inner[:, 1] - inner[:, 0])
        spot = outer[:, 0] + rng.random(len(home)) * room
        spot += np.where(spot >= inner[:, 0], inner[:, 1] - inner[:, 0], 0.0)
        return np.where(room > 0, self._at(spot), home)

    def _at(self, spot: Floats) -> Int64s:
        found = np.searchsorted(self.cumulative, spot, side="right") - 1
        return np.clip(found, 0, len(self.outward) - 1)


@cache
def england() -> Places:
    """The places of England; made once."""
    rows = _authorities()
    numbers: dict[str, int] = {}
    outward, authority, region, weight = [], [], [], []
    for row in rows:
        residents, areas = int(row["residents_thousand"]), row["postcode_areas"].split()
        count = max(1, round(residents / RESIDENTS_PER_OUTWARD))
        for i in range(count):
            area = areas[i * len(areas) // count]
            numbers[area] = numbers.get(area, 0) + 1
            outward.append(f"{area}{numbers[area]}")
            authority.append(row["local_authority"])
            region.append(row["region"])
            # A few areas of an authority hold most of its people.
            weight.append(residents * DENSITY[row["region"]] / count * (1.6 - 1.2 * i / count))
    return Places(
        outward=np.array(outward, dtype=object),
        authority=np.array(authority, dtype=object),
        region=np.array(region, dtype=object),
        cumulative=np.concatenate([[0.0], np.cumsum(weight)]),
        authority_range=_ranges(authority),
        region_range=_ranges(region),
    )


def _authorities() -> list[dict[str, str]]:
    text = (
        resources.files("blindlink.synthetic.generator")
        .joinpath("data/places.csv")
        .read_text("utf-8")
    )
    return list(csv.DictReader(text.splitlines()))


def _ranges(names: list[str]) -> Int64s:
    found = np.array(names)
    starts = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]]))
    ends = np.append(starts[1:], len(found))
    group = np.searchsorted(starts, np.arange(len(found)), side="right") - 1
    return np.column_stack([starts[group], ends[group]]).astype(np.int64)
