"""Encoding speed against clkhash, in turn in one process on the same people, as a ratio.

    python benchmarks/bench_encode.py --rows 1000000 --reference-rows 100000

Records per core-second: CPU time of the process and its children, so that other work on the machine
and the number of cores do not count. clkhash is timed on the first --reference-rows rows; its rate
does not grow with the rows, as its caches of tokens are small.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict

from blindlink.formats.schema import parse_schema
from blindlink.keys import LinkageKey
from blindlink.owner.encode import encode
from blindlink.study.names import english_names

KEY = LinkageKey(bytes(range(32)))
TEXT = {"type": "string"}


def feature(name: str, form: dict[str, Any], n: int, bits: int, **more: Any) -> dict[str, Any]:
    return {
        "identifier": name,
        "format": form,
        "hashing": {
            "comparison": {"type": "ngram", "n": n, **more},
            "strategy": {"bitsPerFeature": bits},
        },
    }


NGRAMS = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}},
    "features": [
        feature("forename", TEXT, 2, 200),
        feature("surname", TEXT, 2, 200),
        feature("date_of_birth", {"type": "date", "format": "%Y-%m-%d"}, 1, 200, positional=True),
        feature("sex", {"type": "enum", "values": ["M", "F"]}, 1, 40),
        feature("postcode", TEXT, 2, 150, positional=True),
    ],
}


def people(rows: int, seed: int = 1) -> pa.Table:
    """Names and dates that recur as they do among people; postcodes of some fifteen households."""
    rng = np.random.default_rng(seed)
    names = english_names()
    female, asian = rng.random(rows) < 0.5, rng.random(rows) < 0.08
    year = 2020 - np.clip(rng.gamma(6, 7, rows), 0, 100).astype(int)
    forename = names.forenames[names.draw_forenames(rng, female, asian, year)]
    surname = names.surnames[names.draw_surnames(rng, asian)]
    born = year.astype(str).astype("datetime64[D]") + rng.integers(0, 365, rows)
    areas = np.array([f"{a}{b}{n}" for a in "BLMNS" for b in "AERST" for n in range(1, 40)])
    unit = rng.integers(0, max(1, rows // 15), rows)
    letters = np.array([f"{x}{y}" for x in "ABDEFGHJLN" for y in "PQRSTUWXYZ"])
    spaces = np.char.add(areas[unit % len(areas)], " ")
    inward = np.char.add((unit // 7 % 10).astype(str), letters[unit % 100])
    return pa.table(
        {
            "forename": pa.array(forename.tolist()),
            "surname": pa.array(surname.tolist()),
            "date_of_birth": pa.array(born.astype(str).tolist()),
            "sex": pa.array(np.where(female, "F", "M").tolist()),
            "postcode": pa.array(np.char.add(spaces, inward).tolist()),
        }
    )


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU seconds and wall seconds of a piece of work, worker processes included."""

    def used() -> float:
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, who))

    start, wall = used(), time.perf_counter()
    work()
    return used() - start, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--reference-rows", type=int, default=100_000)
    options = parser.parse_args()
    table = people(options.rows)
    few = table.slice(0, options.reference_rows)
    records = list(zip(*(few.column(name).to_pylist() for name in few.column_names), strict=True))
    reference = from_json_dict(NGRAMS)
    theirs: list[Any] = []

    def clkhash() -> None:
        theirs[:] = generate_clks(records, reference, KEY.secret, max_workers=1)

    base, _ = cpu_seconds(clkhash)
    ours: list[Any] = []
    spent, wall = cpu_seconds(lambda: ours.append(encode(table, parse_schema(NGRAMS), KEY)))
    same = all(bytes(a) == b.tobytes() for a, b in zip(ours[0].filters[0], theirs, strict=False))
    rate, base_rate = options.rows / spent, options.reference_rows / base
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(
        f"rows {options.rows}: clkhash {base_rate:,.0f} and blindlink {rate:,.0f} records per "
        f"core-second, ratio {rate / base_rate:.1f}; wall {wall:.1f} s, peak {peak:.2f} GiB, "
        f"bytes equal: {same}\n"
    )


if __name__ == "__main__":
    main()
