"""Every comparison, hardening, step, profile and engine goes through the whole protocol.

The unions and listings are walked: what is added to one of them and not to the examples here
fails, and what is listed and cannot link two owners' files is not shipped.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest

from blindlink.errors import AgreementError, SchemaError
from blindlink.linker.join import engines
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.ready import check_ready
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.container import reader as container
from blindlink.messages.plan import Plan
from blindlink.owner.encoding.plan import compile_schema
from blindlink.owner.schema_files import describe
from blindlink.schema import comparators, hardenings, steps
from blindlink.schema.document import LinkageSchema, parse_schema
from blindlink.schema.limits import MAX_FILTER_BITS
from blindlink.schema.meaning import filter_shapes
from blindlink.schema.profiles.making import PROFILES, new_schema
from needs import asking
from worlds.flow import IDENTIFIERS, NOW, World, agreement, keys, tables

NAMES = ("forename", "surname", "house", "score")

HARDENINGS: dict[str, list[dict[str, Any]]] = {
    "permutation": [{"type": "permutation"}],
    "diffusion": [
        {"type": "diffusion", "t": 2},
        {"type": "diffusion", "t": 3, "bits": 4096},
    ],
    "fold": [{"type": "fold", "folds": 1}, {"type": "fold", "folds": 3}],
    "balance": [{"type": "balance"}],
    "blip": [{"type": "blip", "perMille": 5}],
}
COMPARISONS: dict[str, tuple[dict[str, Any], str]] = {
    "exact": ({"type": "exact"}, "surname"),
    "ngram": ({"type": "ngram", "n": 2}, "surname"),
    "words": ({"type": "words"}, "house"),
    "numeric": ({"type": "numeric", "thresholdDistance": 2, "resolution": 2}, "score"),
    "date": ({"type": "date", "near": 1}, "date_of_birth"),
}
STEPS: dict[str, tuple[dict[str, Any], str]] = {
    **{
        name: ({"step": name}, "surname")
        for name in (
            *("nfkc", "accents", "upper", "lower", "trim", "punctuation"),
            *("soundex", "nysiis", "metaphone", "match_rating"),
        )
    },
    "text": ({"step": "text"}, "surname"),
    "name": ({"step": "name"}, "surname"),
    "initial": ({"step": "initial"}, "surname"),
    "prefix": ({"step": "prefix", "length": 2}, "surname"),
    "alphanumeric": ({"step": "alphanumeric"}, "house"),
    "address": ({"step": "address", "part": "number"}, "house"),
    "sex": ({"step": "sex"}, "sex"),
    "date": ({"step": "date"}, "date_of_birth"),
    "date_part": ({"step": "date_part", "part": "year"}, "date_of_birth"),
    "postcode": ({"step": "postcode", "part": "outward"}, "postcode_outward"),
}


def listed(union: Any, tag: str) -> list[str]:
    """The names in a discriminated union of models."""
    models = get_args(get_args(union)[0])
    return [name for model in models for name in get_args(model.model_fields[tag].annotation)]


def extract(owner: str) -> dict[str, pa.Table]:
    """The tables of the world, with columns that every comparison and step can use."""
    made = tables(owner, 60)
    people = made["identities"]
    rows = people.select(["first_initial", "last_initial", "date_of_birth"]).to_pylist()
    values = {
        "forename": [f"{row['first_initial']}lexandra" for row in rows],
        "surname": [f"{row['last_initial']}ö{row['date_of_birth'][5:7]}-Smith" for row in rows],
        "house": [f"{row['date_of_birth'][8:]} {row['last_initial']}igh Street" for row in rows],
        "score": [str(int(row["date_of_birth"][:4]) * 3) for row in rows],
    }
    for name, column in values.items():
        people = people.append_column(name, pa.array(column))
    return made | {"identities": people}


def weak() -> dict[str, Any]:
    return deepcopy(new_schema("weak", [[*IDENTIFIERS, "entity_id"]] * 2)[0].document)


def with_column(steps_: list[Any], source: str, comparison: dict[str, Any]) -> dict[str, Any]:
    """The profile ``weak`` with a further column, joined to others in a composite."""
    document = weak()
    extension = document["blindlink"]
    extension["columns"].append({"name": "tried", "from": [source], "steps": steps_})
    extension["composites"].append(
        {"fields": ["tried", "birth_month"], "comparison": comparison, "bitsPerToken": 2}
    )
    return document


def linked(folder: Path, document: dict[str, Any], **plan: Any) -> World:
    """Agreement, submissions, receipts, link, release, cohort: half of the people are in both."""
    schema = parse_schema(document)
    # Equal records score 1, but for a noise that flips one bit in four hundred.
    noisy = any(each.noisy for shape in filter_shapes(schema.model) for each in shape.hardening)
    chosen = Plan(threshold="0.8" if noisy else "0.99", **plan)
    world = World(folder, terms={"schema_document": document, "plan": chosen})
    for name in world.owners:
        world.tables[name] = extract(name)
        world.submit(name)
        path = folder / f"{name}.submission"
        receive(path, Acting(world.agreement, keys("ttp"), NOW), Place(folder / "project"))
        with container.opened(path, "submission") as sealed:
            assert tuple(sealed.manifest.content["bits"]) == schema.bits
    world.link()
    # 30 people are in both files; one record in ten has an alias, and a blip may lose one.
    assert 28 <= len(world.cohort().links) <= 32
    return world


def test_every_plug_in_has_an_example() -> None:
    assert set(HARDENINGS) == set(listed(hardenings.Hardening, "type"))
    assert set(COMPARISONS) == set(listed(comparators.Comparison, "type"))
    assert set(STEPS) == set(listed(steps.Step, "step"))


@pytest.mark.parametrize(
    "hardening",
    [each for examples in HARDENINGS.values() for each in examples],
    ids=lambda each: "-".join(str(value) for value in each.values()),
)
def test_every_hardening_goes_through(tmp_path: Path, hardening: dict[str, Any]) -> None:
    document = weak()
    document["blindlink"]["hardening"] = [hardening]
    linked(tmp_path, document)


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_goes_through(tmp_path: Path, name: str) -> None:
    comparison, source = COMPARISONS[name]
    linked(tmp_path, with_column([], source, comparison))


@pytest.mark.parametrize("name", STEPS)
def test_every_step_goes_through(tmp_path: Path, name: str) -> None:
    step, source = STEPS[name]
    before = ["date"] if name == "date_part" else []
    linked(tmp_path, with_column([*before, step], source, {"type": "exact"}))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_goes_through(tmp_path: Path, profile: str) -> None:
    columns = [[*IDENTIFIERS, "forename", "surname", "entity_id"]] * 2
    linked(tmp_path, new_schema(profile, columns)[0].document)


@pytest.mark.parametrize("engine", asking(engines.names()))
def test_every_engine_goes_through(tmp_path: Path, engine: str) -> None:
    linked(tmp_path, weak(), engine=engine)


# --------------------------------------------------------------- feasible before it is final


def hardened(*each: dict[str, Any]) -> dict[str, Any]:
    document = weak()
    document["blindlink"]["hardening"] = list(each)
    return document


@pytest.mark.parametrize("chain", [["fold", "balance"], ["balance", "diffusion", "fold"]])
def test_everybody_reads_one_length(tmp_path: Path, chain: list[str]) -> None:
    document = hardened(*(HARDENINGS[name][0] for name in chain))
    (tmp_path / "schema.json").write_text(LinkageSchema.to_json(parse_schema(document)))
    schema = parse_schema(document)
    assert schema.bits == tuple(plan.bits for plan in compile_schema(schema))
    assert describe(tmp_path / "schema.json")[0]["bits"] == list(schema.bits)
    linked(tmp_path, document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            hardened(*[{"type": "balance"}] * 4),
            "131072 bits; what is linked has at most 65536",
        ),
        (hardened({"type": "fold", "folds": 8}, {"type": "fold", "folds": 8}), "not divisible"),
        (hardened({"type": "diffusion", "t": 2, "bits": 9000}), "not be longer than the input"),
        (hardened({"type": "sieve"}), "type"),
    ],
)
def test_what_cannot_be_linked_is_no_schema(document: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        parse_schema(document)


def test_a_filter_may_be_as_long_as_the_engines_can(tmp_path: Path) -> None:
    document = hardened(*[{"type": "balance"}] * 3)
    assert parse_schema(document).bits == (MAX_FILTER_BITS,)
    linked(tmp_path, document, engine="sliced")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_document": {}}, "schema_document: "),
        ({"schema_document": hardened(*[{"type": "balance"}] * 4)}, "131072 bits"),
        ({"plan": Plan(methods=("probabilistic",), levels=(("0.4",),) * 2)}, "levels for 2 of 1"),
        ({"minimum_overlap": 10_001}, "minimum_overlap is above the limit"),
        ({"controls": {"moj": 10_000, "ohid": 1}}, "controls of moj: leave no room"),
        (
            {
                "payload": {
                    "moj": {f"t{n}": {"a": "keep"} for n in range(17)},
                    "ohid": {},
                }
            },
            "more than 16 tables",
        ),
    ],
)
def test_an_agreement_that_cannot_work_is_none(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        agreement(World(tmp_path, terms=changes))


def test_an_engine_that_nobody_has_is_refused_before_anything_is_taken_in(tmp_path: Path) -> None:
    world = World(tmp_path, terms={"plan": Plan(threshold="0.8", engine="abacus")})
    with pytest.raises(AgreementError, match="names no engine"):
        check_ready(world.agreement.agreement)
    world.submit("moj")
    with pytest.raises(AgreementError, match="names no engine"):
        receive(
            tmp_path / "moj.submission",
            Acting(world.agreement, keys("ttp"), NOW),
            Place(tmp_path / "project"),
        )
    assert not (tmp_path / "project").exists()
