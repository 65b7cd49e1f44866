"""The disclosure-risk report: what an owner reads before an encoding leaves the house.

Traffic lights by metric, no value of any person. Red means: do not send this, unless somebody with
the authority accepts the risk by name. The attacks are those of ``blindlink.owner.attacks``.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import rfc8785

from blindlink.errors import InputError, RiskError
from blindlink.formats.encodings import Encodings
from blindlink.owner import attacks
from blindlink.owner.columns import Coded, Problems, derive
from blindlink.owner.profiles import new_schema
from blindlink.progress import Progress, silent

Light = Literal["green", "amber", "red", "none"]
SAMPLE = 6000
_COLUMNS = 1024
_WORST = {"none": 0, "green": 1, "amber": 2, "red": 3}
_KEYLESS, _KNOWN = (0.02, 0.05), (0.05, 0.10)


@dataclass(frozen=True)
class Metric:
    """One line of the report."""

    name: str
    value: float
    light: Light
    text: str


@dataclass(frozen=True)
class RiskReport:
    """All metrics; ``light`` is the worst of them."""

    rows: int
    sample: int
    schema_fingerprint: str
    metrics: tuple[Metric, ...]

    @property
    def light(self) -> Light:
        return max((metric.light for metric in self.metrics), key=lambda light: _WORST[light])

    def document(self) -> dict[str, Any]:
        """As JSON, numbers as decimal text of four places so that signed forms can hold it."""
        return {
            "format": "blindlink-risk-report-v1",
            "rows": self.rows,
            "sample": self.sample,
            "schema": self.schema_fingerprint,
            "light": self.light,
            "metrics": [
                {"name": m.name, "value": f"{m.value:.4f}", "light": m.light, "text": m.text}
                for m in self.metrics
            ],
        }

    def digest(self) -> str:
        """SHA-256 of the canonical document, for the manifest of a submission."""
        return hashlib.sha256(rfc8785.dumps(self.document())).hexdigest()

    def text(self) -> str:
        """One page for people."""
        lines = [f"{m.light:6} {m.name}: {m.text}" for m in self.metrics]
        return "\n".join(
            [f"{self.light.upper()}  {self.rows} rows, {self.sample} examined", *lines]
        )


def assess(
    table: pa.Table, encodings: Encodings, *, seed: int = 1, progress: Progress = silent
) -> RiskReport:
    """Attack one's own encodings, all filters of a record together and each alone.

    ``table`` holds the identities behind the encodings, row by row. Raises InputError where the two
    do not belong together.
    """
    if len(table) != len(encodings):
        raise InputError(
            f"{len(table)} rows of data but {len(encodings)} encodings",
            hint="give the table that was encoded",
        )
    if len(table) < 2:
        raise InputError("too few rows for a risk report")
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = rng.permutation(len(table))[:SAMPLE]
    truth = _attributes(table)
    sets = _filters(encodings)
    metrics = [*_plain(table, encodings, truth)]
    for done, (name, arrays) in enumerate(sets):
        progress(done, len(sets))
        bits = np.concatenate(
            [np.unpackbits(a[rows], axis=1, count=b) for a, b in arrays], axis=1
        ).astype(np.float32)
        metrics += [_correlation(name, bits, rng), *_attacks(name, bits, truth, rows)]
    progress(len(sets), len(sets))
    return RiskReport(len(table), len(rows), encodings.schema_fingerprint, tuple(metrics))


def checked_digest(table: pa.Table, encodings: Encodings) -> str:
    """The digest of a report that is not red. Raises RiskError naming the red metrics."""
    report = assess(table, encodings)
    if report.light == "red":
        red = [metric.name for metric in report.metrics if metric.light == "red"]
        more = f" and {len(red) - 5} more" if len(red) > 5 else ""
        raise RiskError(f"the disclosure-risk report is red: {'; '.join(red[:5])}{more}")
    return report.digest()


def _filters(encodings: Encodings) -> list[tuple[str, list[tuple[Any, int]]]]:
    """Each filter alone, then all of them and the match keys together, named."""
    alone = list(zip(encodings.filters, encodings.bits, strict=True))
    found = [(f"filter {number}", [one]) for number, one in enumerate(alone, start=1)]
    if len(alone) > 1:
        found.append(("all filters", alone))
    return found


def _attributes(table: pa.Table) -> dict[str, Coded]:
    """What attackers guess, as far as the table has it."""
    schema, _ = new_schema("diffused", [table.column_names])
    columns = derive(table, schema, Problems())
    wanted = ("sex", "first_initial", "last_initial", "birth_year", "birth_month", "birth_day")
    found = {name: columns[name] for name in wanted if name in columns}
    for name, full in (("first_initial", "forename"), ("last_initial", "surname")):
        if name not in found and full in columns:
            found[name] = _initials(columns[full])
    return found


def _initials(column: Coded) -> Coded:
    letters: dict[str, int] = {}
    recode = np.array([letters.setdefault(value[:1], len(letters)) for value in column.values])
    return Coded(list(letters), recode[column.codes])


def _plain(table: pa.Table, encodings: Encodings, truth: dict[str, Coded]) -> list[Metric]:
    """Metrics that need no attack."""
    whole = np.concatenate(encodings.filters, axis=1)
    weight = np.bitwise_count(whole).sum(axis=1, dtype=np.int64)
    mean, spread = float(weight.mean()), float(weight.std())
    empty = float((weight == 0).mean())
    apart = float((np.abs(weight - mean) > 4 * max(spread, 1e-9)).mean())
    missing = [
        float(np.isin(c.codes, [i for i, v in enumerate(c.values) if not v]).mean())
        for c in truth.values()
    ]
    share = max(missing, default=0.0)
    return [
        Metric("empty fields", share, "none", f"{share:.1%} of the field most often missing"),
        Metric("empty encodings", empty, _light(empty, 0.01, 0.1), f"{empty:.2%} of rows"),
        Metric("filter weight", mean, "none", f"mean {mean:.1f}, standard deviation {spread:.1f}"),
        Metric("outlying weights", apart, _light(apart, 0.01, 0.05), f"{apart:.2%} of rows"),
        *_identical(whole, encodings),
        _most_frequent_bit(encodings),
        *_frequent_keys(encodings),
        _unique(table, truth),
    ]


def _identical(whole: np.ndarray, encodings: Encodings) -> list[Metric]:
    """Equal encodings of different entities: a group's size is a frequency to align by."""
    if encodings.entity is not None:
        first = np.unique(encodings.entity.astype(str), return_index=True)[1]
        whole = whole[first]
    filled = whole[whole.any(axis=1)]
    as_rows = np.ascontiguousarray(filled).view(f"V{np.shape(filled)[1]}").ravel()
    counts = np.unique(as_rows, return_counts=True)[1] if len(filled) else np.array([0])
    largest = int(counts.max())
    share = float(counts[counts >= 5].sum() / max(len(filled), 1))
    text = f"largest group {largest}; {share:.2%} of entities in groups of 5 or more"
    return [Metric("identical encodings", share, _light(share, 0.01, 0.05), text)]


def _most_frequent_bit(encodings: Encodings) -> Metric:
    """How far the bits are from equally frequent: a frequent value lights its own bits."""
    most = 0.0
    for packed, bits in zip(encodings.filters, encodings.bits, strict=True):
        share = np.unpackbits(packed[:50_000], axis=1, count=bits).mean(axis=0)
        mean = float(share.mean())
        noise = math.sqrt(max(mean * (1 - mean), 1e-9) / min(len(packed), 50_000))
        most = max(most, float(share.max()) - mean - 5 * noise)
    text = f"{max(most, 0):.2%} above the mean and what chance explains"
    return Metric("most frequent bit", max(most, 0.0), _light(most, 0.1, 0.3), text)


def _frequent_keys(encodings: Encodings) -> list[Metric]:
    found = []
    for number, key in enumerate(encodings.match_keys, start=1):
        filled = np.ascontiguousarray(key[key.any(axis=1)])
        counts = np.unique(filled.view("S16").ravel(), return_counts=True)[1]
        share = float(counts.max() / len(key)) if len(counts) else 0.0
        share = 0.0 if len(counts) and counts.max() < 5 else share
        text = f"the most frequent value is held by {share:.3%} of rows"
        found.append(Metric(f"match key {number}", share, _light(share, 0.001, 0.01), text))
    return found


def _unique(table: pa.Table, truth: dict[str, Coded]) -> Metric:
    rows = np.column_stack([np.zeros(len(table), np.int64), *(c.codes for c in truth.values())])
    counts = np.unique(rows, axis=0, return_counts=True)[1]
    share = float((counts == 1).sum() / len(table))
    text = f"{share:.1%} of rows are alone with their initials, date of birth and sex"
    return Metric("uniqueness", share, "none", text)


def _correlation(name: str, bits: np.ndarray, rng: np.random.Generator) -> Metric:
    """Pairs of bits that move together beyond chance: the start of a co-occurrence attack."""
    chosen = rng.permutation(int(np.shape(bits)[1]))[:_COLUMNS]
    centred = bits[:, chosen] - bits[:, chosen].mean(axis=0)
    spread = centred.std(axis=0)
    varied = centred[:, spread > 0] / spread[spread > 0]
    n = len(bits)
    pairs = np.abs((varied.T @ varied) / n)[np.triu_indices(len(varied.T), 1)]
    share = float((pairs > 2.58 / math.sqrt(n)).mean()) if len(pairs) else 0.0
    highest = float(pairs.max()) if len(pairs) else 0.0
    text = f"{share:.1%} of pairs (chance: 1.0%), highest {highest:.2f}"
    return Metric(f"{name}: correlated bits", share, _light(share, 0.1, 0.5), text)


def _attacks(
    name: str, bits: np.ndarray, truth: dict[str, Coded], rows: np.ndarray
) -> list[Metric]:
    found = []
    for attribute, column in truth.items():
        codes = column.codes[rows]
        blank = [code for code, value in enumerate(column.values) if not value]
        there = ~np.isin(codes, blank)
        part, codes = bits[there], codes[there]
        title = f"{name}: {attribute.replace('_', ' ')}"
        if attribute == "sex" and len(np.unique(codes)) == 2:
            outcome = attacks.principal_components(part, codes)
            found.append(_attack(f"{title} by principal components", outcome, _KEYLESS))
        for how, (attack, known) in attacks.KNOWN_PAIRS.items():
            if len(part) >= known + 500:
                outcome = attack(part, codes, known)
                found.append(_attack(f"{title} by {how}, {known} known", outcome, _KNOWN))
    return found


def _attack(title: str, outcome: attacks.Outcome, limits: tuple[float, float]) -> Metric:
    text = f"{outcome.accuracy:.3f} against {outcome.guess:.3f} by guessing"
    return Metric(title, outcome.gain, _light(outcome.gain, *limits), text)


def _light(value: float, green: float, amber: float) -> Light:
    if value <= green:
        return "green"
    return "amber" if value <= amber else "red"
