"""Vectors of the agreement file: docs/spec/agreement.md."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from blindlink.messages import canonical
from blindlink.messages.agreement.terms import FORMAT
from vectors.world import BASE, Document, Vector, keys
from worlds.parties import ROLES

SUFFIX = "agreement"
WAIVER = {"accepted_by": "A. Person", "reason": "Because.", "parties": ["moj", "lab"]}


def vectors() -> list[Vector]:
    """Every vector of an agreement."""
    return [*_accepted(), *_shape(), *_terms(), *_signatures(), *_times()]


def _base() -> Document:
    return dict(canonical.loads((BASE / "study.agreement").read_bytes()[:-1]))


def _file(document: Document) -> bytes:
    return canonical.dumps(document) + b"\n"


def agreed(edit: Callable[[Document], Any]) -> bytes:
    """The agreement with its terms edited and signed by every party again."""
    document = deepcopy(_base())
    edit(document["agreement"])
    message = canonical.dumps(document["agreement"])
    document["signatures"] = {
        name: keys(name).sign(message, domain=FORMAT).model_dump() for name in ROLES
    }
    return _file(document)


def with_checker() -> bytes:
    """The agreement that names carol as output checker."""
    return agreed(lambda terms: terms.update(output_checkers=[_public("carol")]))


def altered(edit: Callable[[Document], Any]) -> bytes:
    """The whole file edited, with the signatures as they were."""
    document = deepcopy(_base())
    edit(document)
    return _file(document)


def _vector(name: str, data: bytes, expect: str, step: str, message: str, why: str) -> Vector:
    return Vector(f"{name}.{SUFFIX}", data, expect, step, message, why)


def _party(which: str, **changes: Any) -> Callable[[Document], Any]:
    """Change fields of one party."""
    at = list(ROLES).index(which)
    return lambda terms: terms["parties"][at].update(changes)


def _public(name: str, /, **changes: Any) -> Document:
    return {**keys(name).public.model_dump(), **changes}


def _same_organisation(terms: Document) -> None:
    _party("lab", organisation="ORGANISATION OF MOJ")(terms)


def _waived(
    what: str, change: Callable[[Document], Any], **waiver: Any
) -> Callable[[Document], Any]:
    def edit(terms: Document) -> None:
        change(terms)
        terms["waivers"] = [{"waives": what, **WAIVER, **waiver}]

    return edit


def _accepted() -> list[Vector]:
    """What is sound, however it looks."""
    sound: dict[str, tuple[Callable[[Document], Any], str]] = {
        "valid": (lambda t: None, "the base study"),
        "second-version": (lambda t: t.update(version=2), "a further run"),
        "no-payload": (
            lambda t: t.update(payload={"moj": {}, "ohid": {}}),
            "owners send no column",
        ),
        "coarse-birth-as-payload": (
            lambda t: t["payload"]["ohid"]["events"].update(date_of_birth="year"),
            "a year of birth",
        ),
        "no-controls": (lambda t: t.update(controls={"moj": 0, "ohid": "0"}), "number and share 0"),
        "text-beyond-ascii": (lambda t: t.update(purpose="Zweck: Größe \U0001f600"), "printable"),
        "matched-only": (
            lambda t: t.update(release_policy={"moj": "matched", "ohid": "matched"}),
            "the narrowest policy",
        ),
        "last-second": (lambda t: t.update(expires="2026-11-23T12:00:01Z"), "expires in a second"),
        "created-in-year-one": (
            lambda t: t.update(created="0001-01-01T00:00:00Z"),
            "the first moment there is",
        ),
        "clocks-differ": (
            lambda t: t.update(created="2026-11-23T12:05:00Z"),
            "within five minutes",
        ),
        "unneeded-waiver": (_waived("shared-key", lambda t: None), "a waiver of what is not there"),
    }
    made = [_vector(n, agreed(edit), "accept", "", "", why) for n, (edit, why) in sound.items()]
    why = "somebody who is no party signs what is published"
    return [*made, _vector("output-checker", with_checker(), "accept", "", "", why)]


def _shape() -> list[Vector]:
    good = (BASE / "study.agreement").read_bytes()
    faults = {
        "empty": (b"", "an empty file"),
        "no-line-feed": (good[:-1], "the line feed is missing"),
        "two-line-feeds": (good + b"\n", "a byte too many at the end"),
        "cut": (good[: len(good) // 2] + b"\n", "cut in the middle"),
        "byte-order-mark": (b"\xef\xbb\xbf" + good, "begins with a byte-order mark"),
        "space": (good.replace(b'"version":1', b'"version": 1'), "a space that has no place"),
        "fraction": (good.replace(b'"version":1', b'"version":1.0'), "a number with a point"),
        "exponent": (good.replace(b'"version":1', b'"version":1e0'), "a number with an exponent"),
        "long-number": (good.replace(b'"version":1', b'"version":1' + b"0" * 5000), "5,001 digits"),
        "duplicate-key": (good.replace(b'"version":1', b'"version":1,"version":1'), "a key twice"),
        "escaped": (good.replace(b'"project"', b'"\\u0070roject"'), "a letter needlessly escaped"),
        "not-utf-8": (good.replace(b'"study"', b'"stud\xff"'), "a byte that is no UTF-8"),
        "deep": (
            good.replace(b'"threshold":5', b'"threshold":' + b"[" * 40 + b"]" * 40),
            "40 deep",
        ),
        "array": (b"[]\n", "no object"),
    }
    return [_vector(n, d, "FormatError", "file", "", why) for n, (d, why) in faults.items()]


def _terms() -> list[Vector]:
    same_key = {"seal_x25519": keys("moj").public.seal_x25519}
    wrong: dict[str, tuple[Callable[[Document], Any], str, str]] = {
        "another-format": (
            lambda t: t.update(format="blindlink-agreement-v2"),
            "format",
            "a version that nobody knows",
        ),
        "unknown-field": (lambda t: t.update(extra=1), "is not known", "a field that nobody knows"),
        "missing-field": (lambda t: t.pop("limits"), "limits", "a field is left out"),
        "default-left-out": (lambda t: t.pop("waivers"), "left out", "a field with a default"),
        "expires-first": (
            lambda t: t.update(expires=t["created"]),
            "order",
            "expires as it begins",
        ),
        "moment-with-zone": (
            lambda t: t.update(expires="2027-02-21T12:00:00+00:00"),
            "expires",
            "a moment in another spelling",
        ),
        "two-linkers": (_party("lab", role="linker"), "one linker", "no analyst and two linkers"),
        "one-owner": (_party("ohid", role="analyst"), "two or more owners", "a single owner"),
        "same-name": (_party("ohid", name="moj"), "one name", "two parties of one name"),
        "same-organisation": (
            _same_organisation,
            "moj and lab: same-organisation",
            "one organisation is owner and analyst, in other letters",
        ),
        "shared-key": (
            _party("lab", **same_key),
            "moj and lab: shared-key",
            "one sealing key in two roles",
        ),
        "checker-is-the-analyst": (
            lambda t: t.update(output_checkers=[_public("lab", role="checker", name="carol")]),
            "carol shares a key with lab",
            "the analyst's keys under another name",
        ),
        "checker-of-another-role": (
            lambda t: t.update(output_checkers=[_public("mallory")]),
            "another role",
            "an output checker with an owner's keys",
        ),
        "checker-named-as-a-party": (
            lambda t: t.update(output_checkers=[_public("carol", name="lab")]),
            "name of somebody else",
            "one name for analyst and output checker",
        ),
        "no-checkers": (
            lambda t: t.update(output_checkers=[]),
            "output_checkers",
            "an empty list, which a field left out says",
        ),
        "checker-as-party": (
            lambda t: t["parties"].append(_public("carol")),
            "no party",
            "a checker among parties",
        ),
        "waiver-of-another": (
            _waived("same-organisation", _same_organisation, parties=["ohid", "lab"]),
            "no waiver accepts it",
            "the waiver names other parties",
        ),
        "waiver-of-a-stranger": (
            _waived("shared-key", lambda t: None, parties=["moj", "nobody"]),
            "no party",
            "the waiver names somebody who takes no part",
        ),
        "policy-missing": (
            lambda t: t["release_policy"].pop("ohid"),
            "release_policy",
            "no release policy for an owner",
        ),
        "identifier-as-payload": (
            lambda t: t["payload"]["moj"]["events"].update(entity_id="keep"),
            "identifier",
            "the owner's own number would leave",
        ),
        "raw-number-as-payload": (
            lambda t: t["payload"]["moj"]["events"].update(crn="truncate:4"),
            "crn is an identifier",
            "the number of a person in an owner's system",
        ),
        "whole-postcode-as-payload": (
            lambda t: t["payload"]["ohid"]["events"].update(postcode="keep"),
            "postcode is an identifier",
            "a postcode, not even made coarser",
        ),
        "unknown-generalisation": (
            lambda t: t["payload"]["moj"]["events"].update(age="round:5"),
            "payload",
            "a generalisation that nobody knows",
        ),
        "fraction-above-one": (
            lambda t: t["plan"].update(candidate_floor="1.5"),
            "plan",
            "a probability above one",
        ),
        "control-character": (
            lambda t: t.update(purpose="clear \u001b[2J"),
            "printable",
            "text that would deceive a terminal",
        ),
        "short-key": (
            _party("moj", auth_ed25519="AAAA"),
            "parties",
            "a public key of three bytes",
        ),
    }
    return [
        _vector(n, agreed(edit), "FormatError", "terms", message, why)
        for n, (edit, message, why) in wrong.items()
    ]


def _signatures() -> list[Vector]:
    def swap(document: Document) -> None:
        given = document["signatures"]
        given["moj"], given["ohid"] = given["ohid"], given["moj"]

    def half(document: Document) -> None:
        given = document["signatures"]
        given["moj"]["mldsa65"] = given["ohid"]["mldsa65"]

    def other_half(document: Document) -> None:
        given = document["signatures"]
        given["moj"]["ed25519"] = given["ohid"]["ed25519"]

    wrong: dict[str, tuple[Callable[[Document], Any], str, str, str]] = {
        "altered": (
            lambda d: d["agreement"].update(minimum_rows=1),
            "VerificationError",
            "signature of",
            "a term changed after signing",
        ),
        "signatures-swapped": (swap, "VerificationError", "signature of moj", "moj's is ohid's"),
        "post-quantum-half": (half, "VerificationError", "signature of moj", "ML-DSA of another"),
        "classical-half": (
            other_half,
            "VerificationError",
            "signature of moj",
            "Ed25519 of another",
        ),
        "stranger": (
            lambda d: d["signatures"].update(mallory=d["signatures"]["moj"]),
            "VerificationError",
            "is no party",
            "signed by somebody who takes no part",
        ),
        "unsigned": (
            lambda d: d["signatures"].clear(),
            "AgreementError",
            "not signed",
            "by nobody",
        ),
        "one-missing": (
            lambda d: d["signatures"].pop("ttp"),
            "AgreementError",
            "not signed by ttp",
            "by all but the linker",
        ),
        "half-missing": (
            lambda d: d["signatures"]["moj"].pop("mldsa65"),
            "FormatError",
            "mldsa65",
            "one of the two signatures is left out",
        ),
    }
    steps = {"VerificationError": "signature", "AgreementError": "signed", "FormatError": "file"}
    return [
        _vector(n, altered(edit), expect, steps[expect], message, why)
        for n, (edit, expect, message, why) in wrong.items()
    ]


def _times() -> list[Vector]:
    wrong: dict[str, tuple[Document, str, str]] = {
        "expired": (
            {"created": "2026-01-01T00:00:00Z", "expires": "2026-11-23T12:00:00Z"},
            "expired",
            "expires this very moment",
        ),
        "from-the-future": (
            {"created": "2026-11-23T12:05:01Z"},
            "future",
            "made five minutes and a second ahead",
        ),
    }
    return [
        _vector(n, agreed(lambda t, c=c: t.update(c)), "AgreementError", "time", message, why)  # type: ignore[misc]
        for n, (c, message, why) in wrong.items()
    ]
