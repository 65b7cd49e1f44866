"""blindlink's encodings beside Splink on the plain text of the same tables: best F1 and F1 as set.

    python -m benchmarks.splink_peer --seeds 2 --out peer.json --page docs/reference/quality.md

Needs the dependency group ``quality`` (Splink 4, DuckDB, pseudopeople). Splink gets the columns
that the profile gets, normalised in the same way, and is given its best: comparisons with several
levels from its own library, u from random pairs, m by EM from two blockings, with and without term
frequencies (the better of the two by its best F1 counts, though nobody could know which it is
without the truth), and blocking rules of which a true pair has to meet only one; the share that
meets none is printed. Both sides are assigned greedily under the same cardinality. ``auto`` is
blindlink's threshold, chosen without truth; Splink's is a match probability of .95.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from benchmarks.quality import best_of, insert, measure, versions
from benchmarks.quality_sets import DataSet, Files, every
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from blindlink.owner.encoding.columns import derive
from blindlink.owner.encoding.problems import Problems
from blindlink.schema.document import LinkageSchema
from blindlink.schema.profiles.making import PEOPLE, new_schema

SURE = 0.95
RANDOM_PAIRS = 4e6
PROFILES = ("weak", "names")
NAMES = ("forename", "surname")
# The records of one person share one of these, as a rule. A rule with few values goes with others.
RULES: tuple[tuple[str, ...], ...] = (
    ("forename",),
    ("surname",),
    ("date_of_birth",),
    ("postcode",),
    ("address",),
    ("outward", "first_initial"),
    ("outward", "last_initial"),
    ("outward", "birth_year"),
    ("first_initial", "last_initial", "birth_year"),
    ("first_initial", "last_initial", "birth_month", "birth_day"),
    ("first_initial", "birth_year", "birth_month"),
    ("last_initial", "birth_year", "birth_month"),
    ("local_authority", "first_initial"),
    ("local_authority", "birth_year"),
)


@dataclass(frozen=True)
class Peer:
    """Splink on one set. ``unreached``: share of the true pairs that meet no blocking rule."""

    best_f1: float
    sure_f1: float
    term_frequencies: bool
    unreached: float
    compared: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """One set with one seed, both methods; ``refused``: blindlink found no threshold.

    ``large_f1``: best F1 with the default schema, for PEOPLE; the others are for the set's size.
    """

    name: str
    profile: str
    seed: int
    true_pairs: int
    best_f1: float
    auto_f1: float
    large_f1: float
    peer: Peer
    refused: bool


def main() -> int:
    """Run the sets with every seed, print a line for each, write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=901)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="", help="sets whose name or profile holds this text")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument(
        "--results", type=Path, nargs="*", help="earlier --out files, not to repeat"
    )
    chosen = parser.parse_args()
    logging.getLogger("splink").setLevel(logging.ERROR)
    rows = [row for path in chosen.results or () for row in _read(path)]
    for data in () if rows else every(chosen.scale):
        if data.profile not in PROFILES or chosen.only not in f"{data.name} {data.profile}":
            continue
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            rows.append(both(data, seed))
            print(_line(rows[-1]), flush=True)
            if chosen.out:
                chosen.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if chosen.page:
        insert(chosen.page, "splink", table(rows))
    return 0


def _read(path: Path) -> list[Row]:
    found = json.loads(path.read_text())
    return [Row(**{**each, "peer": Peer(**each["peer"])}) for each in found]


def both(data: DataSet, seed: int) -> Row:
    """blindlink by its default plan and Splink, on the same tables."""
    files = data.make(seed)
    found, large = measure(data, seed), measure(data, seed, PEOPLE)
    return Row(
        data.name,
        data.profile,
        seed,
        len(files.truth),
        found.best_f1 if found else 0.0,
        found.f1 if found else 0.0,
        large.best_f1 if large else 0.0,
        splink(files, data.profile),
        found is None,
    )


def splink(files: Files, profile: str) -> Peer:
    """Splink without and with term frequencies; the better best F1 counts."""
    schema, _ = new_schema(profile, [files.left.column_names, files.right.column_names])
    sides = [plain(table, schema) for table in (files.left, files.right)]
    tries = [_once(files, sides, adjusted) for adjusted in (False, True)]
    return max(tries, key=lambda peer: peer.best_f1)


def plain(table: pa.Table, schema: LinkageSchema) -> pd.DataFrame:
    """The columns that the schema's tokens are made of, as normalised text; "" is missing.

    A date stands whole as well as in parts, names and addresses keep their spaces.
    """
    derived = derive(table, schema, Problems())
    found = {
        name: np.array(column.values, object)[column.codes] for name, column in derived.items()
    }
    found["unique_id"] = np.arange(len(table))
    parts = [found[f"birth_{part}"] for part in ("year", "month", "day")]
    dates = ["-".join(each) if all(each) else None for each in zip(*parts, strict=True)]
    for name in ("address", "postcode"):
        if name in found:
            found[name] = np.array(table[name].to_pylist(), object)
    frame = pd.DataFrame(found).replace({"": None})
    frame["date_of_birth"] = np.array(dates, object)
    return frame.astype(object).where(frame.notna(), None)


def settings(columns: set[str], adjusted: bool) -> SettingsCreator:
    """Comparisons for these columns; ``adjusted`` by term frequencies."""
    return SettingsCreator(
        link_type="link_only",
        comparisons=list(_comparisons(columns, adjusted)),
        blocking_rules_to_generate_predictions=_rules(columns),
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )


def _once(files: Files, sides: list[pd.DataFrame], adjusted: bool) -> Peer:
    columns = set(sides[0].columns) & set(sides[1].columns)
    started = time.perf_counter()
    api = DuckDBAPI()
    linker = Linker(
        sides, settings(columns, adjusted), db_api=api, input_table_aliases=["file_a", "file_b"]
    )
    _train(linker, columns)
    predicted = linker.inference.predict().as_pandas_dataframe()
    seconds = time.perf_counter() - started
    left, right = (
        predicted[f"unique_id_{side}"].to_numpy(np.int64)
        for side in _sides(predicted["source_dataset_l"])
    )
    weight = predicted["match_weight"].to_numpy(float)
    chance = predicted["match_probability"].to_numpy(float)
    order = np.lexsort((right, left, -weight))
    pairs = assigned(files, left[order], right[order])
    score, chance = weight[order][pairs.place], chance[order][pairs.place]
    hits = pairs.right[chance >= SURE].sum()
    sure = 2 * hits / max((chance >= SURE).sum() + len(files.truth), 1)
    return Peer(
        best_f1=best_of(score, pairs.right, len(files.truth))[0],
        sure_f1=float(sure),
        term_frequencies=adjusted,
        unreached=1 - len(pairs.reached) / len(files.truth),
        compared=len(predicted),
        seconds=seconds,
    )


@dataclass(frozen=True)
class Assigned:
    """Pairs that the cardinality keeps: their places in the order, and which are right.

    ``reached``: the true pairs among all that were compared.
    """

    place: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    reached: set[tuple[str, str]]


def assigned(files: Files, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> Assigned:
    """Greedy assignment, best pair first: what blindlink does under the same cardinality."""
    first, second = files.keys
    place, correct, seen, reached = [], [], set(), set()
    used: tuple[set[str], set[str]] = (set(), set())
    for number, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        pair = first[a], second[b]
        if pair in seen:
            continue
        seen.add(pair)
        if pair in files.truth:
            reached.add(pair)
        taken = files.cardinality == "one-to-one" and pair[0] in used[0]
        if taken or (files.cardinality != "many-to-many" and pair[1] in used[1]):
            continue
        used[0].add(pair[0])
        used[1].add(pair[1])
        place.append(number)
        correct.append(pair in files.truth)
    return Assigned(np.array(place, np.int64), np.array(correct, bool), reached)


def _sides(dataset: "pd.Series[str]") -> tuple[str, str]:
    """Which of Splink's two sides is our left file; it orders them by name."""
    return ("l", "r") if (dataset == "file_a").all() else ("r", "l")


def _train(linker: Linker, columns: set[str]) -> None:
    """u from random pairs, m by EM from blockings that leave each comparison free once."""
    names = [name for name in (*NAMES, "first_initial", "last_initial") if name in columns][:2]
    linker.training.estimate_probability_two_random_records_match(
        [block_on("date_of_birth", *names)], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=1)
    for rule in (["date_of_birth"], names):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))


def _rules(columns: set[str]) -> list[Any]:
    rules = [block_on(*rule) for rule in RULES if columns.issuperset(rule)]
    if columns.issuperset(NAMES):
        rules.append("l.forename = r.surname and l.surname = r.forename")
    return rules


def _comparisons(columns: set[str], adjusted: bool) -> Iterator[Any]:
    """From Splink's own library, with the levels that it ships."""

    def exact(name: str) -> Any:
        return cl.ExactMatch(name).configure(term_frequency_adjustments=adjusted)

    for name in NAMES:
        if name in columns:
            yield _name(name, adjusted)
    for name, full in (("first_initial", "forename"), ("last_initial", "surname")):
        if name in columns and full not in columns:
            yield exact(name)
    yield cl.DateOfBirthComparison("date_of_birth", input_is_string=True)
    if "sex" in columns:
        yield cl.ExactMatch("sex")
    if "postcode" in columns:
        yield _postcode(adjusted)
    elif "outward" in columns:
        yield _fuzzy("outward", adjusted, [0.9])
    if "address" in columns:
        yield _fuzzy("address", adjusted, [0.95, 0.88, 0.7])
    if "local_authority" in columns:
        yield _fuzzy("local_authority", adjusted, [0.9, 0.7])
    if "region" in columns:
        yield exact("region")


def _name(name: str, adjusted: bool) -> Any:
    """Splink's NameComparison, with a level for forename and surname in each other's place."""
    other = NAMES[1 - NAMES.index(name)]
    swapped = f'"{name}_l" = "{other}_r" AND "{other}_l" = "{name}_r"'
    return _levels(name, adjusted, [cll.CustomLevel(swapped), *_close(name, [0.92, 0.88, 0.7])])


def _postcode(adjusted: bool) -> Any:
    """Of a UK postcode the sector, district and area; of another code all but one character."""
    sector, district = "^[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9]", "^[A-Z]{1,2}[0-9][A-Z0-9]?"
    same = [
        cll.CustomLevel(
            f"regexp_extract(postcode_l, '{part}') = regexp_extract(postcode_r, '{part}') "
            f"AND regexp_extract(postcode_l, '{part}') <> ''"
        )
        for part in (sector, district)
    ]
    near = cll.CustomLevel("damerau_levenshtein(postcode_l, postcode_r) <= 1")
    return _levels("postcode", adjusted, [same[0], near, same[1]])


def _fuzzy(name: str, adjusted: bool, thresholds: list[float]) -> Any:
    return _levels(name, adjusted, _close(name, thresholds))


def _close(name: str, thresholds: list[float]) -> list[Any]:
    return [cll.JaroWinklerLevel(name, threshold) for threshold in thresholds]


def _levels(name: str, adjusted: bool, between: list[Any]) -> Any:
    exact = cll.ExactMatchLevel(name, term_frequency_adjustments=adjusted)
    return cl.CustomComparison(
        [cll.NullLevel(name), exact, *between, cll.ElseLevel()], output_column_name=name
    )


def table(rows: list[Row]) -> str:
    """A Markdown table: one row per set, means over the seeds."""
    lines = [
        "| data | profile | seeds | pairs | blindlink best F1 | Splink best F1 "
        "| blindlink F1 at auto | Splink F1 at .95 | blindlink best F1, schema for 500,000 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, profile in dict.fromkeys((row.name, row.profile) for row in rows):
        group = [row for row in rows if (row.name, row.profile) == (name, profile)]
        figures = [
            float(np.mean(column))
            for column in zip(
                *[
                    (r.best_f1, r.peer.best_f1, r.auto_f1, r.peer.sure_f1, r.large_f1)
                    for r in group
                ],
                strict=True,
            )
        ]
        pairs = np.mean([row.true_pairs for row in group])
        cells = " | ".join(f"{figure:.4f}" for figure in figures)
        lines.append(f"| {name} | {profile} | {len(group)} | {pairs:.0f} | {cells} |")
    told = versions("blindlink", "splink", "duckdb", "pseudopeople")
    return "\n".join([*lines, "", summary(rows), told])


def summary(rows: list[Row]) -> str:
    """How often each aim was met."""
    best = sum(row.best_f1 >= row.peer.best_f1 - 0.005 for row in rows)
    auto = sum(row.auto_f1 >= row.peer.sure_f1 for row in rows)
    return (
        f"{len(rows)} linkages. Best F1 within .005 of Splink's or above in {best}; F1 at auto at "
        f"least Splink's "
        f"at .95 in {auto}."
    )


def _line(row: Row) -> str:
    peer = row.peer
    return (
        f"{row.name:38} {row.profile:6} {row.seed} best {row.best_f1:.4f} "
        f"(Splink {peer.best_f1:.4f}{' tf' if peer.term_frequencies else ''}) "
        f"auto {row.auto_f1:.4f} (Splink {peer.sure_f1:.4f}) for 500,000 {row.large_f1:.4f} "
        f"unreached {peer.unreached:.2%} of {row.true_pairs}, {peer.compared} compared, "
        f"{peer.seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
