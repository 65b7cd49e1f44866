"""What an agreement may say, and how it is signed, checked and refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    VerificationError,
)
from blindlink.messages import canonical
from blindlink.messages.agreement.document import (
    SignedAgreement,
    check_agreement,
    load_agreement,
    parse_agreement,
    read_agreement,
    sign,
    sign_file,
)
from blindlink.messages.agreement.governance import learns, overview, state
from blindlink.messages.fields import stamp
from worlds.parties import LATER, NOW, ROLES, document, keys, signed, signed_by, terms


def parties(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The public halves of the world, some of them changed."""
    return [keys(name).public.model_dump() | changes.get(name, {}) for name in ROLES]


def waiver(what: str, *names: str) -> dict[str, Any]:
    return {"waives": what, "parties": names, "accepted_by": "A. Person", "reason": "Because."}


# ------------------------------------------------------------------------------------------ terms


def test_a_sound_agreement() -> None:
    found = terms()
    assert found.names == ("moj", "ohid", "ttp", "lab")
    assert [owner.name for owner in found.owners] == ["moj", "ohid"]
    assert found.linker.name == "ttp"
    assert found.analyst == found.party("lab") == found.party("analyst") == keys("lab").public
    assert found.by_fingerprint(keys("moj").public.fingerprint()).name == "moj"
    assert found.member(keys("moj").public, "owner") == keys("moj").public
    assert (found.control_count("moj", 500), found.control_count("ohid", 500)) == (3, 50)
    assert found.schema_fingerprint() == canonical.digest(document()["schema_document"])
    assert len(found.digest()) == 64


def test_parties_are_asked_for_by_name_or_single_role() -> None:
    for which in ("owner", "nobody", ""):
        with pytest.raises(AgreementError, match="has no single party"):
            terms().party(which)
    with pytest.raises(AgreementError, match="is none of its parties"):
        terms().by_fingerprint("aaaaa-aaaaa-aaaaa-aaaaa-aaaaa")
    with pytest.raises(AgreementError, match="keys of mallory are none"):
        terms().member(keys("mallory").public)
    with pytest.raises(AgreementError, match="moj is owner, not linker"):
        terms().member(keys("moj").public, "linker")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"project": "Study"}, "project"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "clear \x1b[2J"}, "not plain printable text"),
        ({"version": 0}, "version"),
        ({"expires": stamp(NOW)}, "not in this order"),
        ({"destroy_by": stamp(NOW)}, "not in this order"),
        ({"created": "today"}, "created"),
        ({"parties": parties()[:3]}, "parties"),
        ({"parties": [*parties()[:3], parties()[0]]}, "one name"),
        ({"parties": parties(ohid={"role": "linker"})}, "needs two or more owners"),
        ({"parties": parties(ohid={"name": "linker"})}, "name of another role"),
        ({"parties": parties(ohid={"organisation": " ORGANISATION of  moj"})}, "not plain"),
        ({"key_check": "ABC"}, "key_check"),
        ({"plan": {"threshold": "1.5"}}, "plan"),
        ({"release_policy": {"moj": "all"}}, "release_policy does not name exactly the owners"),
        ({"release_policy": {"moj": "all", "ttp": "all"}}, "release_policy"),
        ({"release_policy": {"moj": "some", "ohid": "all"}}, "release_policy.moj"),
        ({"payload": {"moj": {}}}, "payload does not name exactly the owners"),
        ({"payload": {"moj": {"events": {}}, "ohid": {}}}, "lists no column"),
        ({"payload": {"moj": {"events": {"entity_id": "keep"}}, "ohid": {}}}, "is an identifier"),
        ({"payload": {"moj": {"events": {"age": "band:0"}}, "ohid": {}}}, "payload"),
        ({"payload": {"moj": {"events": {"age": "hash"}}, "ohid": {}}}, "payload"),
        ({"payload": {"moj": {"../x": {"age": "keep"}}, "ohid": {}}}, "payload"),
        ({"controls": {"moj": -1, "ohid": 0}}, "controls"),
        ({"controls": {"moj": "1.5", "ohid": 0}}, "controls"),
        ({"limits": {"rows": 0, "bytes": 1, "submissions": 1}}, "limits.rows"),
        ({"limits": {"rows": 1, "bytes": 1, "submissions": 1}}, "above the limit"),
        ({"minimum_overlap": True}, "minimum_overlap"),
        ({"waivers": [waiver("same-organisation", "moj", "nobody")]}, "is no party"),
        ({"waivers": [waiver("everything", "moj", "lab")]}, "waivers"),
        ({"output_checkers": []}, "output_checkers"),
        ({"output_checkers": [keys("lab").public.model_dump()]}, "keys of another role"),
        (
            {"output_checkers": [keys("lab").public.model_dump() | {"role": "checker"}]},
            "name of somebody else",
        ),
        (
            {
                "output_checkers": [
                    keys("lab").public.model_dump() | {"role": "checker", "name": "carol"}
                ]
            },
            "carol shares a key with lab",
        ),
        ({"output_checkers": [keys("carol").public.model_dump()] * 2}, "name of somebody else"),
        (
            {"parties": [*parties(), keys("carol").public.model_dump()]},
            "an output checker is no party",
        ),
        ({"format": "blindlink-agreement-v2"}, "format"),
        ({"extra": 1}, "extra"),
    ],
)
def test_an_unsound_agreement_does_not_exist(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        terms(**changes)


CLOSE = parties(lab={"organisation": "ORGANISATION  OF MOJ".replace("  ", " ")})
SHARED = parties(lab={"seal_x25519": keys("moj").public.seal_x25519})


@pytest.mark.parametrize(
    ("found", "what"), [(CLOSE, "same-organisation"), (SHARED, "shared-key")], ids=["org", "key"]
)
def test_two_roles_in_one_hand_need_a_waiver(found: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(ValidationError, match=f"moj and lab: {what}, and no waiver"):
        terms(parties=found)
    for wrong in (waiver(what, "ohid", "lab"), waiver(_other(what), "moj", "lab")):
        with pytest.raises(ValidationError, match="no waiver accepts it"):
            terms(parties=found, waivers=[wrong])
    accepted = terms(parties=found, waivers=[waiver(what, "lab", "moj")])
    assert accepted.waivers[0].accepted_by == "A. Person"


def _other(what: str) -> str:
    return "shared-key" if what == "same-organisation" else "same-organisation"


def test_two_owners_of_one_organisation_need_none() -> None:
    same = parties(ohid={"organisation": keys("moj").public.organisation})
    assert len(terms(parties=same).owners) == 2


def test_owner_may_be_called_owner() -> None:
    found = parties(lab={"name": "analyst"})
    assert terms(parties=found).party("analyst").organisation == "Organisation of lab"


# --------------------------------------------------------------------------------------- the file


def test_signed_by_all_it_loads(tmp_path: Path) -> None:
    signed().save(tmp_path / "a")
    assert load_agreement(tmp_path / "a", now=NOW) == signed()
    assert signed().missing() == []
    (tmp_path / "p").write_bytes(keys("moj").public.to_bytes() + b"\n")
    assert check_agreement(tmp_path / "a", tmp_path / "p", now=NOW) == signed()
    assert check_agreement(tmp_path / "a", None, now=NOW) == signed()
    (tmp_path / "q").write_bytes(keys("mallory").public.to_bytes() + b"\n")
    with pytest.raises(AgreementError, match="mallory are none"):
        check_agreement(tmp_path / "a", tmp_path / "q", now=NOW)


def test_it_is_signed_one_after_the_other_in_any_order(tmp_path: Path) -> None:
    SignedAgreement.unsigned(terms()).save(tmp_path / "0")
    for number, name in enumerate(("lab", "ttp", "ohid", "moj")):
        path = tmp_path / str(number)
        with pytest.raises(AgreementError, match=r"not signed by .*moj"):
            load_agreement(path, now=NOW)
        sign_file(path, keys(name), tmp_path / str(number + 1), now=NOW)
    assert load_agreement(tmp_path / "4", now=NOW).digest() == signed().digest()


def test_nobody_signs_twice_nor_as_a_stranger_nor_late() -> None:
    half = signed_by(terms(), ("moj",))
    for name, now, message in (
        ("moj", NOW, "has signed it already"),
        ("mallory", NOW, "none of its parties"),
        ("ohid", LATER, "expired"),
        ("ohid", NOW - timedelta(hours=1), "made in the future"),
    ):
        with pytest.raises(AgreementError, match=message):
            sign(half, keys(name), now=now)


def test_the_first_moment_there_is_can_be_signed() -> None:
    first = terms(created="0001-01-01T00:00:00Z")
    assert signed_by(first).digest() == first.digest()


def test_nobody_signs_below_a_false_signature() -> None:
    false = {"moj": signed_by(terms(version=2), ("moj",)).signatures["moj"]}
    with pytest.raises(VerificationError, match="signature of moj"):
        sign(SignedAgreement(terms(), false), keys("ohid"), now=NOW)


def test_in_force_for_its_time_only(tmp_path: Path) -> None:
    signed().save(tmp_path / "a")
    load_agreement(tmp_path / "a", now=LATER - timedelta(seconds=1))
    for now in (LATER, LATER + timedelta(days=9), NOW - timedelta(hours=1)):
        with pytest.raises(AgreementError):
            load_agreement(tmp_path / "a", now=now)


def edited(edit: Any) -> bytes:
    found = canonical.loads(signed().to_bytes())
    edit(found)
    return canonical.dumps(found)


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (lambda d: d["agreement"].update(minimum_rows=1), VerificationError, "signature of lab"),
        (lambda d: d["agreement"].pop("waivers"), FormatError, "left out or spelt"),
        (lambda d: d["agreement"]["plan"].pop("target"), FormatError, "left out or spelt"),
        (lambda d: d["agreement"].update(x=1), FormatError, "x: is not known"),
        (lambda d: d.update(x=1), FormatError, "x: is not known"),
        (lambda d: d["signatures"].pop("ttp"), AgreementError, "not signed by ttp"),
        (lambda d: d["signatures"].clear(), AgreementError, "not signed by moj, ohid, ttp, lab"),
        (
            lambda d: d["signatures"].update(mallory=d["signatures"]["moj"]),
            VerificationError,
            "mallory: is no party",
        ),
        (
            lambda d: d["signatures"].update(moj=d["signatures"]["ohid"]),
            VerificationError,
            "signature of moj",
        ),
        (lambda d: d["signatures"]["moj"].pop("mldsa65"), FormatError, "mldsa65"),
        (lambda d: d["signatures"]["moj"].update(ed25519="AA=="), FormatError, "64 bytes"),
    ],
)
def test_an_altered_agreement_is_refused(
    edit: Any, error: type[BlindlinkError], message: str
) -> None:
    with pytest.raises(error, match=message):
        parse_agreement(edited(edit), "here").verify(NOW, "here")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_agreement(tmp_path / "missing")
    (tmp_path / "a").write_bytes(signed().to_bytes())
    with pytest.raises(FormatError, match="no line feed"):
        read_agreement(tmp_path / "a")
    (tmp_path / "a").write_bytes(signed().to_bytes() + b"\n\n")
    with pytest.raises(FormatError, match="not in canonical form"):
        read_agreement(tmp_path / "a")


def test_a_flipped_bit_is_noticed() -> None:
    data, accepted = signed().to_bytes(), []
    for place in range(0, len(data), 211):
        flipped = data[:place] + bytes((data[place] ^ 0x01,)) + data[place + 1 :]
        try:
            parse_agreement(flipped, "here").verify(NOW, "here")
            accepted.append(place)
        except BlindlinkError:
            continue
    assert accepted == []


# ------------------------------------------------------------------------------------- governance


def test_who_learns_what_follows_the_terms() -> None:
    matrix = learns(terms())
    assert matrix.columns == ("what", "moj", "ohid", "ttp", "lab")
    cells = {row[0]: row[1:] for row in matrix.rows}
    assert cells["identifiers of moj"] == ("own", "no", "no", "no")
    assert cells["encodings of ohid"] == ("no", "own", "yes", "no")
    assert cells["linkage secret"] == ("yes", "yes", "no", "no")
    assert cells["attributes of moj"][2] == "ciphertext only"
    assert "everybody" in cells["attributes of moj"][3]
    assert "may match" in cells["attributes of ohid"][3]
    assert cells["who matched"][:2] == ("no", "no")


def test_a_waiver_shows_what_one_hand_learns_in_two_roles() -> None:
    found = parties(lab={"organisation": "Organisation of moj"})
    terms_of_one = terms(parties=found, waivers=[waiver("same-organisation", "lab", "moj")])
    cells = {row[0]: row[1:] for row in learns(terms_of_one).rows}
    assert cells["identifiers of moj"] == ("own", "no", "no", "through moj: own")
    assert cells["linkage secret"] == ("yes", "yes", "no", "through moj: yes")
    assert cells["attributes of ohid"][0].startswith("through lab: of people who may match")
    assert cells["identifiers of ohid"] == ("no", "own", "no", "no")


def test_the_overview_names_everything_that_leaves() -> None:
    found = overview(signed(), NOW)
    assert {"owner": "ohid", "table": "details", "column": "drug", "as": "truncate:2"} in (
        found["payload"]
    )
    assert found["state"] == "signed by all parties and in force"
    assert found["digest"] == signed().digest()
    assert all(party["signed"] for party in found["parties"])
    assert found["terms"]["controls"] == {"moj": 3, "ohid": "0.1"}


def test_the_state_says_what_is_missing() -> None:
    assert state(SignedAgreement.unsigned(terms()), NOW) == "not signed by moj, ohid, ttp, lab"
    assert state(signed(), LATER).startswith("expired at")
    with pytest.raises(VerificationError):
        state(SignedAgreement(terms(version=3), signed().signatures), NOW)
