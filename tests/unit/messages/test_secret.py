"""The linkage secret travels from owner to owner and nowhere else."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    RefusedError,
    VerificationError,
)
from blindlink.keys import LinkageKey
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.agreement.secret import (
    Secret,
    open_secret,
    receive_secret,
    seal_secret,
    send_secret,
)
from blindlink.messages.signed import Signed
from worlds.parties import LATER, NOW, entropy, keys, secret, signed, signed_by, terms


def envelope(path: Path, **changes: Any) -> Path:
    options: dict[str, Any] = {
        "agreement": signed(),
        "keys": keys("moj"),
        "now": NOW,
    }
    key, to = changes.pop("key", secret()), changes.pop("to", keys("ohid").public)
    seal_secret(key, Acting(**options | changes), to=to).save(path)
    return path


def opened(path: Path, **changes: Any) -> LinkageKey:
    options: dict[str, Any] = {"agreement": signed(), "keys": keys("ohid"), "now": NOW}
    return open_secret(path, Acting(**options | changes))


def test_the_other_owner_receives_it(tmp_path: Path) -> None:
    assert opened(envelope(tmp_path / "s")) == secret()


def test_by_files(tmp_path: Path) -> None:
    send_secret(secret(), Acting(signed(), keys("moj"), NOW), "ohid", tmp_path / "s")
    receive_secret(tmp_path / "s", Acting(signed(), keys("ohid"), NOW), tmp_path / "k")
    assert LinkageKey.load(tmp_path / "k") == secret()
    assert secret().secret not in (tmp_path / "s").read_bytes()


def test_only_owners_may_be_its_ends(tmp_path: Path) -> None:
    for changes in ({"to": keys("ttp").public}, {"keys": keys("lab")}):
        with pytest.raises(RefusedError, match="only owners may hold it"):
            envelope(tmp_path / "s", **changes)
    for changes in ({"to": keys("mallory").public}, {"keys": keys("mallory")}):
        with pytest.raises(AgreementError, match="none of its parties"):
            envelope(tmp_path / "s", **changes)


def test_only_the_agreed_key_is_sent(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="not the one that the agreement names"):
        envelope(tmp_path / "s", key=LinkageKey.generate())


def test_only_under_an_agreement_in_force(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="not signed"):
        envelope(tmp_path / "s", agreement=SignedAgreement.unsigned(terms()))
    with pytest.raises(AgreementError, match="expired"):
        envelope(tmp_path / "s", now=LATER)
    path = envelope(tmp_path / "s")
    with pytest.raises(AgreementError, match="expired"):
        opened(path, now=LATER + timedelta(days=1))
    with pytest.raises(AgreementError, match="another agreement"):
        opened(path, agreement=signed_by(terms(version=2)))


@pytest.mark.parametrize(
    ("reader", "error"),
    [
        ("moj", VerificationError),
        ("ttp", RefusedError),
        ("lab", RefusedError),
        ("mallory", AgreementError),
    ],
)
def test_nobody_else_opens_it(reader: str, error: type[BlindlinkError], tmp_path: Path) -> None:
    path = envelope(tmp_path / "s")
    with pytest.raises(error):
        opened(path, keys=keys(reader))


def forged(path: Path, sender: str, **changes: Any) -> Path:
    """An envelope that ``sender`` signs, with fields that the library would not write."""
    found = seal_secret(
        secret(), Acting(signed(), keys("moj"), NOW), to=keys("ohid").public
    ).document
    signer = keys(sender).public.fingerprint()
    Signed.make(found.model_copy(update={"signer": signer} | changes), keys(sender)).save(path)
    return path


def test_a_linker_cannot_pretend_to_be_an_owner(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="ttp is linker"):
        opened(forged(tmp_path / "s", "ttp"))
    with pytest.raises(AgreementError, match="none of its parties"):
        opened(forged(tmp_path / "t", "mallory"))


def test_an_owner_cannot_pass_on_what_another_sealed(tmp_path: Path) -> None:
    """ohid re-signs the envelope that moj sealed: the key is bound to moj as its sender."""
    with pytest.raises(VerificationError, match="does not open"):
        opened(forged(tmp_path / "s", "ohid"))


def test_an_owner_cannot_slip_in_another_key(tmp_path: Path) -> None:
    moj, ohid = keys("moj").public.fingerprint(), keys("ohid").public.fingerprint()
    info = canonical.dumps(
        {
            "agreement": signed().digest(),
            "format": "blindlink-secret-v1",
            "recipient": ohid,
            "sender": moj,
        }
    )
    from blindlink.keys.files import encode

    sealed = encode(keys("ohid").public.seal(entropy("evil")(32), info))
    with pytest.raises(VerificationError, match="check value of the agreement"):
        opened(forged(tmp_path / "s", "moj", sealed=sealed))


def test_altered_envelopes_are_refused(tmp_path: Path) -> None:
    data, path = envelope(tmp_path / "s").read_bytes(), tmp_path / "x"
    for place in range(0, len(data), 127):
        path.write_bytes(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
        with pytest.raises((FormatError, VerificationError, AgreementError)):
            opened(path)


def test_the_signer_named_is_the_signer(tmp_path: Path) -> None:
    path = envelope(tmp_path / "s")
    found = Signed.load(path, Secret)
    with pytest.raises(VerificationError, match="signer: is not ohid"):
        found.verify(keys("ohid").public, "here")
    with pytest.raises(ValueError, match="names another signer"):
        Signed.make(found.document, keys("ohid"))
    changed = found.document.model_copy(update={"created": "2026-01-01T00:00:00Z"})
    other = Signed(changed, found.signatures)
    with pytest.raises(VerificationError, match="here: signature of moj"):
        other.verify(keys("moj").public, "here")
    assert len(found.digest()) == 64
