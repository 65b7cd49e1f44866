"""Vectors of the linkage secret (docs/spec/secret.md), of heads, log and receipt (audit.md)."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from blindlink.keys import LinkageKey, PartyKeys
from blindlink.keys.files import encode
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import parse_agreement
from blindlink.messages.agreement.secret import seal_secret
from blindlink.messages.audit.log import AuditLog, Head
from blindlink.messages.audit.proofs import prove_consistency, prove_inclusion
from blindlink.messages.audit.receipt import EVENT, Receipt, Rejection, log_details, make_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.output_check import make_check
from blindlink.messages.signed import Signed
from vectors import vectors_agreement
from vectors.world import BASE, Document, Vector, agreement, keys, secret, told
from worlds.parties import NOW, entropy, project_event

Edit = Callable[[Document], Any]


def resigned(data: bytes, edit: Edit, signer: PartyKeys) -> bytes:
    """A signed document edited, and signed again by ``signer``."""
    document = deepcopy(canonical.loads(data.removesuffix(b"\n")))["document"]
    edit(document)
    message = canonical.dumps(document)
    signatures = signer.sign(message, domain=document["format"]).model_dump()
    return canonical.dumps({"document": document, "signatures": signatures}) + b"\n"


def altered(data: bytes, edit: Edit) -> bytes:
    """A signed document edited, with the signatures as they were."""
    found = deepcopy(canonical.loads(data.removesuffix(b"\n")))
    edit(found)
    return canonical.dumps(found) + b"\n"


def _made(suffix: str, faults: dict[str, tuple[bytes, str, str, str]]) -> list[Vector]:
    return [
        Vector(f"{name}.{suffix}", data, expect, step, message, name.replace("-", " "))
        for name, (data, expect, step, message) in faults.items()
    ]


# ------------------------------------------------------------------------------------------ secret


def secrets(scratch: Path) -> list[Vector]:
    """Envelopes that ohid opens."""
    good = (BASE / "for-ohid.secret").read_bytes()
    moj, ohid, ttp = keys("moj"), keys("ohid"), keys("ttp")
    info = {
        "agreement": agreement().digest(),
        "format": "blindlink-secret-v1",
        "recipient": ohid.public.fingerprint(),
        "sender": moj.public.fingerprint(),
    }

    def sealed(**changes: Any) -> Edit:
        key = changes.pop("key", secret())
        to = changes.pop("to", ohid).public
        data = to.seal(key.secret, canonical.dumps(info | changes))
        return lambda d: d.update(sealed=encode(data))

    def back(document: Document) -> None:
        """ohid's own envelope to moj, which ohid cannot open."""
        made = seal_secret(secret(), Acting(agreement(), ohid, NOW), to=moj.public)
        document.update(made.document.model_dump())

    def signer(party: PartyKeys) -> Edit:
        return lambda d: d.update(signer=party.public.fingerprint())

    other_key = LinkageKey.generate(entropy("vector other key"))
    verify, refuse, shape = "VerificationError", "RefusedError", "FormatError"
    faults = {
        "other-agreement": (
            resigned(good, lambda d: d.update(agreement="0" * 64), moj),
            *("AgreementError", "agreement", "another agreement"),
        ),
        "from-a-stranger": (
            resigned(good, signer(keys("mallory")), keys("mallory")),
            *("AgreementError", "agreement", "none of its parties"),
        ),
        "from-the-linker": (resigned(good, signer(ttp), ttp), refuse, "role", "ttp is linker"),
        "signed-by-another": (resigned(good, lambda d: None, ohid), verify, "signature", "of moj"),
        "altered": (
            altered(good, lambda f: f["document"].update(created="2026-11-23T12:00:01Z")),
            *(verify, "signature", "signature of moj"),
        ),
        "passed-on": (resigned(good, signer(ohid), ohid), verify, "key", "does not open"),
        "for-another": (resigned(good, back, ohid), verify, "key", "does not open"),
        "sealed-to-another": (resigned(good, sealed(to=moj), moj), verify, "key", "does not open"),
        "sealed-elsewhere": (
            resigned(good, sealed(agreement="0" * 64), moj),
            *(verify, "key", "does not open"),
        ),
        "sealed-for-another-format": (
            resigned(good, sealed(format="blindlink-secret-v0"), moj),
            *(verify, "key", "does not open"),
        ),
        "other-recipient": (
            resigned(good, lambda d: d.update(recipient=d["signer"]), moj),
            *(verify, "key", "does not open"),
        ),
        "another-key": (
            resigned(good, sealed(key=other_key), moj),
            *(verify, "check value", "check value of"),
        ),
        "short": (resigned(good, lambda d: d.update(sealed="AAAA"), moj), shape, "file", "sealed"),
        "unknown-field": (
            resigned(good, lambda d: d.update(x=1), moj),
            shape,
            "file",
            "x: is not known",
        ),
        "no-line-feed": (good[:-1], shape, "file", "line feed"),
        "a-head": (_head(scratch, 1), shape, "file", "format"),
    }
    again = seal_secret(secret(), Acting(agreement(), moj, NOW), to=ohid.public).to_bytes()
    return [
        Vector("valid.secret", good, "accept", "", "", "from moj to ohid"),
        Vector("again.secret", again + b"\n", "accept", "", "", "sealed once more"),
        *_made("secret", faults),
    ]


# ------------------------------------------------------------------------------- log, head, receipt


def log(scratch: Path, count: int, salt: int = 0) -> AuditLog:
    """A log of ``count`` entries; another salt is another history from entry 2 on."""
    made = AuditLog.create(scratch / "log", "0f" * 16, force=True)
    for number in range(count):
        made.append(*project_event(number, salt if number > 1 else 0), now=NOW)
    return made


def _head(scratch: Path, count: int, signer: str = "ttp", salt: int = 0) -> bytes:
    return log(scratch, count, salt).head(keys(signer), now=NOW).to_bytes() + b"\n"


KEPT = 5  # entries of the log whose head somebody kept


def audits(scratch: Path) -> list[Vector]:
    """Logs (.log) against the kept head of 5 entries; heads (.head) against the log of 9."""
    good, head = _log_bytes(scratch, 9), _head(scratch, KEPT)
    verify, shape = "VerificationError", "FormatError"
    logs = {
        "cut": (_log_bytes(scratch, 4), verify, "size", "had 5 entries, and the log has 4"),
        "empty": (_log_bytes(scratch, 0), verify, "size", "the log has 0"),
        "rewritten": (_log_bytes(scratch, 9, 7), verify, "root", "rewritten before entry 5"),
        "another": (good.replace(b"0f" * 16, b"0e" * 16), verify, "log", "another log"),
        "torn": (good[:-5], shape, "file", "cut off"),
        "not-canonical": (good.replace(b'"index":3', b'"index": 3'), shape, "file", "entry 3"),
        "gap": (_without(good, 3), shape, "file", "entry 2: has another number"),
        "entry-unknown-field": (_one_more_field(good), shape, "file", "x: is not known"),
    }
    heads = {
        "of-another-history": (_head(scratch, 9, salt=7), verify, "root", "rewritten"),
        "too-long": (_head(scratch, 10), verify, "size", "had 10 entries"),
        "by-another": (_head(scratch, 5, "moj"), verify, "signature", "is not ttp"),
        "altered": (
            altered(head, lambda f: f["document"].update(size=4)),
            *(verify, "signature", "signature of ttp"),
        ),
        "of-another-log": (
            resigned(head, lambda d: d.update(log="0e" * 16), keys("ttp")),
            *(verify, "log", "another log"),
        ),
        "negative": (
            resigned(head, lambda d: d.update(size=-1), keys("ttp")),
            *(shape, "file", "size"),
        ),
        "a-secret": ((BASE / "for-ohid.secret").read_bytes(), shape, "file", ""),
    }
    accepted = [
        Vector(f"of-{n}.log", _log_bytes(scratch, n), "accept", "", "", f"{n} entries")
        for n in (5, 6, 9)
    ] + [
        Vector(f"at-{n}.head", _head(scratch, n), "accept", "", "", f"the head at {n} entries")
        for n in (0, 1, 2, 5, 8, 9)
    ]
    return [*accepted, *_made("log", logs), *_made("head", heads), *_proofs(scratch)]


def _proofs(scratch: Path) -> list[Vector]:
    """Consistency proofs (.consistency) from the kept head of 5 entries, inclusion (.inclusion)."""
    verify, shape = "VerificationError", "FormatError"
    ttp = keys("ttp").public

    def consistency(first: int, second: int, salt: int = 0) -> bytes:
        made = log(scratch, second, salt)
        head = made.head(keys("ttp"), now=NOW)
        return prove_consistency(made, first, head, ttp, "").to_bytes() + b"\n"

    def inclusion(index: int, size: int) -> bytes:
        made = log(scratch, size)
        head = made.head(keys("ttp"), now=NOW)
        return prove_inclusion(made, index, head, ttp, "").to_bytes() + b"\n"

    def head_by(party: str) -> Edit:
        found = canonical.loads(_head(scratch, 9, party)[:-1])
        return lambda d: d.update(head=found)

    good, one = consistency(KEPT, 9), inclusion(3, 9)
    faults = {
        "path-short": (altered(good, lambda d: d["path"].pop()), verify, "path", "consistency"),
        "path-long": (
            altered(good, lambda d: d["path"].append("0" * 64)),
            *(verify, "path", "consistency"),
        ),
        "path-wrong": (
            altered(good, lambda d: d["path"].__setitem__(1, "0" * 64)),
            *(verify, "path", "does not extend"),
        ),
        "path-empty": (altered(good, lambda d: d.update(path=[])), verify, "path", "consistency"),
        "path-no-digest": (altered(good, lambda d: d.update(path=["x"])), shape, "file", "path"),
        "path-of-65-steps": (
            altered(good, lambda d: d.update(path=["0" * 64] * 65)),
            *(shape, "file", "path"),
        ),
        "from-another-size": (consistency(4, 9), verify, "path", "no proof leads on"),
        "size-changed": (
            altered(consistency(4, 9), lambda d: d.update(size=KEPT)),
            *(verify, "path", "consistency"),
        ),
        "size-zero": (altered(good, lambda d: d.update(size=0)), shape, "file", "size"),
        "rewritten-log": (consistency(KEPT, 9, 7), verify, "path", "does not extend"),
        "split-log": (consistency(2, KEPT, 7), verify, "heads", "not that of another head"),
        "head-altered": (
            altered(good, lambda d: d["head"]["document"].update(size=8)),
            *(verify, "signature", "signature of ttp"),
        ),
        "head-by-another": (altered(good, head_by("moj")), verify, "signature", "is not ttp"),
        "unknown-field": (altered(good, lambda d: d.update(x=1)), shape, "file", "x: is not known"),
        "head-left-out": (altered(good, lambda d: d.pop("head")), shape, "file", "head"),
        "no-line-feed": (good[:-1], shape, "file", "line feed"),
        "a-head-instead": (_head(scratch, 9), shape, "file", "not a proof"),
    }
    entries = {
        "entry-altered": (
            altered(one, lambda d: d["entry"]["details"].update(number=9)),
            *(verify, "path", "does not lead to the head"),
        ),
        "entry-elsewhere": (
            altered(one, lambda d: d["entry"].update(index=2)),
            *(verify, "path", "does not lead to the head"),
        ),
        "entry-beyond": (
            altered(one, lambda d: d["entry"].update(index=9)),
            *(verify, "path", "outside"),
        ),
        "path-short": (altered(one, lambda d: d["path"].pop()), verify, "path", "too short"),
        "path-long": (
            altered(one, lambda d: d["path"].append("0" * 64)),
            *(verify, "path", "too long"),
        ),
        "path-reversed": (
            altered(one, lambda d: d["path"].reverse()),
            *(verify, "path", "does not lead to the head"),
        ),
        "head-by-another": (altered(one, head_by("moj")), verify, "signature", "is not ttp"),
        "entry-left-out": (altered(one, lambda d: d.pop("entry")), shape, "file", "entry"),
    }
    accepted = [
        Vector(f"from-5-to-{n}.consistency", consistency(KEPT, n), "accept", "", "", "leads on")
        for n in (5, 6, 9)
    ] + [
        Vector(f"{i}-of-{n}.inclusion", inclusion(i, n), "accept", "", "", f"entry {i} is there")
        for i, n in ((0, 1), (3, 9), (8, 9))
    ]
    return [*accepted, *_made("consistency", faults), *_made("inclusion", entries)]


def _log_bytes(scratch: Path, count: int, salt: int = 0) -> bytes:
    return log(scratch, count, salt).path.read_bytes()


def submission_manifest() -> Manifest:
    """The manifest of moj's submission in the base study."""
    with container.opened(BASE / "moj.submission", "submission") as sealed:
        return sealed.manifest


def receipts(scratch: Path) -> list[Vector]:
    """Receipts for moj's submission."""
    good = _receipt(scratch, 3)
    ttp, verify, shape = keys("ttp"), "VerificationError", "FormatError"

    def other_root(document: Document) -> None:
        head = document["head"]["document"]
        head["root"] = "0" * 64
        signed = Signed.make(Head.model_validate(head), ttp)
        document["head"]["signatures"] = signed.signatures.model_dump()

    def head_of(party: str) -> Edit:
        found = canonical.loads(_head(scratch, 5, party)[:-1])
        return lambda d: d.update(head=found)

    edits: dict[str, tuple[Edit, str, str, str]] = {
        "path-short": (lambda d: d["path"].pop(), verify, "inclusion", "too short"),
        "path-long": (lambda d: d["path"].append("0" * 64), verify, "inclusion", "too long"),
        "path-wrong": (lambda d: d["path"].__setitem__(0, "0" * 64), verify, "inclusion", "lead"),
        "path-reversed": (lambda d: d["path"].reverse(), verify, "inclusion", "lead"),
        "entry-elsewhere": (lambda d: d["entry"].update(index=0), verify, "inclusion", "lead"),
        "entry-beyond": (lambda d: d["entry"].update(index=99), verify, "inclusion", "outside"),
        "root-wrong": (other_root, verify, "inclusion", "lead to the head"),
        "head-by-another": (head_of("moj"), verify, "head", "is not ttp"),
        "head-altered": (
            lambda d: d["head"]["document"].update(size=5),
            *(verify, "head", "signature of ttp"),
        ),
        "entry-of-another-event": (
            lambda d: d["entry"].update(event="other"),
            *(verify, "entry", "is not the one"),
        ),
        "entry-of-another-submission": (
            lambda d: d["entry"]["details"].update(submission="0" * 64),
            *(verify, "entry", "is not the one"),
        ),
        "counts-do-not-add-up": (lambda d: d.update(accepted=1), shape, "file", "received"),
        "negative-position": (
            lambda d: d.update(rejected=[{"positions": [-1], "reason": "x"}]),
            *(shape, "file", "positions"),
        ),
        "tells-of-matches": (lambda d: d.update(matched=5), shape, "file", "matched"),
    }
    faults = {
        name: told(resigned(good, edit, ttp), rest) for name, (edit, *rest) in edits.items()
    } | {
        "altered": (
            altered(good, lambda f: f["document"].update(created="2026-11-23T12:00:01Z")),
            *(verify, "signature", "signature of ttp"),
        ),
        "by-another": (
            resigned(
                good, lambda d: d.update(signer=keys("moj").public.fingerprint()), keys("moj")
            ),
            *(verify, "signature", "is not ttp"),
        ),
        "of-another-submission": (
            _receipt(scratch, 3, bundle="cd" * 16),
            verify,
            "submission",
            "another one",
        ),
        "no-line-feed": (good[:-1], shape, "file", "line feed"),
    }
    accepted = {
        "valid": (good, "the fourth entry of a log of five"),
        "first-entry": (_receipt(scratch, 0), "the log holds nothing before"),
        "with-rejections": (_receipt(scratch, 3, rejected=(1, 4)), "two rows were not taken"),
        "long-log": (_receipt(scratch, 30), "a longer proof"),
    }
    return [
        *(Vector(f"{n}.receipt", d, "accept", "", "", why) for n, (d, why) in accepted.items()),
        *_made("receipt", faults),
    ]


def _receipt(scratch: Path, before: int, rejected: tuple[int, ...] = (), **changes: str) -> bytes:
    manifest = submission_manifest().model_copy(update=changes)
    made = log(scratch, before)
    rows = int(manifest.content["rows"])
    sequence = int(manifest.content["sequence"])
    index = made.append(EVENT, log_details("moj", manifest, sequence, rows), now=NOW)
    if before:
        made.append("event", {}, now=NOW)
    refused = (Rejection(reason="empty-encoding", positions=rejected),) if rejected else ()
    signed: Signed[Receipt] = make_receipt(
        made, index, Acting(agreement(), keys("ttp"), NOW), manifest, rows, refused
    )
    return signed.to_bytes() + b"\n"


def _without(data: bytes, number: int) -> bytes:
    """A log without one of its lines."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:number] + lines[number + 1 :])


def _one_more_field(data: bytes) -> bytes:
    """A log whose first entry has a field that nobody knows, in its canonical place."""
    return data.replace(b'12:00:00Z"}', b'12:00:00Z","x":1}', 1)


# ------------------------------------------------------------------------------------ output check

FILES = {"report.html": "1" * 64, "tables/engagement.csv": "2" * 64}
AUDIT = "3" * 64


def output_checks(_: Path) -> list[Vector]:
    """carol's word for FILES and AUDIT under agreement/output-checker.agreement."""
    signed = parse_agreement(vectors_agreement.with_checker()[:-1], "agreement")
    carol, lab = keys("carol"), keys("lab")
    made = make_check(FILES, AUDIT, "Read it all.", signed, carol, now=NOW)
    good = made.to_bytes() + b"\n"
    verify, terms, shape = "VerificationError", "AgreementError", "FormatError"

    def by(party: PartyKeys) -> bytes:
        return resigned(good, lambda d: d.update(signer=party.public.fingerprint()), party)

    faults = {
        "other-agreement": (
            resigned(good, lambda d: d.update(agreement="0" * 64), carol),
            *(terms, "agreement", "another agreement"),
        ),
        "by-the-analyst": (by(lab), terms, "checker", "none of its output checkers"),
        "by-an-owner": (by(keys("moj")), terms, "checker", "none of its output checkers"),
        "by-another-checker": (by(keys("dave")), terms, "checker", "none of its output checkers"),
        "signed-by-another": (resigned(good, lambda d: None, lab), verify, "signature", "of carol"),
        "altered": (
            altered(good, lambda f: f["document"].update(comments="Fine.")),
            *(verify, "signature", "signature of carol"),
        ),
        "file-changed": (
            resigned(good, lambda d: d["files"].update({"report.html": "4" * 64}), carol),
            *(verify, "files", "report.html is not as carol signed it"),
        ),
        "file-left-out": (
            resigned(good, lambda d: d["files"].pop("report.html"), carol),
            *(verify, "files", "report.html is not as carol signed it"),
        ),
        "file-too-many": (
            resigned(good, lambda d: d["files"].update({"more.csv": "4" * 64}), carol),
            *(verify, "files", "more.csv is not as carol signed it"),
        ),
        "other-audit": (
            resigned(good, lambda d: d.update(audit="4" * 64), carol),
            *(verify, "files", "audit record"),
        ),
        "path-upwards": (
            resigned(good, lambda d: d["files"].update({"../x.csv": "4" * 64}), carol),
            *(shape, "file", "files"),
        ),
        "no-files": (resigned(good, lambda d: d.update(files={}), carol), shape, "file", "files"),
        "no-comments": (
            resigned(good, lambda d: d.update(comments=""), carol),
            *(shape, "file", "comments"),
        ),
        "unknown-field": (
            resigned(good, lambda d: d.update(x=1), carol),
            shape,
            "file",
            "is not known",
        ),
        "no-line-feed": (good[:-1], shape, "file", "line feed"),
    }
    return [
        Vector("valid.check", good, "accept", "", "", "carol's word"),
        *_made("check", faults),
    ]
