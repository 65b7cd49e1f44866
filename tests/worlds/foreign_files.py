"""Files as strangers have them: other columns, UK dates, semicolons, and nothing of ours.

Claims of a benefit office and admissions to hospitals, drawn from a fixed number: the same files
every time.
"""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

FORENAMES = [
    "Aisha",
    "Ann",
    "Ben",
    "Bob",
    "Carla",
    "Chloe",
    "Dan",
    "David",
    "Emma",
    "Faisal",
    "Grace",
    "Hugo",
    "Isla",
    "Jack",
    "Karen",
    "Liam",
    "Maya",
    "Noah",
    "Olga",
    "Peter",
    "Quinn",
    "Rosa",
    "Sam",
    "Tara",
    "Umar",
    "Vera",
    "Will",
    "Xena",
    "Yusuf",
    "Zoe",
]
SURNAMES = [
    "Ali",
    "Baker",
    "Begum",
    "Brown",
    "Clarke",
    "Cox",
    "Edwards",
    "Ellis",
    "Evans",
    "Green",
    "Hall",
    "Hill",
    "Hughes",
    "Jones",
    "Khan",
    "King",
    "Moore",
    "Murphy",
    "Patel",
    "Price",
    "Roberts",
    "Shah",
    "Smith",
    "Taylor",
    "Thomas",
    "Walker",
    "Webb",
    "Wilson",
    "Wood",
    "Wright",
]
HEADS = [
    "Ash",
    "Bar",
    "Cal",
    "Dun",
    "East",
    "Fen",
    "Grey",
    "Hart",
    "Ing",
    "Kil",
    "Lang",
    "Mor",
    "Nor",
    "Pen",
    "Rad",
    "Stan",
    "Thorn",
    "Wal",
    "West",
]
TAILS = [
    "bury",
    "by",
    "field",
    "ford",
    "ham",
    "ley",
    "mere",
    "more",
    "shaw",
    "stock",
    "ton",
    "wick",
    "worth",
    "wood",
    "gate",
]
AREAS = ["BD", "HD", "LS", "NE", "S", "SR", "WF"]
CLAIMS_MAP = """\
[columns]
"Case ref" = "entity_id"
"First Name" = "forename"
"Last Name" = "surname"
DOB = { name = "date_of_birth", format = "day first" }
Gender = { name = "sex", codes = { Male = "M", Female = "F" } }
"Post Code" = "postcode"

[tables.claims.columns]
"Case ref" = "entity_id"
"Claim start" = { name = "claim_start", format = "day first" }
"""
ADMISSIONS_MAP = """\
[columns]
"NHS id" = "entity_id"
"Birth date" = { name = "date_of_birth", format = "day first" }

[tables.admissions.columns]
"NHS id" = "entity_id"
Admitted = { name = "admitted", format = "day first" }
Discharged = { name = "discharged", format = "day first" }
"""


def write(folder: Path, claimants: int = 4000, patients: int = 9000, both: int = 2500) -> None:
    """``folder``/claims-office and ``folder``/hospitals, an extract each, and their mappings."""
    draw = random.Random(7)
    shared = [_person(draw) for _ in range(both)]
    left = shared + [_person(draw) for _ in range(claimants - both)]
    right = [_spoiled(person, draw) for person in shared]
    right += [_person(draw) for _ in range(patients - both)]
    draw.shuffle(left)
    draw.shuffle(right)
    _claims(folder / "claims-office", left, draw)
    _admissions(folder / "hospitals", right, draw)
    (folder / "claims-office.toml").write_text(CLAIMS_MAP)
    (folder / "hospitals.toml").write_text(ADMISSIONS_MAP)


def _person(draw: random.Random) -> dict[str, str]:
    name = draw.choice(SURNAMES) if draw.random() < 0.4 else draw.choice(HEADS) + draw.choice(TAILS)
    return {
        "forename": draw.choice(FORENAMES),
        "surname": name,
        "born": _day(date(1955, 1, 1), 17_500, draw),
        "sex": draw.choice("MF"),
        "postcode": f"{draw.choice(AREAS)}{draw.randint(1, 28)} {draw.randint(1, 9)}"
        + "".join(draw.choices("ABDEFGH", k=2)),
    }


def _spoiled(person: dict[str, str], draw: random.Random) -> dict[str, str]:
    """The same person in another file: some moved, some are called otherwise, some mistyped."""
    other = _person(draw)
    shares = {"forename": 0.06, "surname": 0.05, "postcode": 0.1, "born": 0.02}
    return person | {name: other[name] for name, share in shares.items() if draw.random() < share}


def _day(first: date, days: int, draw: random.Random) -> str:
    return f"{first + timedelta(days=draw.randrange(days)):%d/%m/%Y}"


def _claims(folder: Path, people: list[dict[str, str]], draw: random.Random) -> None:
    sexes = {"M": "Male", "F": "Female"}
    names, events = [], []
    for number, person in enumerate(people, start=1):
        case = f"C{number:05}"
        names.append([case, *list(person.values())[:3], sexes[person["sex"]], person["postcode"]])
        benefit = draw.choice(["Housing", "Disability", "Carer"])
        amount, region = f"{draw.uniform(20, 180):.2f}", draw.choice(["North", "Yorkshire", "East"])
        events.append([case, _day(date(2022, 1, 1), 365, draw), benefit, amount, region])
    head = ["Case ref", "First Name", "Last Name", "DOB", "Gender", "Post Code"]
    _write(folder / "identities.csv", head, names, ";")
    head = ["Case ref", "Claim start", "Benefit", "Weekly amount", "Region"]
    _write(folder / "claims.csv", head, events, ";")


def _admissions(folder: Path, people: list[dict[str, str]], draw: random.Random) -> None:
    names, events = [], []
    for number, person in enumerate(people, start=100_000):
        names.append([str(number), *person.values()])
        for _ in range(draw.choice([0, 1, 1, 2])):
            admitted = date(2022, 3, 1) + timedelta(days=draw.randrange(500))
            left = admitted + timedelta(days=draw.randrange(1, 20))
            ward = draw.choice(["Medical", "Surgical", "Other"])
            events.append([str(number), f"{admitted:%d/%m/%Y}", f"{left:%d/%m/%Y}", ward])
    head = ["NHS id", "Forename", "Surname", "Birth date", "Sex", "Postcode"]
    _write(folder / "identities.csv", head, names, ",")
    _write(folder / "admissions.csv", ["NHS id", "Admitted", "Discharged", "Ward"], events, ",")


def _write(path: Path, head: list[str], rows: list[list[str]], separator: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows([head, *rows])
