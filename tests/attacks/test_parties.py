"""Parties that are not what they seem: keys that are none, names that look alike, known secrets."""

import base64
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blindlink.api.feasible import refuse_demo, refuse_demo_key
from blindlink.errors import FormatError, KeyFileError, RefusedError
from blindlink.keys import LinkageKey, PartyKeys, PartyPublic, make_party
from blindlink.messages import canonical
from blindlink.messages.agreement.terms import Agreement
from blindlink.synthetic.demo.marks import DEMO_MARK, demo_checks, replay
from worlds.flow import World, keys

ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
NUMBERS = {
    "the neutral point": 1,
    "order 2": 2**255 - 20,
    "order 4": 0,
    "order 4, the other": 1 << 255,
    "order 8": int.from_bytes(ORDER_8, "little"),
    "a second spelling of 1": 2**255 - 18,
    "a second sign of 1": 1 | 1 << 255,
    "off the curve": 2,
}


def changed(**fields: Any) -> PartyPublic:
    """The first owner's public file, as that owner would hand it over."""
    document = keys("moj").public.model_dump() | fields
    return PartyPublic.parse(canonical.dumps(document), "moj.public")


def number(value: int) -> str:
    return base64.b64encode(value.to_bytes(32, "little")).decode()


@pytest.mark.parametrize("field", ["sign_ed25519", "auth_ed25519"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_signing_key_that_verifies_everything_is_none(name: str, field: str) -> None:
    """The library reads it, and the hybrid signature would be worth ML-DSA alone."""
    with pytest.raises(FormatError, match=f"{field}: is (no|not the one|an ed25519 key of small)"):
        changed(**{field: number(NUMBERS[name])})


def test_an_honest_key_is_one() -> None:
    for name in ("moj", "ohid", "ttp", "analyst"):
        PartyPublic.parse(keys(name).public.to_bytes(), name)


@pytest.mark.parametrize(
    "value", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 9 | 1 << 255]
)  # fmt: skip
def test_a_sealing_key_that_everybody_agrees_on_is_none(value: int) -> None:
    with pytest.raises(FormatError, match="seal_x25519: is"):
        changed(seal_x25519=number(value))


def test_one_key_in_two_spellings_is_one() -> None:
    """Two parties with one X25519 key, one with bit 255 set: RFC 7748 reads both alike."""
    raw = int.from_bytes(base64.b64decode(keys("ohid").public.seal_x25519), "little")
    with pytest.raises(FormatError, match="not the one spelling"):
        changed(seal_x25519=number(raw | 1 << 255))


def test_an_impossible_mlkem_key_is_none() -> None:
    with pytest.raises(FormatError, match="seal_mlkem768"):
        changed(seal_mlkem768=base64.b64encode(b"\xff" * 1184).decode())


def test_no_purpose_takes_another_s_key() -> None:
    with pytest.raises(FormatError, match="one key stands for two purposes"):
        changed(auth_ed25519=keys("moj").public.sign_ed25519)


LOOKS = {
    "as it is": "Organisation of moj",
    "capitals": "ORGANISATION OF MOJ",
    "a full stop": "Organisation of moj.",
    "a filler": "Organisation\u3164of\u3164moj",
    "a variation selector": "Organisation of mo\ufe0fj",
    "a mark": unicodedata.normalize("NFC", "Organisation of moj\u030c"),
    "full width": "Ｏrganisation of moj",
    "a digit": "0rganisation of m0j",
    "l for i": "Organlsation of moj",
    "joined": "Organisation-of-moj",
}


def with_organisation(world: World, party: str, organisation: str) -> Agreement:
    document = world.agreement.agreement.document()
    for each in document["parties"]:
        if each["name"] == party:
            each["organisation"] = organisation
    return Agreement.model_validate_json(canonical.dumps(document))


@pytest.mark.parametrize("name", LOOKS)
def test_a_linker_that_looks_like_an_owner_is_that_owner(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="same-organisation, and no waiver"):
        with_organisation(World(tmp_path), "ttp", LOOKS[name])


def test_a_name_of_another_alphabet_that_looks_the_same(tmp_path: Path) -> None:
    document = World(tmp_path).agreement.agreement.document()
    for each in document["parties"]:
        if each["name"] in ("moj", "ttp"):  # МОЈ, of Cyrillic letters alone
            each["organisation"] = "MOJ" if each["name"] == "moj" else "МОЈ"
    with pytest.raises(ValidationError, match="same-organisation"):
        Agreement.model_validate_json(canonical.dumps(document))


def test_a_name_of_two_alphabets_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="mixes alphabets"):
        with_organisation(World(tmp_path), "ttp", "Оffice of statistics")  # a Cyrillic O


@pytest.mark.parametrize("name", ["Office of moj", "Министерство", "Υπουργείο", "統計局 Japan"])
def test_other_names_are_other_organisations(name: str, tmp_path: Path) -> None:
    assert with_organisation(World(tmp_path), "ttp", name)


@pytest.mark.parametrize(
    "words", [b"x", b"aaaaaaaaaaaaaaaaaaaa", b"abcabcabcabcabc", b"elevensigns"]
)
def test_a_weak_passphrase_makes_no_key_file(words: bytes, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="the passphrase is weak"):
        make_party("moj", "owner", tmp_path / "key", tmp_path / "public", lambda: words)
    assert not list(tmp_path.iterdir())


class TestTheDemoSKeys:
    """Drawn from a number that everybody knows: a study made of its folder has no secret."""

    def test_a_party_of_the_demo_is_no_party(self, tmp_path: Path) -> None:
        terms = with_organisation(World(tmp_path), "ttp", f"Trusted third party {DEMO_MARK}")
        with pytest.raises(RefusedError, match="the keys of ttp are of the demo"):
            refuse_demo(terms)

    def test_nor_is_its_secret_one(self, tmp_path: Path) -> None:
        document = World(tmp_path).agreement.agreement.document()
        document["key_check"] = min(demo_checks())
        with pytest.raises(RefusedError, match="the linkage secret is of the demo"):
            refuse_demo(Agreement.model_validate_json(canonical.dumps(document)))
        with pytest.raises(RefusedError, match="the linkage secret is of the demo"):
            refuse_demo_key(min(demo_checks()))

    def test_the_list_holds_what_the_demo_makes(self, tmp_path: Path) -> None:
        """By the demo's own steps: a party's keys, its passphrase and file, then the secret."""
        entropy = replay(3, "moj")
        made = PartyKeys.generate("moj", "owner", entropy=entropy)
        made.save(tmp_path / "key", entropy(16).hex().encode(), entropy=entropy)
        assert LinkageKey.generate(entropy).check_value() in demo_checks()

    def test_others_pass(self, tmp_path: Path) -> None:
        terms = World(tmp_path).agreement.agreement
        refuse_demo(terms)
        refuse_demo_key(terms.key_check)
