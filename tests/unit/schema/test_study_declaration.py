"""A study declares itself: what loads, what is refused by name, what an agreement must leave."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from blindlink.errors import InputError, StudyError
from blindlink.schema.study.explain import explained
from blindlink.schema.study.fit import misfits
from blindlink.schema.study.study_file import digest, json_schema, load_study, parse_study, renamed
from worlds.declared import HOUSING, STUDIES, study, text

FILE = Path(__file__).parents[3] / "schemas" / "study.json"
SHIPPED = sorted(path.parent for path in STUDIES.glob("*/study.toml"))
PAYLOAD: dict[str, dict[str, dict[str, Any]]] = {
    "housing": {
        "applications": {
            "application_id": "keep",
            "applied_on": "keep",
            "homeless": ("yes", "no"),
            "medical": "keep",
            "sex": "keep",
            "age": "band:5",
            "district": "keep",
        }
    },
    "employment": {"jobs": {"started_on": "keep", "sector": "keep"}},
}


def test_the_json_schema_is_that_of_the_models() -> None:
    """Regenerate with: python -m blindlink.schema.study.study_file > schemas/study.json"""
    assert json.loads(FILE.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_studies_fit(folder: Path) -> None:
    load_study(folder)
    document = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    plain = json.loads(json.dumps(document, default=str))
    Draft202012Validator.check_schema(json_schema())
    assert Draft202012Validator(json_schema()).is_valid(plain)
    assert not Draft202012Validator(json_schema()).is_valid(plain | {"surprise": 1})


def test_order_counts_in_the_digest_and_comments_do_not() -> None:
    assert digest(study()) == digest(parse_study(f"# note\n{HOUSING}".encode()))
    care, shops = (
        '"care and health" = ["86", "87", "88"]\n',
        ('"shops and transport" = ["45", "46", "47", "49"]\n'),
    )
    other = study((f"{care}{shops}", f"{shops}{care}"))
    assert digest(other) != digest(study())


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('start = "applied_on"', 'start = "asked_on"', "unit: start: housing.applications"),
        ('end = "closed_on"', 'end = "homeless"', "unit: end: column closed_on"),
        ('column = "medical"', 'column = "ill"', "kinds: medical"),
        ('labels = ["yes"]', 'labels = ["maybe"]', "declares no label maybe"),
        ('reference = "men"', 'reference = "boys"', "groups.sex: reference"),
        ("bands = [25, 35, 50]", "bands = [35, 25]", "groups.age: bands must rise"),
        ('spells = "work"', 'spells = "toil"', "declares no spells.toil"),
        ('by = ["sex"', 'by = ["height"', "declares no groups.height"),
        ('competing = ["end"]', 'competing = ["died"]', "declares no column died"),
        ('what = "category"', 'what = "exit"', "spells.work declares no exit"),
        ("days = 365\n", "days = 30\n", "no window"),
        ('headlines = ["started"]', 'headlines = ["stopped"]', "no measure or model stopped"),
        ("windows = [365, 84]", "windows = [9999]", "nobody can be followed"),
        ('type = "rate"', 'type = "ratio"', "measures.rate"),
        ("version = 1", "version = 1\nsurprise = 2", "surprise"),
        ('labels = ["yes", "no"], description = "homeless', 'description = "homeless', "homeless"),
        ('[owners.employment]\n', "[owners.employment]\nphone = 1\n", "phone"),
        ("other = \"another sector\"", 'other = "building"', "a name of its own"),
        ('coarsest = "band:5"', 'coarsest = "month"', "no number can be made so coarse"),
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_refused_by_its_place(
    old: str, new: str, place: str
) -> None:
    with pytest.raises(StudyError) as caught:
        study((old, new))
    if place == "unit: end: column closed_on":
        place = "unit: end: column homeless is a label"
    assert place in caught.value.message
    assert caught.value.exit_code == 24


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is not TOML"):
        parse_study(b"format = ")
    with pytest.raises(InputError):
        load_study(tmp_path / "none.toml")


def test_kinds_that_may_overlap_are_few() -> None:
    kind = '\n[[kinds.kind]]\nname = "k{}"\nwords = "w"\ncolumn = "medical"\nlabels = ["yes"]\n'
    more = "".join(kind.format(n) for n in range(5))
    with pytest.raises(StudyError, match="at most 6 kinds"):
        study(("[groups.sex]", f"{more}\n[groups.sex]"))


def test_an_agreement_that_leaves_enough_fits() -> None:
    assert misfits(study(), PAYLOAD) == []


@pytest.mark.parametrize(
    ("owner", "table", "column", "rule", "said"),
    [
        ("employment", "jobs", "started_on", "month", "rule 'month' leaves less"),
        ("employment", "jobs", "sector", "truncate:1", "rule 'truncate:1' leaves less"),
        ("employment", "jobs", "sector", None, "column sector is not in the agreement"),
        ("employment", "jobs", None, None, "table jobs: is not in the agreement"),
        ("employment", None, None, None, "owner employment: is none"),
        ("housing", "applications", "age", "band:10", "rule 'band:10' leaves less"),
        ("housing", "applications", "homeless", ("yes",), "labels lack no"),
    ],
)
def test_a_rule_that_destroys_what_a_measure_needs_is_named(
    owner: str, table: str | None, column: str | None, rule: Any, said: str
) -> None:
    payload = json.loads(json.dumps(PAYLOAD))
    payload["housing"]["applications"]["homeless"] = ("yes", "no")
    if table is None:
        del payload[owner]
    elif column is None:
        del payload[owner][table]
    elif rule is None:
        del payload[owner][table][column]
    else:
        payload[owner][table][column] = rule
    found = misfits(study(), payload)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("rule", ["band:1", "band:5"])
def test_finer_rules_than_the_coarsest_fit(rule: str) -> None:
    payload = json.loads(json.dumps(PAYLOAD))
    payload["housing"]["applications"] |= {"age": rule, "homeless": ("yes", "no")}
    assert misfits(study(), payload) == []


def test_a_study_is_explained_with_every_column_measure_and_source() -> None:
    benchmark = (
        '[report]\n',
        '[[benchmarks]]\nmeasure = "started"\nname = "the whole country"\npercent = 31\n'
        'source = "Statistical bulletin 12, table 3"\n\n[report]\n',
    )  # fmt: skip
    declared = study(benchmark)
    said = explained(declared)
    for _, _, column, _ in declared.columns:
        assert column in said
    for measure in declared.measures.values():
        assert measure.title in said
    assert "31 % (Statistical bulletin 12, table 3)" in said
    assert digest(declared) in said


def test_a_study_under_the_names_of_an_agreement() -> None:
    there = renamed(study(), {"employment": "dwp"}, {("employment", "jobs"): "starts"})
    assert list(there.owners) == ["housing", "dwp"]
    assert there.spells["work"].table == "starts"
    assert list(there.columns)[-1][:3] == ("dwp", "starts", "sector")
    assert text() == HOUSING
