"""The primitives that we wrap give what their standards and Wycheproof say: published/README.md."""

import base64
import json
from hashlib import shake_256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FOLDER = Path(__file__).parent / "published"
KDFS = {1: KDF.HKDF_SHA256, 17: KDF.SHAKE256}
AEADS = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


def load(file: str) -> list[Any]:
    """(kind, vector) of a file, with every base64 value as bytes."""
    plain = {
        "result",
        "id",
        "why",
        "size",
        "kdf",
        "aead",
        "iterations",
        "lanes",
        "memory",
        "length",
    }
    found = json.loads((FOLDER / file).read_text())
    return [
        pytest.param(
            kind,
            {k: v if k in plain else base64.b64decode(v) for k, v in vector.items()},
            id=f"{kind}-{vector.get('id', number)}",
        )
        for kind, vectors in found.items()
        for number, vector in enumerate(vectors)
    ]


def hpke(vector: dict[str, Any], kem: KEM, private: Any) -> None:
    """The public interface has no aad; the vectors all have one, so this takes the one below it."""
    suite = Suite(kem, KDFS[vector["kdf"]], AEADS[vector["aead"]])
    sealed = vector["enc"] + vector["ct"]
    opened = openssl.hpke._decrypt_with_aad(suite, sealed, private, vector["info"], vector["aad"])
    assert opened == vector["pt"]
    with pytest.raises(InvalidTag):
        suite.decrypt(sealed, private, vector["info"])


def check_standard(kind: str, v: dict[str, Any]) -> None:
    match kind:
        case "hpke-x25519":
            hpke(v, KEM.X25519, X25519PrivateKey.from_private_bytes(v["skR"]))
        case "hpke-mlkem768-x25519":
            seed = shake_256(v["skR"]).digest(96)
            mlkem = MLKEM768PrivateKey.from_seed_bytes(seed[:64])
            x25519 = X25519PrivateKey.from_private_bytes(seed[64:])
            public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
            assert public == v["pkR"]
            hpke(v, KEM.MLKEM768_X25519, MLKEM768X25519PrivateKey(mlkem, x25519))
        case "hkdf-sha256":
            made = HKDF(SHA256(), v["size"], v["salt"] or None, v["info"]).derive(v["ikm"])
            assert made == v["okm"]
        case "argon2id":
            kdf = Argon2id(
                salt=v["salt"],
                length=v["length"],
                iterations=v["iterations"],
                lanes=v["lanes"],
                memory_cost=v["memory"],
                ad=v["ad"] or None,
                secret=v["secret"] or None,
            )
            assert kdf.derive(v["pass"]) == v["output"]
        case "ed25519":
            private = Ed25519PrivateKey.from_private_bytes(v["seed"])
            assert private.public_key().public_bytes_raw() == v["pk"]
            assert private.sign(v["msg"]) == v["sig"]
        case "ml-dsa-65":
            assert (
                MLDSA65PrivateKey.from_seed_bytes(v["seed"]).public_key().public_bytes_raw()
                == (v["pk"])
            )
            MLDSA65PublicKey.from_public_bytes(v["pk"]).verify(v["sig"], v["msg"], v["ctx"])
        case "ml-kem-768":
            key = MLKEM768PrivateKey.from_seed_bytes(v["seed"])
            assert key.public_key().public_bytes_raw() == v["pk"]
            assert key.decapsulate(v["ct"]) == v["ss"]
        case _:
            raise AssertionError(kind)


def run(kind: str, v: dict[str, Any]) -> None:
    """Raises where the primitive refuses the vector or gives something else."""
    match kind:
        case "aes-256-gcm":
            assert AESGCM(v["key"]).decrypt(v["iv"], v["ct"], v["aad"]) == v["msg"]
        case "ed25519":
            Ed25519PublicKey.from_public_bytes(v["pk"]).verify(v["sig"], v["msg"])
        case "x25519":
            private = X25519PrivateKey.from_private_bytes(v["private"])
            shared = private.exchange(X25519PublicKey.from_public_bytes(v["public"]))
            assert shared == v["shared"]
        case "hkdf-sha256":
            assert HKDF(SHA256(), v["size"], v["salt"], v["info"]).derive(v["ikm"]) == v["okm"]
        case "ml-dsa-65":
            key = MLDSA65PublicKey.from_public_bytes(v["pk"])
            key.verify(v["sig"], v["msg"], v["ctx"])
        case "ml-kem-768":
            private_key = MLKEM768PrivateKey.from_seed_bytes(v["seed"])
            assert private_key.decapsulate(v["c"]) == v["key"]
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize(("kind", "vector"), load("standards.json"))
def test_standards(kind: str, vector: dict[str, Any]) -> None:
    check_standard(kind, vector)


@pytest.mark.parametrize(("kind", "vector"), load("wycheproof.json"))
def test_wycheproof(kind: str, vector: dict[str, Any]) -> None:
    """An ``acceptable`` vector (a low-order X25519 point) may be refused, or give its value."""
    if vector["result"] == "valid":
        run(kind, vector)
        return
    try:
        run(kind, vector)
    except (InvalidSignature, InvalidTag, ValueError):
        return
    assert vector["result"] == "acceptable"
