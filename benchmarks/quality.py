"""Quality of linkage on data with truth: F1 at ``auto``, calibration, coverage of the intervals.

    python -m benchmarks.quality --seeds 2 --out quality.json --page docs/reference/quality.md

Nothing is tuned per data set: every set is linked by the default plan with its cardinality. A long
run may be made in pieces (``--only``, ``--out``) and put together (``--results``). ``--page``
writes the table into a page, between its two marks.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.quality_sets import DataSet, Files, every

from blindlink.errors import SeparationError
from blindlink.keys import LinkageKey
from blindlink.linker.model.link import Candidates, Linkage, link
from blindlink.messages.linkage_report import Estimate
from blindlink.messages.plan import Plan
from blindlink.owner.encoding.encode import encode
from blindlink.schema.profiles.making import LEAST_PEOPLE, new_schema

SECRET = bytes(range(32))
Z99 = 2.5758


@dataclass(frozen=True)
class Result:
    """One set with one seed. Coverage is 1 where the interval holds the truth."""

    name: str
    profile: str
    seed: int
    true_pairs: int
    links: int
    threshold: float
    precision: float
    recall: float
    f1: float
    best_f1: float
    best_threshold: float
    expected_precision: float
    expected_recall: float
    expected_f1: float
    precision_covered: bool
    recall_covered: bool
    deciles: int
    deciles_off: int
    brier: float
    seconds: float


def main() -> int:
    """Run every set with every seed, print a line for each, write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="", help="sets whose name or profile holds this text")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument(
        "--results", type=Path, nargs="*", help="earlier --out files, not to repeat"
    )
    chosen = parser.parse_args()
    results = [
        Result(**each) for path in chosen.results or () for each in json.loads(path.read_text())
    ]
    for data in () if results else every(chosen.scale):
        if chosen.only not in f"{data.name} {data.profile}":
            continue
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            result = measure(data, seed)
            print(_line(result) if result else f"{data.name} {data.profile}: refused", flush=True)
            results += [result] if result else []
    if chosen.out:
        chosen.out.write_text(json.dumps([asdict(result) for result in results], indent=1))
    if chosen.page:
        insert(chosen.page, "quality", table(results))
    return 0


def insert(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks of this name in a page."""
    before, start, rest = page.read_text("utf-8").partition(f"<!-- begin {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    if not start or not end:
        raise SystemExit(f"{page}: has no marks for {name}")
    page.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")


def measure(data: DataSet, seed: int, people: int | None = None) -> Result | None:
    """Encode, link by the default plan and compare with the truth; None where auto refuses.

    ``people``: how many the schema is for, by default what the set says.
    """
    files = data.make(seed)
    rows = max(LEAST_PEOPLE, len(files.left), len(files.right))
    size = people or data.people or rows
    names = [files.left.column_names, files.right.column_names]
    schema, _ = new_schema(data.profile, names, people=size)
    key = LinkageKey(SECRET)
    left, right = encode(files.left, schema, key), encode(files.right, schema, key)
    started = time.perf_counter()
    plan = Plan(cardinality=files.cardinality)  # type: ignore[arg-type]
    try:
        found = link(left, right, plan)
    except SeparationError:
        return None
    seconds = time.perf_counter() - started
    right_links = correct(found.links, files)
    total = len(files.truth)
    precision, recall = right_links.mean(), right_links.sum() / total
    low = f"{max(found.report.model['score_floor'], found.report.threshold - 0.3):.4f}"
    everything = link(left, right, plan.model_copy(update={"threshold": low}))
    best_f1, best_threshold = best(everything, files)
    deciles, off, brier = calibration(found, files)
    report = found.report
    assert report.precision is not None
    assert report.recall is not None
    assert report.f1 is not None
    return Result(
        name=data.name,
        profile=data.profile,
        seed=seed,
        true_pairs=total,
        links=len(found.links),
        threshold=report.threshold,
        precision=float(precision),
        recall=float(recall),
        f1=float(2 * right_links.sum() / (len(found.links) + total)),
        best_f1=best_f1,
        best_threshold=best_threshold,
        expected_precision=report.precision.value,
        expected_recall=report.recall.value,
        expected_f1=report.f1.value,
        precision_covered=_holds(report.precision, float(precision)),
        recall_covered=_holds(report.recall, float(recall)),
        deciles=deciles,
        deciles_off=off,
        brier=brier,
        seconds=seconds,
    )


def correct(pairs: Candidates, files: Files) -> npt.NDArray[np.bool_]:
    """Which pairs are right."""
    first, second = files.keys
    keys = zip(pairs.left_row.tolist(), pairs.right_row.tolist(), strict=True)
    return np.array([(first[a], second[b]) in files.truth for a, b in keys], bool)


def best(found: Linkage, files: Files) -> tuple[float, float]:
    """The best F1 over all thresholds, and its threshold; links are nested in the threshold."""
    return best_of(found.links.score, correct(found.links, files), len(files.truth))


def best_of(
    score: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], truth: int
) -> tuple[float, float]:
    """The same for links sorted by score; ``right`` says which are right, of ``truth`` pairs."""
    hits = np.cumsum(right)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + truth)
    f1[:-1][score[1:] == score[:-1]] = 0
    place = int(f1.argmax())
    return float(f1[place]), float(score[place])


def calibration(found: Linkage, files: Files) -> tuple[int, int, float]:
    """Deciles of probability in use, those off by more than .03 and the 99 % band; Brier."""
    chance, right = found.candidates.probability, correct(found.candidates, files)
    group = np.minimum((chance * 10).astype(int), 9)
    used = off = 0
    for number in range(10):
        inside = group == number
        if not inside.any():
            continue
        mean, share = chance[inside].mean(), right[inside].mean()
        band = Z99 * np.sqrt(mean * (1 - mean) / inside.sum())
        used += 1
        off += bool(abs(mean - share) > max(0.03, band))
    return used, off, float(np.mean((chance - right) ** 2))


def table(results: list[Result]) -> str:
    """A Markdown table: one row per set, means over the seeds."""
    lines = [
        "| data | profile | seeds | pairs | best F1 | F1 at auto | expected | precision | recall "
        "| deciles off | Brier |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, profile in dict.fromkeys((result.name, result.profile) for result in results):
        group = [r for r in results if (r.name, r.profile) == (name, profile)]

        def mean(field: str, group: list[Result] = group) -> float:
            return float(np.mean([getattr(result, field) for result in group]))

        figures = ("best_f1", "f1", "expected_f1", "precision", "recall")
        cells = [name, profile, len(group), f"{mean('true_pairs'):.0f}"]
        cells += [f"{mean(figure):.4f}" for figure in figures]
        off, used = (sum(getattr(r, each) for r in group) for each in ("deciles_off", "deciles"))
        cells += [f"{off} of {used}", f"{mean('brier'):.4f}"]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    lines += ["", summary(results), versions("blindlink", "numpy", "numba", "scipy")]
    return "\n".join(lines)


def versions(*names: str) -> str:
    """The versions of these packages and of Python."""
    found = [f"{name} {version(name)}" for name in names]
    return f"Measured with {', '.join(found)}, Python {platform.python_version()}."


def summary(results: list[Result]) -> str:
    """Shares over all sets and seeds."""
    count = len(results)
    gap = np.array([result.best_f1 - result.f1 for result in results])
    return (
        f"{count} linkages. F1 at auto within .01 of the best F1: {(gap <= 0.01).sum()} "
        f"(largest gap {gap.max():.4f}, mean {gap.mean():.4f}). Interval of precision holds the "
        f"truth: {sum(r.precision_covered for r in results)}; of recall: "
        f"{sum(r.recall_covered for r in results)}. Deciles off: "
        f"{sum(r.deciles_off for r in results)} of {sum(r.deciles for r in results)}."
    )


def _holds(estimate: Estimate, value: float) -> bool:
    return bool(estimate.low <= value <= estimate.high)


def _line(result: Result) -> str:
    return (
        f"{result.name:38} {result.profile:9} {result.seed} "
        f"F1 {result.f1:.4f} (best {result.best_f1:.4f} at {result.best_threshold:.3f}, "
        f"auto {result.threshold:.3f}, expected {result.expected_f1:.4f}) "
        f"P {result.precision:.4f} ({result.expected_precision:.4f})"
        f"{'' if result.precision_covered else '!'} "
        f"R {result.recall:.4f} ({result.expected_recall:.4f})"
        f"{'' if result.recall_covered else '!'} "
        f"deciles off {result.deciles_off}/{result.deciles} {result.seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
