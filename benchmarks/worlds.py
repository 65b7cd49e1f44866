"""Do the corrected figures hold in worlds that were not made for them?

    python benchmarks/worlds.py --seeds 20 --people 8000 --keep FILE --out docs/reference/worlds.md

Each seed makes a synthetic study whose rates of missed records are drawn anew (no prior knows
them), changes the *extracts* and leaves the truth, links with control records as the demo does, and
corrects with the analyst's own code. Beside that, what the correction would give if a tenth of the
true pairs were known beforehand (an identifier that some people have in both files): the protocol
does not carry one, so this is worked out here. ``--keep`` writes each run down and goes on from it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.study_seed import cohort_of, linked

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.arrays import Floats, Int64s
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction
from blindlink.studies.probation_treatment.definitions import CONSENT, Settings
from blindlink.studies.probation_treatment.linkage_error import ErrorRates, error_rates
from blindlink.studies.probation_treatment.pathways import Pathways, build
from blindlink.synthetic.generator.generate import generate
from blindlink.synthetic.generator.parameters import scaled

SETTINGS = Settings(replicates=300)
KNOWN = 0.1  # the share of true pairs that a source would know
NAMES = ("first_initial", "last_initial")
PLACES = ("postcode_outward", "local_authority", "region")
Rows = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Truth:
    """What is true of people: pairs (moj, ohid), and each moj person's sex, ethnicity, year, and
    whether one of the requirements is engaged."""

    pairs: pd.DataFrame
    people: pd.DataFrame


Change = Callable[[Rows, Truth, np.random.Generator], None]


@dataclass(frozen=True)
class World:
    """What is done to the extracts."""

    name: str
    change: Change
    people: int = 0  # 0: as asked for


def nothing(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
    """The extracts as they were generated."""


def unlinkable(rows: Rows, entities: pd.Series, random: np.random.Generator) -> None:
    """Give these treatment people names, a birth and a place of three other people."""
    table = rows["ohid/identities"]
    mine = np.flatnonzero(table["entity_id"].isin(entities))
    for columns in (NAMES, ("date_of_birth",), PLACES):
        other = random.integers(0, len(table), len(mine))
        table.loc[mine, list(columns)] = table[list(columns)].to_numpy()[other]


def everybody(share: float) -> Change:
    """A share of all who are in both files cannot be linked."""

    def change(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
        chosen = truth.pairs[random.random(len(truth.pairs)) < share]
        unlinkable(rows, chosen["ohid"], random)

    return change


def some(share: Callable[[pd.DataFrame], Any]) -> Change:
    """A share of those in both files cannot be linked, by what is true of them."""

    def change(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
        both = truth.pairs.merge(truth.people, on="moj")
        chosen = both[random.random(len(both)) < share(both)]
        unlinkable(rows, chosen["ohid"], random)

    return change


def no_consent(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
    """12 % of the engaged are not in the treatment data."""
    both = truth.pairs.merge(truth.people, on="moj")
    gone = both.loc[both["engaged"] & (random.random(len(both)) < 0.12), "ohid"]
    for name in ("ohid/identities", "ohid/events", "ohid/details"):
        rows[name] = rows[name][~rows[name]["entity_id"].isin(gone)].reset_index(drop=True)


def verified(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
    """The engaged have the very identifiers of probation in the treatment data."""
    both = truth.pairs.merge(truth.people, on="moj")
    same = both[both["engaged"]].drop_duplicates("ohid").set_index("ohid")["moj"]
    ours = rows["moj/identities"]
    main = ours[ours["kind"] == "main"].drop_duplicates("entity_id").set_index("entity_id")
    table = rows["ohid/identities"]
    mine = table["entity_id"].isin(same.index)
    theirs = main.reindex(same.reindex(table.loc[mine, "entity_id"]).to_numpy())
    table.loc[mine, "first_initial"] = theirs["forename"].str[:1].to_numpy()
    table.loc[mine, "last_initial"] = theirs["surname"].str[:1].to_numpy()
    for name, of in (("date_of_birth",) * 2, ("postcode_outward", "postcode"),
                     ("local_authority",) * 2, ("region",) * 2):  # fmt: skip
        table.loc[mine, name] = theirs[of].to_numpy()


def duplicates(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
    """5 % of treatment people are two, with the episodes divided and another day of birth."""
    table = rows["ohid/identities"]
    chosen = set(table.loc[random.random(len(table)) < 0.05, "entity_id"])
    second = table[table["entity_id"].isin(chosen)].copy()
    second["entity_id"] = "D" + second["entity_id"]
    born = second["date_of_birth"].astype(str)
    day = pd.Series(random.integers(10, 28, len(second)).astype(str), index=second.index)
    second["date_of_birth"] = born.str[:8] + day.where(born.str.len() == 10, "")
    rows["ohid/identities"] = pd.concat([table, second], ignore_index=True)
    events = rows["ohid/events"]
    moved = set(
        events.loc[
            events["entity_id"].isin(chosen) & (random.random(len(events)) < 0.5), "episode_id"
        ]
    )
    for name in ("ohid/events", "ohid/details"):
        part = rows[name]["episode_id"].isin(moved)
        rows[name].loc[part, "entity_id"] = "D" + rows[name].loc[part, "entity_id"]


def look_alikes(rows: Rows, truth: Truth, random: np.random.Generator) -> None:
    """5 % of probation people have a stranger of the same initials, sex and birth in treatment."""
    table, ours = rows["ohid/identities"], rows["moj/identities"]
    main = ours[ours["kind"] == "main"].drop_duplicates("entity_id")
    main = main[random.random(len(main)) < 0.05]
    free = np.flatnonzero(~table["entity_id"].isin(truth.pairs["ohid"]))
    taken = random.choice(free, min(len(main), len(free)), replace=False)
    main = main.iloc[: len(taken)]
    table.loc[taken, "first_initial"] = main["forename"].str[:1].to_numpy()
    table.loc[taken, "last_initial"] = main["surname"].str[:1].to_numpy()
    for name in ("date_of_birth", "sex", "region"):
        table.loc[taken, name] = main[name].to_numpy()


WORLDS = [
    World("as generated", nothing),
    World("everybody: 10 % cannot be linked", everybody(0.1)),
    World("everybody: 20 % cannot be linked", everybody(0.2)),
    World(
        "women 15 %, minorities 25 % cannot be linked",
        some(lambda p: np.maximum(0.15 * (p["sex"] == "F"), 0.25 * (p["ethnicity"] != "white"))),
    ),
    World("the engaged: 15 % cannot be linked", some(lambda p: 0.15 * p["engaged"])),
    World("the engaged: 12 % did not consent", no_consent),
    World("the engaged have verified identifiers", verified),
    World("5 % of treatment people are there twice", duplicates),
    World("5 % of probation people have a look-alike", look_alikes),
    World("sentenced from 2021: 25 % cannot be linked", some(lambda p: 0.25 * (p["year"] >= 2021))),
    World("small files: 3,000 people", nothing, 3000),
    World("small files: 1,500 people", nothing, 1500),
]


class Sourced(Correction):
    """The correction with a sensitivity for each sex that a source measured."""

    by_sex: tuple[Floats, Floats]  # points (2,) and draws (replicates, 2)

    def rates_of(self, group: Int64s, groups: int) -> tuple[Floats, Floats, Floats, Floats]:
        """f of everybody; s by sex where there are two groups."""
        if groups != 2:
            return super().rates_of(group, groups)
        f = np.full((2, 1), self.rates.false_link)
        f_draws = np.repeat(self.rates.false_link_draws[:, None, None], 2, axis=1)
        point, draws = self.by_sex
        return f, point[:, None], f_draws, draws[:, :, None]


def run(world: World, seed: int, people: int) -> dict[str, Any]:
    """One study of a world: what is true, what is believed, and what is printed."""
    random = np.random.default_rng([seed, WORLDS.index(world)])
    parameters = scaled(world.people or people)
    errors = replace(
        parameters.errors,
        own_details=float(random.uniform(0.01, 0.12)),
        no_consent=float(random.uniform(0.005, 0.05)),
    )
    study = generate(replace(parameters, errors=errors), seed=seed)
    rows = {name: table.to_pandas() for name, table in study.tables.items()}
    truth = _truth(rows)
    world.change(rows, truth, random)
    schemas = {name: table.schema for name, table in study.tables.items()}
    changed = replace(
        study,
        tables={
            name: pa.Table.from_pandas(frame, schema=schemas[name], preserve_index=False)
            for name, frame in rows.items()
        },
    )
    links = linked(changed, seed)
    pathways = build(cohort_of(changed, links), SETTINGS)
    rates = error_rates(pathways.info, SETTINGS, seed)
    bootstrap = Bootstrap.draw(pathways.left_people, SETTINGS.replicates, seed + 1)
    correction = Correction(pathways, rates, bootstrap, seed + 2)
    true = _true_shares(rows, pathways)
    made = set(zip(links.links.left_entity, links.links.right_entity, strict=True))
    there = truth.pairs[truth.pairs["ohid"].isin(rows["ohid/identities"]["entity_id"])]
    found = np.array([pair in made for pair in there.itertuples(index=False, name=None)])
    sourced = _sourced(correction, there.merge(truth.people, on="moj"), found, random)
    return {
        "world": world.name,
        "seed": seed,
        "true": true,
        "found": _found(rows, pathways),
        "believed": rates.sensitivity,
        "notes": list(rates.notes),
        "printed": _printed(correction),
        "sourced": _printed(sourced),
    }


def _truth(rows: Rows) -> Truth:
    pairs = rows["truth/people"]
    pairs = pairs.loc[pairs["in_extract"] == 1, ["moj_entity_id", "ohid_entity_id"]]
    pairs = pairs.set_axis(["moj", "ohid"], axis=1).reset_index(drop=True)
    engaged = rows["truth/engagement"].groupby("entity_id")["engaged"].max()
    events = rows["moj/events"].drop_duplicates("entity_id").set_index("entity_id")
    people = events[["sex", "ethnicity"]].assign(
        year=pd.to_numeric(events["sentence_date"].astype(str).str[:4]),
        engaged=engaged.reindex(events.index).fillna(0) == 1,
    )
    return Truth(pairs, people.rename_axis("moj").reset_index())


def _cases(rows: Rows, pathways: Pathways) -> pd.DataFrame:
    truth = rows["truth/engagement"].set_index("requirement_id")[["engaged"]]
    truth.columns = pd.Index(["truly"])
    return pathways.cases.join(truth, on="requirement_id", how="inner")


def _true_shares(rows: Rows, pathways: Pathways) -> dict[str, float]:
    cases = _cases(rows, pathways)
    groups = {
        "All": cases["truly"] >= 0,
        "ATR": cases["requirement"] == "ATR",
        "DRR": cases["requirement"] == "DRR",
        "women": cases["sex"] == "F",
        "men": cases["sex"] == "M",
    }
    return {name: float(cases.loc[mine, "truly"].mean()) for name, mine in groups.items()}


def _found(rows: Rows, pathways: Pathways) -> dict[str, float]:
    """The share of the truly engaged that is counted, of all and by sex."""
    cases = _cases(rows, pathways)
    cases = cases[cases["truly"] == 1]
    by = cases.groupby("sex")["engaged"].mean()
    return {"all": float(cases["engaged"].mean()), **{str(k): float(v) for k, v in by.items()}}


def _printed(correction: Correction) -> dict[str, dict[str, float]]:
    """Observed, corrected with its ends, bounds; for women the difference and the tipping point."""
    shown = ["observed", "corrected", "corrected_low", "corrected_high", "bound_low", "bound_high"]
    whole = correction.shares(correction.count(ENGAGED))
    names = [*correction.kinds, "All"]
    result = {names[row["kind"]]: {n: row[n] for n in shown} for _, row in whole.iterrows()}
    code = correction.pathways.cases["sex"].map({"F": 0, "M": 1}).fillna(-1)
    sex: Int64s = np.asarray(code.to_numpy(), dtype=np.int64)
    counted = correction.count(ENGAGED, group=sex, groups=2)
    both = correction.shares(counted).join(correction.apart(counted))
    women = both[(both["group"] == 0) & (both["kind"] == len(correction.kinds))].iloc[0]
    result["women"] = {name: women[name] for name in (*shown, "difference", "tipping")}
    return {k: {n: float(x) for n, x in v.items()} for k, v in result.items()}


def _sourced(
    correction: Correction, pairs: pd.DataFrame, found: np.ndarray, random: np.random.Generator
) -> Sourced:
    """The correction if a tenth of the pairs were known: they and the consent prior make s."""
    rates = correction.rates
    known = random.random(len(pairs)) < KNOWN
    place = [loss.name for loss in rates.losses].index(CONSENT.name)
    consent, consents = rates.losses[place].value, rates.loss_draws[place]

    def sensitivity(mine: np.ndarray) -> tuple[float, Floats]:
        part, whole = int(found[mine & known].sum()), int((mine & known).sum())
        draws = random.beta(part + 0.5, whole - part + 0.5, len(consents)) * consents
        return (part + 0.5) / (whole + 1) * consent, draws

    s, draws = sensitivity(np.ones(len(pairs), dtype=bool))
    changed: ErrorRates = replace(rates, sensitivity=s, sensitivity_draws=draws)
    made = Sourced(correction.pathways, changed, correction.bootstrap, 3)
    sexes = [sensitivity((pairs["sex"] == sex).to_numpy()) for sex in ("F", "M")]
    made.by_sex = (np.array([p for p, _ in sexes]), np.stack([d for _, d in sexes], axis=1))
    return made


def _held(runs: list[dict[str, Any]], source: str, names: tuple[str, ...], ends: str) -> str:
    inside = [
        each[source][name][f"{ends}_low"]
        <= each["true"][name]
        <= each[source][name][f"{ends}_high"]
        for each in runs
        for name in names
    ]
    return f"{sum(inside)} of {len(inside)}"


def _mean(runs: list[dict[str, Any]], *path: str) -> float:
    values = []
    for each in runs:
        value: Any = each
        for step in path:
            value = value[step]
        values.append(value)
    return 100 * float(np.mean(values))


def page(runs: list[dict[str, Any]], asked: argparse.Namespace) -> Iterator[str]:
    """The page of the documentation."""
    three = ("ATR", "DRR", "All")
    yield "# Worlds in which the assumptions do not hold\n"
    yield (
        f"{asked.seeds} seeds a world with {asked.people:,} treatment people, fewer where the "
        "world says so. Made by\n"
    )
    yield (
        f"    make worlds\n\nwhich is `python benchmarks/worlds.py --seeds {asked.seeds} --people "
        f"{asked.people} --out docs/reference/worlds.md`.\n"
    )
    yield (
        "In each world the extracts are changed after the generator; the truth stays. The rates at "
        "which the generator itself loses records are drawn anew for each study, so that no prior "
        "knows them. *Found*: of those truly engaged, counted through links. *Believed*: the "
        "sensitivity that the report takes, which it calls assumed. *Held*: how often intervals of "
        "ATR, DRR and All hold the truth of that study. *Known pairs*: the same if a tenth of the "
        "true pairs were known beforehand; the protocol does not carry such pairs, and what is "
        "here was worked out beside it; counts of such pairs can be given to the report as "
        "`known_pairs`. *Bounds held*: whether the printed bounds do. *Warned*: runs with a note "
        "that something is wrong with the error rates. That sensitivity is assumed is printed in "
        "every run: in the main points, at every corrected figure and in the table of linkage "
        "quality.\n"
    )
    yield (
        "| world | runs | found | believed | observed | corrected | true | 95 % held | with known "
        "pairs | bounds held | warned |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for world in WORLDS:
        mine = [each for each in runs if each["world"] == world.name]
        if not mine:
            continue
        figures = [
            _mean(mine, "found", "all"), _mean(mine, "believed"),
            *(_mean(mine, "printed", "All", name) for name in ("observed", "corrected")),
            _mean(mine, "true", "All"),
        ]  # fmt: skip
        warned = sum(bool(each["notes"]) for each in mine)
        yield (
            f"| {world.name} | {len(mine)} | "
            + " | ".join(f"{value:.1f}" for value in figures)
            + f" | {_held(mine, 'printed', three, 'corrected')} | "
            f"{_held(mine, 'sourced', three, 'corrected')} | "
            f"{_held(mine, 'printed', three, 'bound')} | {warned} of {len(mine)} |"
        )
    yield (
        "\n## Women against men\n\n*Found less often*: by how much women's true records are found "
        "less often than men's. *Tipping*: the median of the printed tipping points where the "
        "difference was clear: a report whose tipping point lies nearer to 0 than *found less "
        "often* has said that its linkage could have made the difference.\n\n"
        "| world | found less often | observed | corrected | true | 95 % held | with known pairs "
        "by sex | difference clear | tipping |\n|---|---|---|---|---|---|---|---|---|"
    )
    for world in WORLDS:
        mine = [each for each in runs if each["world"] == world.name]
        if not mine:
            continue
        less = [each["found"]["F"] / each["found"]["M"] - 1 for each in mine]
        tips = [each["printed"]["women"]["tipping"] for each in mine]
        tips = [tip for tip in tips if not np.isnan(tip)]
        figures = [_mean(mine, "printed", "women", name) for name in ("observed", "corrected")]
        median = f"{100 * np.median(tips):+.0f} %" if tips else ""
        yield (
            f"| {world.name} | {100 * np.mean(less):+.0f} % | "
            f"{figures[0]:.1f} | {figures[1]:.1f} | {_mean(mine, 'true', 'women'):.1f} | "
            f"{_held(mine, 'printed', ('women',), 'corrected')} | "
            f"{_held(mine, 'sourced', ('women',), 'corrected')} | {len(tips)} of {len(mine)} | "
            f"{median} |"
        )
    believed = np.array([each["believed"] for each in runs])
    found = np.array([each["found"]["all"] for each in runs])
    yield (
        f"\nOver all {len(runs)} runs the correlation of the believed with the true sensitivity is "
        f"{np.corrcoef(believed, found)[0, 1]:.2f}."
    )


def main() -> None:
    """Run what is not kept yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--people", type=int, default=8000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    kept = asked.keep.read_text().splitlines() if asked.keep and asked.keep.exists() else []
    runs = [json.loads(line) for line in kept]
    done = {(each["world"], each["seed"]) for each in runs}
    for seed in range(1, asked.seeds + 1):
        for world in WORLDS:
            if (world.name, seed) in done:
                continue
            runs.append(run(world, seed, asked.people))
            if asked.keep:
                with asked.keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(runs[-1]) + "\n")
    runs = [each for each in runs if each["seed"] <= asked.seeds]
    text = "\n".join(page(runs, asked)) + "\n"
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
