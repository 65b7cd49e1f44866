"""The sound files of one small study, made with the product itself. See ``vectors.world``."""

import shutil
from typing import Any

import pyarrow as pa

from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.release import link
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.agreement.secret import seal_secret
from blindlink.owner.submit import submit
from blindlink.owner.withdraw import withdraw
from vectors.world import BASE
from worlds.parties import NOW, PASSPHRASE, ROLES, entropy, keys, secret, signed_by, terms

PEOPLE = 14
SHARED = 9
HASHING = {"strategy": {"bitsPerFeature": 30}, "hash": {"type": "doubleHash"}}


def _feature(name: str, n: int) -> dict[str, Any]:
    comparison = {"type": "ngram", "n": n}
    return {
        "identifier": name,
        "format": {"type": "string", "encoding": "utf-8"},
        "hashing": {"comparison": comparison, **HASHING},
    }


SCHEMA = {
    "version": 3,
    "clkConfig": {
        "l": 256,
        "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64, "salt": "", "info": ""},
    },
    "features": [_feature("forename", 2), _feature("surname", 2), _feature("date_of_birth", 3)],
}
FORENAMES = "Ada Ben Cleo Dev Elif Finn Gwen Hugo Iris Jack Kofi Lena Mona Nils Olga Paul Rosa Tara"
SURNAMES = "Adams Brook Clark Davis Evans Field Grant Hayes Irwin Jones Khan Lloyd Moore Owens"


def make_base() -> None:
    """Write ``base/``: agreement, key files, secret, submissions, release, log, receipts."""
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir()
    agreement = _agreement()
    _keys()
    _study(agreement)
    shutil.rmtree(BASE / "project")
    for rows in BASE.glob("*.rows"):
        rows.unlink()


def _agreement() -> SignedAgreement:
    signed = signed_by(
        terms(
            schema_document=SCHEMA,
            plan={"threshold": "0.8"},
            payload={
                "moj": {"events": {"requirement": "keep", "age": "band:5"}},
                "ohid": {"events": {"triage_date": "month"}},
            },
            controls={"moj": 2, "ohid": 1},
        )
    )
    signed.save(BASE / "study.agreement")
    return signed


def _keys() -> None:
    for name in ROLES:
        keys(name).public.save(BASE / f"{name}.public")
    keys("moj").save(BASE / "moj.key", PASSPHRASE, entropy=entropy("base moj.key"))
    secret().save(BASE / "linkage.key")


def _study(agreement: SignedAgreement) -> None:
    seal_secret(secret(), Acting(agreement, keys("moj"), NOW), to=keys("ohid").public).save(
        BASE / "for-ohid.secret"
    )
    for name, start in (("moj", 0), ("ohid", PEOPLE - SHARED)):
        submit(
            _identities(start),
            {"events": _events(name)},
            Acting(agreement, keys(name), NOW, entropy=entropy(f"base {name}")),
            secret(),
            BASE / f"{name}.submission",
        )
    gone = withdraw(
        ["person-13"],
        BASE / "ohid.submission.rows",
        Acting(agreement, keys("ohid"), NOW, entropy=entropy("base withdrawal")),
        BASE / "ohid.withdrawal",
    )
    link(
        [BASE / "moj.submission", BASE / "ohid.submission"],
        Acting(agreement, keys("ttp"), NOW, entropy=entropy("base link")),
        Place(BASE / "project"),
        BASE / "study.release",
        withdrawals=[gone.path],
    )


def _identities(start: int) -> pa.Table:
    people = range(start, start + PEOPLE)
    first, last = FORENAMES.split(), SURNAMES.split()
    return pa.table(
        {
            "entity_id": [f"person-{number}" for number in range(PEOPLE)],
            "forename": [first[number % len(first)] for number in people],
            "surname": [last[number * 3 % len(last)] for number in people],
            "date_of_birth": [f"19{70 + number}-0{1 + number % 9}-11" for number in people],
            "sex": ["MF"[number % 2] for number in people],
            "region": ["North", "South"][:1] * PEOPLE,
            "postcode": [f"N{number % 7} 1AA" for number in people],
        }
    )


def _events(owner: str) -> pa.Table:
    ids = [f"person-{number}" for number in range(PEOPLE)]
    if owner == "moj":
        return pa.table(
            {
                "entity_id": ids,
                "requirement": ["ATR", "DRR"] * (PEOPLE // 2),
                "age": [str(20 + number) for number in range(PEOPLE)],
            }
        )
    dates = [f"2020-0{1 + number % 9}-15" for number in range(PEOPLE)]
    return pa.table({"entity_id": ids, "triage_date": dates})
