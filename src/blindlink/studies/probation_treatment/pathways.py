"""From a cohort to pathways: each requirement with the treatment of its linked person.

Everything is ordered by content and never by pseudonym or by row, so that the same data under other
pseudonyms give the same figures to the last digit.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.columns import day_number, mix, sum_hashes
from blindlink.analyst.study.spells import NONE
from blindlink.arrays import Bools, Int64s, Words
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.extracts import (
    ELIGIBLE,
    Problems,
    read_episodes,
    read_forms,
    read_requirements,
)
from blindlink.studies.probation_treatment.journeys import Journeys
from blindlink.studies.probation_treatment.populations import Populations


@dataclass(frozen=True)
class Pathways:
    """The typed study. Persons are codes: left 0..left_people-1, right 0..right_people-1.

    ``received``: every requirement row with its ``stage`` (``extracts``). ``cases``: the eligible
    ones, one row each, with ``person`` as a code. ``links`` and ``candidates``: columns left,
    right, probability (and ``method`` for links; for candidates ``linked``, and ``taken`` where the
    right person is linked to anybody) in order of content. ``candidate_counts``: in how many pairs
    above the threshold each left person stood. ``episodes`` and ``forms`` carry right codes.
    ``info`` is the cohort's own description.
    """

    settings: Settings
    info: dict[str, Any]
    received: pd.DataFrame
    cases: pd.DataFrame
    links: pd.DataFrame
    candidates: pd.DataFrame
    candidate_counts: Int64s
    episodes: pd.DataFrame
    forms: pd.DataFrame
    left_people: int
    right_people: int
    problems: pd.DataFrame

    @cached_property
    def journeys(self) -> Journeys:
        """Journeys by left person, over the episodes of all right persons linked to them."""
        pairs = self.links[["left", "right"]].rename(columns={"right": "person"})
        linked = self.episodes.merge(pairs, on="person")
        linked = linked.drop(columns="person").rename(columns={"left": "person"})
        return Journeys.merge(linked, self.settings.definitions.gap_days)

    @cached_property
    def right_journeys(self) -> Journeys:
        """Journeys by right person, linked or not."""
        return Journeys.merge(self.episodes, self.settings.definitions.gap_days)

    @cached_property
    def populations(self) -> Populations:
        """What the tables count."""
        return Populations.of(self.cases, self.links, self.settings.definitions)

    @property
    def end(self) -> float:
        """The end of the observation as days since 1970-01-01."""
        return day_number(self.settings.definitions.observation_end)

    def with_links(self, links: pd.DataFrame) -> "Pathways":
        """The same study under other links (columns left, right, probability, method)."""
        other = replace(self, links=links)
        return replace(other, cases=follow(other.cases, other.journeys, other))


def build(cohort: Cohort, settings: Settings) -> Pathways:
    """Read, check and join a cohort. Any table may be empty or absent."""
    problems = Problems()
    rules = settings.definitions
    owners = cohort.people["owner"].astype(str)
    left, right = (
        pd.Index(cohort.people.loc[owners == name, "person"].astype(str)).unique()
        for name in (settings.left, settings.right)
    )
    received = read_requirements(
        _table(cohort, settings.left, settings.events), left, rules, problems
    )
    episodes = read_episodes(_table(cohort, settings.right, settings.events), rules, problems)
    forms = read_forms(_table(cohort, settings.right, settings.details), problems)
    episodes = _known(episodes, right, "episodes", problems)
    forms = _known(forms, right, "details", problems)
    links = _pairs(cohort.links, left, right, "links", problems)
    candidates = _pairs(cohort.candidates, left, right, "candidates", problems)
    left_codes, right_codes = _codes(received, episodes, forms, links, candidates, left, right)
    eligible = received[received["stage"] == ELIGIBLE]
    cases = _coded(eligible, left_codes, ["person", "sentence_date", "hash"], "person")
    links = _coded_pairs(links, left_codes, right_codes)
    candidates = _coded_pairs(candidates, left_codes, right_codes)
    pathways = Pathways(
        settings=settings,
        info=dict(cohort.info),
        received=received,
        cases=cases,
        links=links,
        candidates=_mark_linked(candidates, links, len(right)),
        candidate_counts=_counts(cohort.candidate_counts, left_codes, settings.left),
        episodes=_coded(episodes, right_codes, ["person", "start", "end", "hash"], "person"),
        forms=_coded(forms, right_codes, ["person", "date", "hash"], "person"),
        left_people=len(left),
        right_people=len(right),
        problems=problems.frame(),
    )
    return replace(pathways, cases=follow(cases, pathways.journeys, pathways))


def follow(cases: pd.DataFrame, journeys: Journeys, pathways: Pathways) -> pd.DataFrame:
    """Cases with what the linked treatment records say about each.

    Adds: linked, engaged, entry (days from sentence to the first open journey, 0 when open on the
    sentence date, NaN without), journey (its number or -1), exit, exit_day, substance, follow_up
    (days to the end of observation) and order_days (days to the end of the order, inf when open).
    """
    cases = cases.copy()
    person = cases["person"].to_numpy(dtype=np.int64)
    sentence = cases["sentence_date"].to_numpy()
    has_link = np.zeros(pathways.left_people, dtype=bool)
    has_link[pathways.links["left"].to_numpy(dtype=np.int64)] = True
    found = journeys.next(person, sentence)
    cases["linked"] = has_link[person]
    cases["engaged"] = found != NONE
    cases["entry"] = np.maximum(journeys.pick(journeys.start, found, np.nan) - sentence, 0)
    cases["journey"] = found
    cases["exit"] = journeys.pick(journeys.exit, found, "")
    cases["exit_day"] = journeys.pick(journeys.end, found, np.nan)
    cases["substance"] = journeys.pick(journeys.substance, found, "")
    cases["follow_up"] = pathways.end - sentence
    cases["order_days"] = (cases["termination_date"] - sentence).fillna(np.inf)
    return cases


def _table(cohort: Cohort, owner: str, name: str) -> pd.DataFrame:
    return cohort.tables.get((owner, name), pd.DataFrame({"person": []}))


def _known(frame: pd.DataFrame, people: pd.Index, name: str, problems: Problems) -> pd.DataFrame:
    strangers = problems.add(
        name, "person not in the release", ~_among(frame["person"], people), "row left out"
    )
    return frame[~strangers].reset_index(drop=True)


def _pairs(
    frame: pd.DataFrame, left: pd.Index, right: pd.Index, name: str, problems: Problems
) -> pd.DataFrame:
    pairs = frame.assign(left=frame["left"].astype(str), right=frame["right"].astype(str))
    pairs["probability"] = pd.to_numeric(pairs["probability"]).astype(float)
    # The best comes first, so that of a pair that stands twice the same one is always kept.
    pairs = pairs.sort_values(["probability", "method"], ascending=False, ignore_index=True)
    unknown = ~(_among(pairs["left"], left) & _among(pairs["right"], right))
    again = pairs.duplicated(["left", "right"]).to_numpy()
    problems.add(name, "person not in the release", unknown, "pair left out")
    problems.add(name, "pair stands twice", again & ~unknown, "counted once")
    kept: pd.DataFrame = pairs[~(unknown | again)].reset_index(drop=True)
    return kept


def _codes(
    received: pd.DataFrame,
    episodes: pd.DataFrame,
    forms: pd.DataFrame,
    links: pd.DataFrame,
    candidates: pd.DataFrame,
    left: pd.Index,
    right: pd.Index,
) -> tuple[pd.Series, pd.Series]:
    """A code for each pseudonym, in the order of a hash of all that is known about the person.

    The hash takes in the person's own rows, then the rows of the persons joined to them, twice.
    People who are equal in all this are interchangeable in every statistic.
    """
    own = [
        _own(left, received),
        _own(right, episodes) ^ mix(_own(right, forms)),
    ]
    places = [(pd.Index(left), "left"), (pd.Index(right), "right")]
    for _ in range(2):
        seen = list(own)
        for pairs in (links, candidates):
            at = [index.get_indexer(pd.Index(pairs[name])) for index, name in places]
            weight = np.nan_to_num(pairs["probability"].to_numpy(), nan=-1.0).view(np.uint64)
            for mine, other in ((0, 1), (1, 0)):
                met = mix(seen[other][at[other]] ^ mix(weight))
                own[mine] = mix(own[mine] ^ sum_hashes(at[mine], met, len(own[mine])))
    first, second = (
        pd.Series(np.argsort(np.argsort(hashes, kind="stable")), index=index)
        for hashes, index in zip(own, (left, right), strict=True)
    )
    return first, second


def _among(names: pd.Series, people: pd.Index) -> Bools:
    # Series.isin is ten times slower on Arrow strings.
    return people.get_indexer(pd.Index(names)) >= 0


def _own(people: pd.Index, rows: pd.DataFrame) -> Words:
    at = people.get_indexer(pd.Index(rows["person"]))
    known = at >= 0
    return sum_hashes(at[known], mix(rows["hash"].to_numpy()[known]), len(people))


def _coded(frame: pd.DataFrame, codes: pd.Series, order: list[str], person: str) -> pd.DataFrame:
    coded = frame.assign(**{person: codes.reindex(frame[person]).to_numpy(dtype=np.int64)})
    return coded.sort_values(order, kind="stable", ignore_index=True)


def _coded_pairs(pairs: pd.DataFrame, left: pd.Series, right: pd.Series) -> pd.DataFrame:
    coded = pairs.assign(
        left=left.reindex(pairs["left"]).to_numpy(dtype=np.int64),
        right=right.reindex(pairs["right"]).to_numpy(dtype=np.int64),
    )
    return coded.sort_values(["left", "right"], kind="stable", ignore_index=True)


def _mark_linked(candidates: pd.DataFrame, links: pd.DataFrame, right_people: int) -> pd.DataFrame:
    """Whether the candidate is a link, and whether its right person is linked to anybody."""
    taken = np.zeros(right_people, dtype=bool)
    taken[links["right"].to_numpy(dtype=np.int64)] = True
    linked = links["left"].to_numpy(dtype=np.int64) * right_people + links["right"].to_numpy(
        dtype=np.int64
    )
    pair = candidates["left"].to_numpy(dtype=np.int64) * right_people + candidates[
        "right"
    ].to_numpy(dtype=np.int64)
    return candidates.assign(
        linked=np.isin(pair, linked),
        taken=taken[candidates["right"].to_numpy(dtype=np.int64)],
    )


def _counts(counts: pd.DataFrame, codes: pd.Series, owner: str) -> Int64s:
    mine = counts[(counts["owner"] == owner) & counts["person"].isin(codes.index)]
    totals = np.zeros(len(codes), dtype=np.int64)
    totals[codes.reindex(mine["person"]).to_numpy(dtype=np.int64)] = mine["count"].to_numpy()
    return totals
