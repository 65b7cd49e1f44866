"""The synthetic study: both extracts and, kept apart, the truth.

``generate`` is a pure function of its parameters and seed; ``write`` puts each table under its name
in a folder.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink import frames
from blindlink.arrays import Int64s
from blindlink.errors import InputError
from blindlink.progress import Progress, silent
from blindlink.synthetic.generator import cases, extracts, probation, top, treatment, truth
from blindlink.synthetic.generator.engagement import draw_engagement
from blindlink.synthetic.generator.identifiers import (
    Vocabulary,
    moj_identities,
    moved_places,
    ohid_identities,
    treatment_places,
)
from blindlink.synthetic.generator.names import english_names
from blindlink.synthetic.generator.parameters import Parameters
from blindlink.synthetic.generator.places import england
from blindlink.synthetic.generator.population import TREATMENT_PEOPLE, People, draw_people, join
from blindlink.synthetic.generator.unusable import with_unusable

FEWEST_PEOPLE = 1_000
MOST_PEOPLE = 5_000_000
NO_PLACE = -1


@dataclass(frozen=True)
class Study:
    """The tables by owner and name, such as ``moj/identities`` and ``truth/people``.

    Every cell of a CSV written from them is text, dates are YYYY-MM-DD, empty is missing.
    """

    tables: Mapping[str, pa.Table]
    parameters: Parameters
    seed: int


def generate(parameters: Parameters, *, seed: int, progress: Progress = silent) -> Study:
    """The whole study. Raises InputError for a number of people that makes no study."""
    _check(parameters)
    rng = _streams(seed)
    words = Vocabulary(english_names(), england(), parameters.errors)
    people, frame = probation.draw_probation(
        next(rng), parameters, names=words.names, places=words.places
    )
    progress(1, 5)
    journeys = _cohort(next(rng), frame, parameters)
    episodes, others = _episodes(next(rng), journeys, len(people), parameters)
    strangers = draw_people(
        next(rng),
        TREATMENT_PEOPLE,
        np.full(others, parameters.first_day + 600),
        names=words.names,
        places=words.places,
    )
    everyone = join(people, strangers)
    progress(2, 5)
    episodes, entities = _entities(next(rng), episodes, everyone, len(people), words)
    forms = top.top_forms(next(rng), episodes, parameters.last_day)
    progress(3, 5)
    mine = episodes[episodes["person"] < len(people)]
    true = truth.engagement(frame, mine)
    frame = cases.close_cases(next(rng), frame, journeys, true["engaged"].to_numpy(), parameters)
    known = _known_places(entities, len(people))
    identities = moj_identities(next(rng), people, known, words)
    moj = extracts.moj_tables(next(rng), frame, identities, people, words.places)
    progress(4, 5)
    records = ohid_identities(
        next(rng), everyone, entities["person"].to_numpy(), entities["place"].to_numpy(), words
    )
    ohid = extracts.ohid_tables(
        next(rng), entities, records, episodes, forms, everyone, words.places
    )
    truths = extracts.truth_tables(moj, ohid, true, entities, frame)
    progress(5, 5)
    tables = {**moj.tables, **ohid.tables, **truths}
    events = with_unusable(next(rng), moj.tables["moj/events"], parameters)
    tables["moj/events"] = events
    return Study(tables=tables, parameters=parameters, seed=seed)


def write(study: Study, folder: Path, *, owners: Iterable[str] = ("moj", "ohid", "truth")) -> None:
    """Write the tables as CSV files, ``folder/moj/identities.csv`` and so on.

    The folders are made; raises OutputError when a file exists.
    """
    for name, table in study.tables.items():
        owner, _, stem = name.partition("/")
        if owner in owners:
            (folder / owner).mkdir(parents=True, exist_ok=True)
            frames.write_table(table, folder / owner / f"{stem}.csv")


def _check(parameters: Parameters) -> None:
    if not FEWEST_PEOPLE <= parameters.people <= MOST_PEOPLE:
        raise InputError(
            f"the study needs {FEWEST_PEOPLE:,} to {MOST_PEOPLE:,} treatment people",
            hint="choose another number of people",
        )


def _streams(seed: int) -> Iterator[np.random.Generator]:
    """One independent generator after the other, so that a change in one part spares the rest."""
    root = np.random.SeedSequence(seed)
    while True:
        yield np.random.Generator(np.random.PCG64(root.spawn(1)[0]))


def _cohort(rng: np.random.Generator, frame: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    odds = probation.log_odds(frame, parameters.effects, parameters.first_day)
    engaged = draw_engagement(rng, frame, odds, parameters)
    first, last = (frame.groupby("person")["date"].agg(end).to_numpy() for end in ("min", "max"))
    return treatment.cohort_journeys(rng, engaged, first, last, parameters)


def _episodes(
    rng: np.random.Generator, journeys: pd.DataFrame, cohort: int, parameters: Parameters
) -> tuple[pd.DataFrame, int]:
    """The episodes of everybody with ``part`` and ``consents``, and the number of strangers.

    The cohort's persons come first; strangers are added until OHID holds ``parameters.people``.
    """
    own = treatment.episodes(rng, journeys, parameters, cohort=True)
    own["part"] = treatment.parts(rng, own, parameters.errors.movers_with_several_episodes)
    withheld = rng.random(cohort) < parameters.errors.no_consent
    own["consents"] = ~withheld[own["person"]]
    held = own[own["consents"]].drop_duplicates(["person", "part"])
    missing = parameters.people - len(held)
    drawn = treatment.background_journeys(rng, max(missing, 0), parameters)
    others = treatment.episodes(rng, drawn, parameters, cohort=False)
    others["part"] = treatment.parts(rng, others, parameters.errors.movers_with_several_episodes)
    others = _first_entities(others, missing)
    others["consents"] = True
    strangers = int(others["person"].max()) + 1 if len(others) else 0
    others["person"] += cohort
    return pd.concat([own, others], ignore_index=True), strangers


def _first_entities(others: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """The episodes of as many persons, numbered anew, as make exactly ``wanted`` entities."""
    parts = others.groupby("person")["part"].max() + 1
    # Persons of one entity last, so that any number can be hit.
    order = parts.sort_values(ascending=False, kind="stable")
    movers_first = order[order.cumsum() <= wanted]
    number = pd.Series(np.arange(len(movers_first)), index=movers_first.index)
    kept = others[others["person"].isin(movers_first.index)].copy()
    kept["person"] = kept["person"].map(number)
    return kept.sort_values(["person", "start", "end"], kind="stable", ignore_index=True)


def _entities(
    rng: np.random.Generator,
    episodes: pd.DataFrame,
    everyone: People,
    cohort: int,
    words: Vocabulary,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Episodes with their ``entity`` (row of the second frame), and the entities.

    Entity columns: person, part, consents, place.
    """
    entities = episodes.drop_duplicates(["person", "part"])[["person", "part", "consents"]]
    entities = entities.sort_values(["person", "part"], ignore_index=True)
    person = entities["person"].to_numpy()
    home = everyone.home[person]
    # Strangers have no probation address to differ from.
    seen = np.where(person < cohort, treatment_places(rng, home, words), home)
    moved = moved_places(rng, home, words.places)
    entities["place"] = np.where(entities["part"] > 0, moved, seen)
    number = entities.reset_index(names="entity")[["person", "part", "entity"]]
    return episodes.merge(number, on=["person", "part"], how="left"), entities


def _known_places(entities: pd.DataFrame, cohort: int) -> Int64s:
    """A place where treatment knows each of the cohort's people, or NO_PLACE."""
    first = entities[entities["person"] < cohort].drop_duplicates("person", keep="last")
    place = np.full(cohort, NO_PLACE, dtype=np.int64)
    place[first["person"].to_numpy()] = first["place"].to_numpy()
    return place
