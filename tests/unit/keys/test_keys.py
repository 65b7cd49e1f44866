"""Key files and what they refuse; purposes; secrets that do not print."""

import copy
import pickle
from pathlib import Path

import pytest

from blindlink.errors import FormatError, InputError, KeyFileError, OutputError, VerificationError
from blindlink.keys import (
    LinkageKey,
    PartyKeys,
    PartyPublic,
    Signatures,
    make_party,
    system_entropy,
)
from blindlink.keys.files import decode, encode
from worlds.parties import PASSPHRASE, entropy, keys, secret


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "moj.key"
    keys("moj").save(path, PASSPHRASE, entropy=entropy("key file"))
    return path


def rewritten(path: Path, old: bytes, new: bytes, tmp_path: Path) -> Path:
    """A private copy of a file with one thing changed."""
    data = path.read_bytes()
    assert old in data
    changed = tmp_path / "changed.key"
    changed.touch(mode=0o600)
    changed.write_bytes(data.replace(old, new, 1))
    return changed


# ----------------------------------------------------------------------------------- linkage key


def test_linkage_key_file_is_three_lines_and_private(tmp_path: Path) -> None:
    key = LinkageKey(bytes(range(32)))
    key.save(tmp_path / "k")
    assert (tmp_path / "k").read_text() == (
        "blindlink-linkage-key-v1\n"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        f"{key.check_value()}\n"
    )
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert LinkageKey.load(tmp_path / "k") == key


def test_linkage_key_is_not_overwritten(tmp_path: Path) -> None:
    secret().save(tmp_path / "k")
    with pytest.raises(OutputError, match="exists already"):
        secret().save(tmp_path / "k")
    secret().save(tmp_path / "k", force=True)


def test_linkage_key_derivations_differ_by_info_and_from_the_check_value() -> None:
    key = secret()
    derived = {key.derive(info, 8).hex() for info in (b"", b"a", b"b")}
    assert len(derived | {key.check_value()}) == 4
    assert key.derive(b"a", 64)[:8] == key.derive(b"a", 8)
    assert len(key.check_value()) == 16


def test_two_keys_have_two_check_values() -> None:
    assert LinkageKey.generate() != LinkageKey.generate()
    assert LinkageKey.generate().check_value() != LinkageKey.generate().check_value()
    assert len(system_entropy(5)) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a blindlink-linkage-key-v1 file"),
        ("blindlink-linkage-key-v2\nx\ny\n", "not a blindlink-linkage-key-v1 file"),
        ("blindlink-linkage-key-v1\nAA==\n0000000000000000\n", "line 2 is not a key"),
        ("blindlink-linkage-key-v1\n!!!\n0000000000000000\n", "line 2 is not a key"),
        ("blindlink-linkage-key-v1\nAA==\n", "not exactly 3 lines"),
        ("blindlink-linkage-key-v1\nAA==\n\n\n", "not exactly 3 lines"),
        (f"blindlink-linkage-key-v1\n{'A' * 43}=\n0000000000000000\n", "damaged"),
        (f"blindlink-linkage-key-v1\n{'A' * 43}=\né\n", "damaged"),
    ],
)
def test_a_malformed_linkage_key_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(KeyFileError, match=message):
        LinkageKey.load(path)


def test_a_key_file_is_no_other_kind_of_file(key_file: Path, tmp_path: Path) -> None:
    secret().save(tmp_path / "k")
    with pytest.raises(KeyFileError, match="not a blindlink-party-keys-v1 file"):
        PartyKeys.load(tmp_path / "k", PASSPHRASE)
    with pytest.raises(KeyFileError, match="not a blindlink-linkage-key-v1 file"):
        LinkageKey.load(key_file)


def test_missing_binary_huge_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no such file"):
        LinkageKey.load(tmp_path / "missing")
    with pytest.raises(KeyFileError, match="is a directory"):
        LinkageKey.load(tmp_path)
    path = tmp_path / "k"
    path.touch(mode=0o600)
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(KeyFileError, match="not a blindlink-linkage-key-v1 file"):
        LinkageKey.load(path)
    path.write_bytes(b"A" * 70_000)
    with pytest.raises(KeyFileError, match="too large"):
        LinkageKey.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o644, 0o601])
def test_a_key_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    secret().save(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(KeyFileError, match="other users can read this key") as caught:
        LinkageKey.load(tmp_path / "k")
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_linkage_key_has_32_bytes(size: int) -> None:
    with pytest.raises(KeyFileError, match="has 32 bytes"):
        LinkageKey(bytes(size))


# ------------------------------------------------------------------------------------ party keys


def test_party_keys_come_back_from_their_file(key_file: Path) -> None:
    assert PartyKeys.load(key_file, PASSPHRASE) == keys("moj")
    assert PartyKeys.peek(key_file) == keys("moj").public
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_wrong_passphrase_is_refused(key_file: Path) -> None:
    for wrong in (b"wrong", PASSPHRASE + b"\n"):
        with pytest.raises(KeyFileError, match="wrong passphrase"):
            PartyKeys.load(key_file, wrong)
    with pytest.raises(KeyFileError, match="passphrase is empty"):
        PartyKeys.load(key_file, b"")
    with pytest.raises(KeyFileError, match="passphrase is empty"):
        keys("moj").save(key_file.with_name("other"), b"")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"blindlink-party-keys-v1", b"blindlink-party-keys-v2", "not a blindlink-party-keys-v1"),
        (b'"owner"', b'"linker"', "wrong passphrase"),
        (b'"owner"', b'"umpire"', "line 2: not a public party file: role"),
        (b'"name":"moj"', b'"name":"moj" ', "line 2: not in canonical form"),
        (b"argon2id 3 ", b"argon2id 4 ", "not the cost of this version"),
        (b" 65536 ", b" 4294967295 ", "not the cost of this version"),
        (b"argon2id 3 65536 4 ", b"argon2id 3 65536 4 A", "not base64 of its size"),
    ],
)
def test_an_altered_key_file_is_refused(
    old: bytes, new: bytes, message: str, key_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyFileError, match=message):
        PartyKeys.load(rewritten(key_file, old, new, tmp_path), PASSPHRASE)


def test_a_key_file_whose_halves_do_not_fit_is_refused(tmp_path: Path) -> None:
    """Somebody who knows the passphrase puts another party's public half in front of the seed."""
    mixed = PartyKeys(keys("ohid").public, keys("moj")._seed, *[None] * 4)  # type: ignore[arg-type]
    mixed.save(tmp_path / "k", PASSPHRASE)
    with pytest.raises(KeyFileError, match="do not fit the public ones"):
        PartyKeys.load(tmp_path / "k", PASSPHRASE)


def test_only_names_that_are_safe_in_file_names() -> None:
    for name in ("", "Moj", "../x", "moj\n", "a" * 33, "1a", "-a", "mój"):
        with pytest.raises(KeyFileError, match="party name"):
            PartyKeys.generate(name, "owner")
    with pytest.raises(KeyFileError, match="party organisation"):
        PartyKeys.generate("moj", "owner", organisation="escape \x1b[2J")
    with pytest.raises(KeyFileError, match="party role"):
        PartyKeys.generate("moj", "umpire")  # type: ignore[arg-type]
    assert PartyKeys.generate("moj", "owner").public.organisation == "moj"


def test_make_party_writes_both_files_or_neither(tmp_path: Path) -> None:
    private, public = tmp_path / "k", tmp_path / "k.public"
    public.touch()
    asked = []
    with pytest.raises(OutputError, match="exists already"):
        make_party("moj", "owner", private, public, lambda: asked.append(1) or b"x")  # type: ignore[func-returns-value]
    assert not private.exists()
    assert not asked
    made = make_party("moj", "owner", private, public, lambda: b"four random words", force=True)
    assert PartyPublic.load(public) == made == PartyKeys.load(private, b"four random words").public


def test_secrets_do_not_print_nor_travel() -> None:
    for private in (secret(), keys("moj")):
        shown = f"{private!r} {private}"
        raw = private.secret if isinstance(private, LinkageKey) else private._seed
        assert raw.hex() not in shown
        assert repr(raw) not in shown
        assert encode(raw) not in shown
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(private)
        with pytest.raises(TypeError, match="not pickled"):
            copy.copy(private)
        with pytest.raises(TypeError, match="unhashable"):
            hash(private)
        assert private != "something else"
        assert not private == "something else"  # noqa: SIM201 (__eq__ itself is tested)


# ---------------------------------------------------------------------------------- public party


def test_the_public_file_comes_back(tmp_path: Path) -> None:
    keys("moj").public.save(tmp_path / "p")
    assert PartyPublic.load(tmp_path / "p") == keys("moj").public


def test_the_fingerprint_covers_every_field() -> None:
    public = keys("moj").public
    seen = {public.fingerprint()}
    for field, value in public.model_dump().items():
        if field == "format":
            continue
        other = {"role": "linker", "name": "other", "organisation": "Other"}.get(
            field, getattr(keys("ohid").public, field)
        )
        assert other != value
        seen.add(public.model_copy(update={field: other}).fingerprint())
    assert len(seen) == 9
    assert all(len(each) == 29 and each.count("-") == 4 for each in seen)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-1], "no line feed"),
        (lambda text: text.replace('"moj"', '"Moj"'), "name"),
        (lambda text: text.replace("{", "{ "), "canonical"),
        (lambda text: text.replace('"name"', '"nick"'), "name: is missing"),
        (lambda text: text.replace("{", '{"a":1,', 1), "a: is not known here"),
        (lambda text: text.replace('"role":"owner"', '"role":"linker","role":"owner"'), "canon"),
        (lambda text: text.replace("-v1", "-v2"), "format"),
        (lambda text: "[" * 60_000 + "\n", "not a public party file"),
        (lambda text: text.replace('"auth_ed25519":"', '"auth_ed25519":"AAAA'), "not 32 bytes"),
        (lambda text: text.replace("=", "", 1), "not base64"),
    ],
)
def test_a_malformed_public_file_is_refused(change: object, message: str, tmp_path: Path) -> None:
    text = keys("moj").public.to_bytes().decode() + "\n"
    (tmp_path / "p").write_text(change(text))  # type: ignore[operator]
    with pytest.raises(FormatError, match=message):
        PartyPublic.load(tmp_path / "p")


def test_base64_has_one_spelling() -> None:
    assert decode("AAA=", 2) == b"\0\0"
    for text in ("AAB=", "AAA", "AA A=", "AAA=\n", "A-A="):
        with pytest.raises(ValueError, match="base64"):
            decode(text)


# ---------------------------------------------------------------------------- signing and sealing


def test_both_signatures_must_fit() -> None:
    mine, message = keys("moj"), b"message"
    good = mine.sign(message, domain="test")
    mine.public.verify(message, good, domain="test")
    other = keys("ohid").sign(message, domain="test")
    for bad in (
        Signatures(ed25519=other.ed25519, mldsa65=good.mldsa65),
        Signatures(ed25519=good.ed25519, mldsa65=other.mldsa65),
    ):
        with pytest.raises(VerificationError, match="signature of moj"):
            mine.public.verify(message, bad, domain="test")


@pytest.mark.parametrize(("message", "domain"), [(b"other", "test"), (b"message", "other")])
def test_a_signature_is_for_one_message_in_one_domain(message: bytes, domain: str) -> None:
    good = keys("moj").sign(b"message", domain="test")
    with pytest.raises(VerificationError):
        keys("moj").public.verify(message, good, domain=domain)
    with pytest.raises(VerificationError):
        keys("ohid").public.verify(b"message", good, domain="test")


def test_the_authentication_key_signs_no_format() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    mine = keys("moj")
    proof = mine.authenticate(b"message")
    Ed25519PublicKey.from_public_bytes(decode(mine.public.auth_ed25519)).verify(proof, b"message")
    assert mine.public.auth_ed25519 != mine.public.sign_ed25519


def test_a_key_opens_for_its_recipient_and_place_only() -> None:
    sealed = keys("ttp").public.seal(bytes(32), b"here")
    assert keys("ttp").open(sealed, b"here") == bytes(32)
    changed = bytes([sealed[0] ^ 1]) + sealed[1:]
    for reader, data, info in (
        ("lab", sealed, b"here"),
        ("ttp", sealed, b"there"),
        ("ttp", changed, b"here"),
        ("ttp", sealed[:-1], b"here"),
        ("ttp", sealed + b"\0", b"here"),
        ("ttp", b"", b"here"),
    ):
        with pytest.raises(VerificationError, match=f"does not open with the keys of {reader}"):
            keys(reader).open(data, info)


def test_only_keys_are_sealed() -> None:
    with pytest.raises(ValueError, match="32-byte"):
        keys("ttp").public.seal(b"short", b"here")


def test_a_public_key_that_is_no_point_is_refused() -> None:
    weak = keys("ttp").public.model_copy(update={"seal_x25519": encode(bytes(32))})
    with pytest.raises(InputError, match="sealing key of ttp"):
        weak.seal(bytes(32), b"here")
