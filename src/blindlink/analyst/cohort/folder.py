"""The cohort: what the analyst works on. Pseudonyms and attributes, no row id, no control record.

    cohort.json               where it comes from: agreement, submissions, counts, linkage report
    people.parquet            person, owner: everybody whom the release names
    links.parquet             left, right, probability, method
    candidates.parquet        the same columns: every pair above the agreed floor
    candidate_counts.parquet  person, owner, count: candidates before one-to-one
    OWNER.TABLE.parquet       a payload table, with person in place of the owner's entity id
    linker.head               the linker's signed head of its log up to the freeze, to which the
                              owners' receipts lead too ('blindlink audit verify')
    linkage-LEFT-RIGHT.html   the linkage quality report of two owners, to read; not for publication

``build_cohort`` writes the folder from a release, ``load_cohort`` reads it. Control records are
counted into cohort.json and then dropped: how many, how many of them are linked, and the sum of the
probabilities of their candidate pairs, which measure the rate of false links without truth.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from blindlink.analyst.cohort.linkage_pages import pages
from blindlink.analyst.cohort.opening import Opened, OpenedOwner, open_release
from blindlink.arrays import Bools, Bytes, Structs
from blindlink.errors import FormatError, InputError, OutputError, RefusedError
from blindlink.files import reason, replacing_folder
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement, SignedAgreement
from blindlink.messages.fields import stamp
from blindlink.messages.release import spans
from blindlink.messages.used import read_used, write_used
from blindlink.version import __version__

FORMAT = "blindlink-cohort-v1"
INFO = "cohort.json"
HEAD = "linker.head"
PARTS = ("people", "links", "candidates", "candidate_counts")


@dataclass(frozen=True)
class Cohort:
    """A cohort folder in memory.

    ``tables`` maps (owner, table) to its rows; dates are datetime64, whole numbers with gaps are
    floats. ``info`` is cohort.json.
    """

    people: pd.DataFrame
    links: pd.DataFrame
    candidates: pd.DataFrame
    candidate_counts: pd.DataFrame
    tables: dict[tuple[str, str], pd.DataFrame]
    info: dict[str, Any]


def build_cohort(
    release: Path,
    acting: Acting,
    out: Path,
    *,
    register: Path | None = None,
    force: bool = False,
) -> Cohort:
    """Verify and open a release, and write the cohort folder ``out``.

    ``register``: which release of an agreement was opened stands there; a second one is refused,
    since what changed between the two would tell of single people. Raises RefusedError then, and
    InputError, FormatError, VerificationError, AgreementError, or OutputError when ``out`` exists
    without ``force`` or is something else than a cohort; then nothing is written.
    """
    check_cohort_folder(out, force)
    opened = open_release(release, acting)
    files = _files(opened)
    info = _info(opened, acting.agreement, acting.now)
    if register is not None:
        _register(register, acting.agreement.digest(), opened.manifest.digest())
    with replacing_folder(out, partial(check_cohort_folder, out, force)) as draft:
        for name, table in files.items():
            pa.parquet.write_table(table, draft / f"{name}.parquet", compression="zstd")
        paths = [draft / f"{name}.parquet" for name in files]
        info["digests"]["files"] = {path.name: _digest(path) for path in paths}
        for name, html in pages(info).items():
            (draft / name).write_text(html, "utf-8")
        (draft / HEAD).write_bytes(opened.index.head.signed().to_bytes() + b"\n")
        (draft / INFO).write_text(json.dumps(info, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return _cohort({name: _frame(table) for name, table in files.items()}, info)


def load_cohort(folder: Path) -> Cohort:
    """Read a cohort folder; raises InputError when unreadable and FormatError when altered."""
    info = _read_info(folder)
    frames: dict[str, pd.DataFrame] = {}
    try:
        for name, digest in info["digests"]["files"].items():
            path = folder / name
            content = path.read_bytes() if Path(name).name == name else b""
            if sha256(content).hexdigest() != digest:
                raise FormatError(f"{path}: was altered after the cohort was built")
            frames[path.stem] = _frame(pa.parquet.read_table(pa.BufferReader(content)))
        return _cohort(frames, info)
    except OSError as error:
        raise InputError(f"{folder}: {reason(error)}", hint="check the path") from None
    except (KeyError, AttributeError, TypeError, pa.ArrowException):
        raise FormatError(f"{folder}: not a cohort folder") from None


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def _cohort(frames: dict[str, pd.DataFrame], info: dict[str, Any]) -> Cohort:
    people, links, candidates, counts = (frames[name] for name in PARTS)
    tables = {_split(name): frame for name, frame in frames.items() if name not in PARTS}
    return Cohort(people, links, candidates, counts, tables, info)


def _files(opened: Opened) -> dict[str, pa.Table]:
    """The tables of the folder by file stem, control records left out."""
    persons = _hex(np.concatenate([each.rows["pseudonym"] for each in opened.owners]))
    control = np.concatenate([each.control for each in opened.owners])
    numbers = [len(each.rows) for each in opened.owners]
    owner = pa.array(np.repeat([each.part.name for each in opened.owners], numbers))
    counts = np.concatenate([each.rows["candidates"] for each in opened.owners])
    real = pa.array(~control)
    people = pa.table({"person": persons, "owner": owner})
    files = {
        "people": people.filter(real),
        "links": _pairs(opened.links, opened, persons, control),
        "candidates": _pairs(opened.candidates, opened, persons, control),
        "candidate_counts": people.append_column("count", pa.array(counts.astype(np.int64))).filter(
            real
        ),
    }
    for each, span in zip(opened.owners, spans(opened.bounds), strict=True):
        known = persons.slice(span.start, span.stop - span.start).filter(pa.array(each.forwarded))
        for layout, (table, entity) in zip(each.layout.tables, each.unsealed.tables, strict=True):
            person = known.take(pa.array(entity))
            files[f"{each.part.name}.{layout.name}"] = table.add_column(0, "person", person)
    return files


def _pairs(pairs: Structs, opened: Opened, persons: pa.Array, control: Bools) -> pa.Table:
    left, right = pairs["left"].astype(np.int64), pairs["right"].astype(np.int64)
    keep = ~(control[left] | control[right])
    methods = np.array([*opened.index.methods, ""], dtype=object)
    return pa.table(
        {
            "left": persons.take(pa.array(left[keep])),
            "right": persons.take(pa.array(right[keep])),
            "probability": pa.array(pairs["probability"][keep].astype(np.float64)),
            "method": pa.array(methods[pairs["method"][keep]].tolist(), pa.string()),
        }
    )


def _info(opened: Opened, agreement: SignedAgreement, now: datetime) -> dict[str, Any]:
    terms: Agreement = agreement.agreement
    measured = {
        each.part.name: _controls(each, span, opened)
        for each, span in zip(opened.owners, spans(opened.bounds), strict=True)
    }
    submissions = {each.part.name: each.manifest.digest() for each in opened.owners}
    return {
        "format": FORMAT,
        "project": terms.project,
        "agreement": agreement.digest(),
        "owners": [each.part.name for each in opened.owners],
        "created": stamp(now),
        "counts": {
            each.part.name: _counts(each, span, opened, measured[each.part.name])
            for each, span in zip(opened.owners, spans(opened.bounds), strict=True)
        },
        "controls": measured,
        "losses": {
            each.part.name: [loss.model_dump() for loss in each.layout.losses]
            for each in opened.owners
        },
        "linkage_report": opened.reports[0]["report"],
        "linkage_reports": opened.reports,
        "plan": terms.plan.model_dump(mode="json"),
        "release_policy": dict(terms.release_policy),
        "disclosure_policy": terms.disclosure_policy,
        "log": opened.index.head.document.model_dump(mode="json"),
        "digests": {"release": opened.manifest.digest(), "submissions": submissions},
        "versions": {"blindlink": __version__, "pyarrow": pa.__version__},
    }


def _controls(owner: OpenedOwner, span: slice, opened: Opened) -> dict[str, Any]:
    """The measure of false links: control records of this owner, linked, and as candidates."""
    marked = np.zeros(opened.bounds[-1], bool)
    marked[span] = owner.control
    linked, pairs = np.zeros_like(marked), np.zeros(len(opened.candidates), bool)
    for side in ("left", "right"):
        linked[opened.links[side]] = True
        pairs |= marked[opened.candidates[side]]
    probability = float(np.nansum(opened.candidates["probability"][pairs]))
    return {
        "number": owner.controls,
        "linked": int((linked & marked).sum()),
        "candidates": int(pairs.sum()),
        "probability": probability,
    }


def _counts(
    owner: OpenedOwner, span: slice, opened: Opened, measured: dict[str, Any]
) -> dict[str, int]:
    linked = np.zeros(opened.bounds[-1], bool)
    for side in ("left", "right"):
        linked[opened.links[side]] = True
    return {
        "rows": owner.content.rows,
        "entities": owner.content.entities - owner.controls,
        "controls": owner.controls,
        "controls_linked": measured["linked"],
        "released": int((owner.forwarded & ~owner.control).sum()),
        "linked": int((linked[span] & ~owner.control).sum()),
        "withdrawn": len(owner.taken_out.blobs),
    }


def _register(register: Path, agreement: str, release: str) -> None:
    known = read_used(register).get(agreement)
    if known not in (None, release):
        raise RefusedError(
            "another release of this agreement was opened before: there is one run",
            hint=f"it is the one with the digest {known}; ask the linker why there are two",
        )
    write_used(register, agreement, release)


def check_cohort_folder(out: Path, force: bool) -> None:
    """Only an earlier cohort may be replaced, never a folder with anything else in it."""
    if not out.exists():
        if not out.parent.is_dir():
            raise OutputError(f"{out}: its folder does not exist", hint="make the folder first")
        return
    if not out.is_dir():
        raise OutputError(f"{out}: is not a folder")
    found = {path.name for path in out.iterdir()}
    if found and not (out / INFO).is_file():
        raise OutputError(f"{out}: holds other things than a cohort")
    if found and (other := sorted(found - _written(out))):
        raise OutputError(
            f"{out}: holds {other[0]}, which is not part of the cohort",
            hint="move it elsewhere; only what was written with the cohort is replaced",
        )
    if not force:
        raise OutputError(f"{out}: exists already")


def _written(folder: Path) -> set[str]:
    """The names of the files that ``build_cohort`` wrote there."""
    info = _read_info(folder)
    reports = info.get("linkage_reports", [])
    try:
        html = {f"linkage-{each['left']}-{each['right']}.html" for each in reports}
        return {INFO, HEAD, *info["digests"]["files"], *html}
    except (KeyError, TypeError):
        raise FormatError(f"{folder}: not a cohort folder") from None


def _read_info(folder: Path) -> dict[str, Any]:
    try:
        info = json.loads((folder / INFO).read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder / INFO}: {reason(error)}", hint="give a folder that 'analyst cohort' made"
        ) from None
    except (ValueError, RecursionError):
        raise FormatError(f"{folder / INFO}: not readable") from None
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise FormatError(f"{folder / INFO}: not the description of a cohort")
    return info


def _split(name: str) -> tuple[str, str]:
    owner, _, table = name.partition(".")
    return owner, table


def _hex(ids: Bytes) -> pa.Array:
    return pa.array([row.tobytes().hex() for row in ids], pa.string())


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
