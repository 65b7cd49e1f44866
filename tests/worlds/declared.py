"""Cohorts of the housing study, from small tables that a test writes down."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from blindlink.analyst.cohort.folder import FORMAT, Cohort
from blindlink.schema.study.declaration import Declaration
from blindlink.schema.study.study_file import parse_study

STUDIES = Path(__file__).parents[2] / "src" / "blindlink" / "studies"
HOUSING = (STUDIES / "housing_work" / "study.toml").read_text(encoding="utf-8")
PAIRS = ["left", "right", "probability", "method"]


def study(*changes: tuple[str, str]) -> Declaration:
    """The housing study with some of its text replaced."""
    return parse_study(text(*changes).encode())


def text(*changes: tuple[str, str]) -> str:
    """Its text, likewise; each change must find its place."""
    changed = HOUSING
    for old, new in changes:
        assert old in changed, old
        changed = changed.replace(old, new)
    return changed


def application(person: str, day: str, **changes: Any) -> dict[str, Any]:
    """A row of the register."""
    return {
        "person": person,
        "application_id": f"A{person}{day}",
        "applied_on": day,
        "closed_on": "",
        "homeless": "yes",
        "medical": "no",
        "sex": "F",
        "age": "30-34",
        "district": "North",
    } | changes


def job(person: str, day: str, sector: str = "86") -> dict[str, Any]:
    """A row of the employment office."""
    return {"person": person, "started_on": day, "sector": sector}


def cohort(
    applications: Sequence[dict[str, Any]] | pd.DataFrame,
    jobs: Sequence[dict[str, Any]] | pd.DataFrame,
    links: Sequence[tuple[str, str]],
    candidates: Sequence[tuple[str, str]] = (),
) -> Cohort:
    """A cohort of rows; whoever stands in a row is in the release."""
    register, office = pd.DataFrame(applications), pd.DataFrame(jobs)
    people = [(p, "housing") for p in pd.unique(register["person"]) if p]
    people += [(p, "employment") for p in pd.unique(office["person"])]
    pairs = [
        pd.DataFrame([(a, b, 0.98, "clk") for a, b in some], columns=PAIRS)
        for some in (links, (*links, *candidates))
    ]
    return Cohort(
        people=pd.DataFrame(people, columns=["person", "owner"]),
        links=pairs[0],
        candidates=pairs[1],
        candidate_counts=pd.DataFrame(columns=["person", "owner", "count"]),
        tables={("housing", "applications"): register, ("employment", "jobs"): office},
        info={
            "owners": ["housing", "employment"],
            "controls": {"housing": {"number": 50, "linked": 1}},
            "linkage_reports": [
                {
                    "left": "housing",
                    "right": "employment",
                    "report": {
                        "counts": {"links": len(links)},
                        "threshold_method": "auto",
                        "precision": {"value": 0.99, "low": 0.97, "high": 1.0},
                        "recall": None,
                    },
                }
            ],
        },
    )


def save(made: Cohort, folder: Path) -> Path:
    """The cohort as a folder that ``load_cohort`` reads."""
    folder.mkdir()
    frames = {
        "people": made.people,
        "links": made.links,
        "candidates": made.candidates,
        "candidate_counts": made.candidate_counts,
        **{f"{owner}.{name}": table for (owner, name), table in made.tables.items()},
    }
    digests = {}
    for name, frame in frames.items():
        path = folder / f"{name}.parquet"
        frame.to_parquet(path)
        digests[path.name] = sha256(path.read_bytes()).hexdigest()
    info = {**made.info, "format": FORMAT, "digests": {"files": digests}}
    (folder / "cohort.json").write_text(json.dumps(info), encoding="utf-8")
    return folder
