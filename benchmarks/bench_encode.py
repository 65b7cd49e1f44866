"""Encoding speed against clkhash, in turn in one process on the same people, as a ratio.

    python benchmarks/bench_encode.py --rows 1000000 --reference-rows 200000
    python benchmarks/bench_encode.py --rows 100000 --reference-rows 100000
    python benchmarks/bench_encode.py --profiles weak names diffused --rows 100000
    python benchmarks/bench_encode.py --file 10000000

Records per core-second: CPU time of the process and its children, so that other work on the machine
and the number of cores do not count. With --profiles the kernels are loaded before (first 5,000
rows). clkhash is timed on the first --reference-rows rows; its rate
does not grow with the rows, as its caches of tokens are small. With one core and with all, the
seconds on the clock are printed too. --file writes a CSV file of so many rows, encodes it batch by
batch and prints the memory that the process and its workers held at most.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict

from blindlink.keys import LinkageKey
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding.batch import cores
from blindlink.owner.encoding.encode import encode
from blindlink.owner.encoding.files import encode_file
from blindlink.schema.document import parse_schema
from blindlink.schema.profiles.making import new_schema
from blindlink.synthetic.generator.names import english_names

KEY = LinkageKey(bytes(range(32)))
TEXT = {"type": "string"}
# What the weaker of two owners has: the profile is made for both.
WEAK = ["first_initial", "last_initial", "date_of_birth", "sex", "postcode_outward"]


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


def against_clkhash(rows: int, reference_rows: int) -> str:
    """The n-gram schema, ours and theirs."""
    table = people(rows)
    few = table.slice(0, reference_rows)
    records = list(zip(*(few.column(name).to_pylist() for name in few.column_names), strict=True))
    reference = from_json_dict(NGRAMS)
    theirs: list[Any] = []
    ours: list[Encodings] = []

    def clkhash() -> None:
        theirs[:] = generate_clks(records, reference, KEY.secret, max_workers=1)

    schema = parse_schema(NGRAMS)
    spent, wall = cpu_seconds(lambda: ours.append(encode(table, schema, KEY, workers=1)))
    base, _ = cpu_seconds(clkhash)
    _, all_cores = cpu_seconds(lambda: encode(table, schema, KEY))
    same = all(bytes(a) == b.tobytes() for a, b in zip(ours[0].filters[0], theirs, strict=False))
    rate, base_rate = rows / spent, reference_rows / base
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"rows {rows:,}: clkhash ({reference_rows:,} rows) {base_rate:,.0f} and blindlink "
        f"{rate:,.0f} records per core-second, ratio {rate / base_rate:.1f}; on one core "
        f"{wall:.2f} s, on {cores()} {all_cores:.2f} s; peak {peak:.2f} GiB, bytes equal: {same}\n"
    )


def of_profile(profile: str, rows: int, reference_rows: int) -> str:
    """A shipped profile on one core and on all, and clkhash's n-grams of the same rows in turn."""
    table = people(rows)
    names = WEAK if profile == "weak" else table.column_names
    schema, _ = new_schema(profile, [names, table.column_names])
    start, _ = cpu_seconds(lambda: encode(table.slice(0, 5000), schema, KEY, workers=1))
    spent, wall = cpu_seconds(lambda: encode(table, schema, KEY, workers=1))
    few = table.slice(0, reference_rows)
    records = list(zip(*(few.column(name).to_pylist() for name in few.column_names), strict=True))
    reference = from_json_dict(NGRAMS)
    base, _ = cpu_seconds(lambda: generate_clks(records, reference, KEY.secret, max_workers=1))
    _, all_cores = cpu_seconds(lambda: encode(table, schema, KEY))
    rate, base_rate = rows / spent, reference_rows / base
    return (
        f"profile {profile}, rows {rows:,}: {rate:,.0f} records per core-second, clkhash "
        f"({reference_rows:,} rows) {base_rate:,.0f}, ratio {rate / base_rate:.1f}; on one core "
        f"{wall:.2f} s, on {cores()} {all_cores:.2f} s; first 5,000 rows {start:.1f} core-s\n"
    )


def of_file(rows: int) -> str:
    """CSV in, Parquet out, batch by batch; identifiers checked over all rows."""
    with TemporaryDirectory() as folder:
        data, schema, key, out = (Path(folder) / name for name in ("a.csv", "S", "K", "out"))
        _write(data, rows)
        schema.write_text(json.dumps(NGRAMS))
        KEY.save(key)
        command = [sys.executable, __file__, "--encode", *map(str, (data, schema, key, out))]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _write(data: Path, rows: int) -> None:
    writer = None
    for start in range(0, rows, 1_000_000):
        size = min(1_000_000, rows - start)
        ids = [f"r{row:09}" for row in range(start, start + size)]
        table = people(size, seed=start).append_column("record_id", pa.array(ids))
        writer = writer or pa.csv.CSVWriter(data, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _encode(data: Path, schema: Path, key: Path, out: Path) -> str:
    spent, wall = cpu_seconds(lambda: encode_file(data, schema, key, out))
    own = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    rows = pa.parquet.read_metadata(out).num_rows
    return (
        f"file of {rows:,} rows: {rows / spent:,.0f} records per core-second, {wall:.0f} s on "
        f"{cores()} cores, peak {own / 2**20:.2f} GiB\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--reference-rows", type=int, default=100_000)
    parser.add_argument("--profiles", nargs="*", default=[])
    parser.add_argument("--file", type=int, default=0)
    parser.add_argument("--encode", nargs=4, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.encode:
        sys.stdout.write(_encode(*options.encode))
    elif options.file:
        sys.stdout.write(of_file(options.file))
    elif options.profiles:
        for profile in options.profiles:
            sys.stdout.write(
                of_profile(profile, options.rows, min(options.rows, options.reference_rows))
            )
    else:
        sys.stdout.write(against_clkhash(options.rows, min(options.rows, options.reference_rows)))


if __name__ == "__main__":
    main()
