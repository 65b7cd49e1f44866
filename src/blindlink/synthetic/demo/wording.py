"""What the demo says after each stage: what a party received, what it learned, what it did not."""

import json
from pathlib import Path

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.publish.checked import Published
from blindlink.analyst.publish.writing import ReportResult
from blindlink.keys import PartyPublic
from blindlink.linker.model.evaluate import Evaluation, Figure
from blindlink.linker.protocol.release import Released
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.linkage_report import Estimate, LinkageReport
from blindlink.messages.output_check import OutputCheck
from blindlink.messages.signed import Signed
from blindlink.owner.risk.gate import document_of, page_of
from blindlink.owner.submit import Submitted
from blindlink.synthetic.demo.febrl import Benchmark
from blindlink.synthetic.generator.generate import Study


def made(study: Study) -> list[str]:
    """The extracts and the truth."""
    rows = {name: table.num_rows for name, table in study.tables.items()}
    return [
        f"moj: {rows['moj/events']:,} requirement records, {rows['moj/identities']:,} identity "
        "rows (names, aliases, addresses)",
        f"ohid: {rows['ohid/identities']:,} treatment people, initials only, "
        f"{rows['ohid/events']:,} episodes, {rows['ohid/details']:,} TOP forms",
        "truth: who is whom and who truly engaged; no party has it",
    ]


def keyed(publics: list[PartyPublic]) -> list[str]:
    """Who the parties are."""
    names = ", ".join(f"{public.name} ({public.role})" for public in publics)
    return [f"{names}: private keys stay at home, public ones go to everybody"]


def agreed(signed: SignedAgreement) -> list[str]:
    """What was signed."""
    terms = signed.agreement
    return [
        f"signed by {', '.join(terms.names)}; digest {signed.digest()[:16]}",
        f"release of {_policies(signed)}; controls {_controls(signed)}",
    ]


def shared(receiver: PartyPublic) -> list[str]:
    """The linkage secret."""
    return [f"the linkage secret goes sealed to {receiver.name}: linker and analyst never see it"]


def submitted(found: Submitted) -> list[str]:
    """What an owner handed in."""
    return [
        f"{found.rows:,} encoded rows of {found.entities:,} entities, {found.controls:,} of them "
        f"control records; {megabytes(found.path)}",
        *_risk(found),
        "learned nothing, and will not learn who matched",
    ]


def _risk(found: Submitted) -> list[str]:
    report = document_of(found.path)
    if not report.exists():
        return []
    light = json.loads(report.read_bytes())["light"]
    return [f"attacked its own encodings first: {light} ({page_of(found.path).name})"]


def released(found: Released) -> list[str]:
    """What the linker saw and let out."""
    report = found.report
    counts = report.counts
    lines = [
        f"received {counts.left_rows:,} and {counts.right_rows:,} encodings, and payloads that it "
        "cannot open",
        f"compared {counts.pairs_compared:,} pairs; threshold {report.threshold:.3f} "
        f"({report.threshold_method}) without any truth",
        f"learned {found.links:,} pairs of row numbers, nobody's identity; expected precision "
        f"{estimate(report.precision)}, sensitivity {estimate(report.sensitivity)}",
    ]
    return [*lines, f"released {found.links:,} links, {found.candidates:,} candidates"]


def opened(cohort: Cohort, owner: str) -> list[str]:
    """What the analyst holds, and what the control records say."""
    counts = cohort.people["owner"].value_counts()
    people = ", ".join(f"{counts[name]:,} of {name}" for name in cohort.info["owners"])
    control = cohort.info["counts"][owner]
    share = 100 * control["controls_linked"] / max(1, control["controls"])
    return [
        f"received pseudonyms ({people}) with attributes, {len(cohort.links):,} links",
        f"learned that {control['controls_linked']:,} of {control['controls']:,} control records "
        f"were linked: about {share:.1f} % of those without a record are linked to a stranger",
    ]


def gated(found: ReportResult) -> list[str]:
    """What the gate let through."""
    withheld = sum(sum(table.withheld.values()) for table in found.audit.tables)
    return [
        f"{len(found.tables)} tables passed the disclosure gate, {withheld:,} cells withheld: "
        "report.html, report.xlsx, tables/*.csv"
    ]


def checked(found: Signed[OutputCheck]) -> list[str]:
    """What somebody else than the analyst signed."""
    return [f"signed exactly these {len(found.document.files)} files; {found.document.comments}"]


def published(found: Published) -> list[str]:
    """What left the analyst."""
    return [
        f"{len(found.files)} files, as {found.checker.name} signed them: {found.folder.name}/; "
        f"{found.record.name} says who let them go"
    ]


def dealt(data: Benchmark) -> list[str]:
    """The two sides of a benchmark."""
    return [
        f"{data.left.num_rows:,} and {data.right.num_rows:,} records (names, date of birth, "
        f"address), {data.pairs:,} people on both sides"
    ]


def linked(report: LinkageReport) -> list[str]:
    """What the bare linker saw."""
    return [
        f"compared {report.counts.pairs_compared:,} pairs; threshold {report.threshold:.3f} "
        f"({report.threshold_method}) without any truth",
        f"{report.counts.links:,} links; expected precision {estimate(report.precision)}, "
        f"recall {estimate(report.recall)}",
    ]


def scored(quality: Evaluation) -> list[str]:
    """The linkage against the truth."""
    return [
        f"{quality.true_links:,} of {quality.links:,} links are right; "
        f"{quality.true_pairs:,} true pairs were there to be found"
    ]


def estimate(found: Estimate | Figure | None) -> str:
    """A share in percent with its interval."""
    if found is None or found.value is None or found.low is None or found.high is None:
        return "not known"
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def megabytes(path: Path) -> str:
    """The size of a file."""
    return f"{path.stat().st_size / 1e6:,.1f} MB"


def _policies(signed: SignedAgreement) -> str:
    policy = signed.agreement.release_policy
    return ", ".join(f"{name}: {rule}" for name, rule in policy.items())


def _controls(signed: SignedAgreement) -> str:
    return ", ".join(f"{name}: {number}" for name, number in signed.agreement.controls.items())
