"""Two people before a release: nothing goes out that an output checker did not sign as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import blindlink.studies.probation_treatment.report as reporting
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.checked import Published, approve, publish
from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    OutputError,
    RefusedError,
    VerificationError,
)
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.studies.probation_treatment.definitions import Settings
from worlds.parties import NOW, keys, signed, with_checkers
from worlds.sample_tables import study

AGREED = with_checkers("carol")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("made") / "report"
    reporting.publish(
        study(), folder, settings=Settings(), policy=Policy(threshold=5), seed=1, now=NOW,
        info={"agreement": AGREED.digest(), "project": "study"},
    )  # fmt: skip
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def report(tmp_path: Path, made: dict[str, bytes]) -> Path:
    for name, data in made.items():
        path = tmp_path / "report" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "report"


def sign(report: Path, name: str = "carol", agreement: SignedAgreement = AGREED) -> Path:
    path = report.with_name("report.check")
    approve(report, agreement, keys(name), "Read every table.", now=NOW).save(path)
    return path


def send(report: Path, check: Path | None, agreement: SignedAgreement = AGREED) -> Published:
    return publish(report, agreement, check, report.with_name("published"), now=NOW)


def test_what_the_checker_signed_goes_out_and_the_record_says_who(report: Path) -> None:
    done = send(report, sign(report))
    out = {p.relative_to(done.folder).as_posix() for p in done.folder.rglob("*") if p.is_file()}
    assert out == set(done.files)
    assert "report.html" in out
    assert "audit.json" not in out
    assert all((done.folder / n).read_bytes() == (report / n).read_bytes() for n in out)
    record = json.loads(done.record.read_text())
    assert record["output_check"]["checker"] == "carol"
    assert record["output_check"]["fingerprint"] == keys("carol").public.fingerprint()
    assert record["output_check"]["comments"] == "Read every table."
    assert set(record["published"]["files"]) == out
    assert record["tables"] == json.loads((report / "audit.json").read_text())["tables"]


def test_without_a_checker_nothing_goes_out(report: Path) -> None:
    with pytest.raises(RefusedError, match="no output checker has signed it"):
        send(report, None)
    assert not report.with_name("published").exists()


def test_an_agreement_that_names_no_checker_publishes_nothing(report: Path) -> None:
    with pytest.raises(RefusedError, match="names no output checker"):
        send(report, sign(report), signed())
    with pytest.raises(AgreementError, match="none of its output checkers"):
        sign(report, "carol", signed())


@pytest.mark.parametrize("name", ["lab", "moj", "ttp", "dave"])
def test_nobody_but_a_named_checker_can_sign(report: Path, name: str) -> None:
    with pytest.raises(AgreementError, match="none of its output checkers"):
        sign(report, name)


def test_a_check_by_the_analyst_is_refused(report: Path) -> None:
    """The analyst draws up an agreement of its own, with its own key: its digest is another."""
    path = report.with_name("report.check")
    forged = json.loads(sign(report).read_bytes())
    forged["document"]["signer"] = keys("lab").public.fingerprint()
    path.write_bytes(json.dumps(forged, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    with pytest.raises(AgreementError, match="none of its output checkers"):
        send(report, path)


def _append(name: str) -> Callable[[Path], object]:
    def change(report: Path) -> None:
        (report / name).write_bytes((report / name).read_bytes() + b" ")

    return change


CHANGES: dict[str, tuple[Callable[[Path], object], type[BlindlinkError]]] = {
    "page": (_append("report.html"), VerificationError),
    "table": (_append("tables/flow.csv"), VerificationError),
    "run": (_append("run.json"), VerificationError),
    "audit": (_append("audit.json"), VerificationError),
    "one more": (lambda r: (r / "tables" / "more.csv").write_text("a\n1\n"), VerificationError),
    "one less": (lambda r: (r / "tables" / "flow.csv").unlink(), VerificationError),
    "no audit": (lambda r: (r / "audit.json").unlink(), InputError),
    "link": (lambda r: (r / "x.csv").symlink_to(r / "run.json"), FormatError),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_a_report_that_changed_after_the_signature_stays(report: Path, what: str) -> None:
    check = sign(report)
    change, error = CHANGES[what]
    change(report)
    with pytest.raises(error):
        send(report, check)
    assert not report.with_name("published").exists()
    assert not report.with_name("published.audit.json").exists()


def test_a_changed_table_is_refused_even_where_its_digests_are_changed_with_it(
    report: Path,
) -> None:
    from hashlib import sha256

    check = sign(report)
    table = report / "tables" / "flow.csv"
    table.write_bytes(table.read_bytes() + b"x")
    audit = json.loads((report / "audit.json").read_text())
    audit["outputs"]["tables/flow.csv"] = sha256(table.read_bytes()).hexdigest()
    (report / "audit.json").write_text(json.dumps(audit))
    with pytest.raises(VerificationError, match=r"flow\.csv is not as carol signed it"):
        send(report, check)


def test_the_checker_signs_nothing_that_the_gate_did_not_write(report: Path) -> None:
    (report / "tables" / "more.csv").write_text("a\n1\n")
    with pytest.raises(VerificationError, match="not as the disclosure gate wrote it"):
        sign(report)


def test_a_report_under_another_agreement_or_a_weaker_policy(report: Path) -> None:
    with pytest.raises(AgreementError, match="under another agreement"):
        sign(report, "dave", with_checkers("dave"))
    audit = json.loads((report / "audit.json").read_text())
    audit["policy"]["threshold"] = 3
    (report / "audit.json").write_text(json.dumps(audit))
    with pytest.raises(RefusedError, match="weaker than the agreed one in: threshold"):
        sign(report)


def test_what_is_published_is_never_replaced(report: Path) -> None:
    check = sign(report)
    send(report, check)
    with pytest.raises(OutputError, match="exists already"):
        send(report, check)
