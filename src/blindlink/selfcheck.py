"""Does this very machine give the results that it should? One check per function.

Encodings against clkhash's, engines against the reference, pairs and groups against anonlink's,
cryptography against published vectors. What is not installed is skipped, and the line says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from blindlink.arrays import Bytes
from blindlink.errors import MissingExtraError, SelfCheckError, VerificationError
from blindlink.keys import PartyKeys
from blindlink.linker.join import engines
from blindlink.linker.join.pairs import Pairs
from blindlink.messages.merkle import leaf, root
from blindlink.schema.document import parse_schema

State = Literal["ok", "failed", "skipped"]

# SHA-256 over the filters of ``_people`` under ``_SCHEMA``, as clkhash 0.18.3 made them.
_ENCODED = "018a285ebfb9a7fd37a4bc71deb016c41300be9612ee255e1e96d410b59e74f8"
_SECRET = b"a secret for tests only"
_SCHEMA: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
    "features": [
        {
            "identifier": "forename",
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": {"bitsPerToken": 15},
                "hash": {"type": "blakeHash"},
            },
        },
        {
            "identifier": "surname",
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 3, "positional": True},
                "strategy": {"bitsPerFeature": 150},
                "hash": {"type": "doubleHash"},
            },
        },
        {
            "identifier": "date_of_birth",
            "format": {"type": "date", "format": "%Y-%m-%d"},
            "hashing": {
                "comparison": {"type": "exact"},
                "strategy": {"bitsPerFeature": 100},
                "hash": {"type": "blakeHash"},
            },
        },
    ],
}


@dataclass(frozen=True)
class Result:
    """What one check gave."""

    name: str
    state: State
    detail: str

    def line(self) -> str:
        """For people: state, name, detail."""
        return f"{self.state:<8}{self.name}" + (f": {self.detail}" if self.detail else "")

    def as_dict(self) -> dict[str, str]:
        """For machines."""
        return asdict(self)


class _DifferenceError(Exception):
    """A check's own verdict; its message holds no data but what this module makes up."""


def run(say: Callable[[Result], None] = lambda result: None) -> list[Result]:
    """Run all checks; ``say`` hears of each as it ends. Never raises for a failed check."""
    results = []
    for name, check in _checks():
        result = _run_one(name, check)
        say(result)
        results.append(result)
    return results


def demand(results: Sequence[Result]) -> None:
    """Raises SelfCheckError when a check failed."""
    failed = [result.name for result in results if result.state == "failed"]
    if failed:
        raise SelfCheckError(f"{len(failed)} of {len(results)} checks failed: {', '.join(failed)}")


def _run_one(name: str, check: Callable[[], str]) -> Result:
    try:
        return Result(name, "ok", check())
    except MissingExtraError as error:
        return Result(name, "skipped", error.message)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "blindlink"):
            return Result(name, "failed", type(error).__name__)
        return Result(name, "skipped", f"{library} is not installed")
    except _DifferenceError as error:
        return Result(name, "failed", str(error))
    except Exception as error:  # a fault of any kind is what the check is for
        return Result(name, "failed", type(error).__name__)


def _checks() -> list[tuple[str, Callable[[], str]]]:
    # Spark runs the kernel of "sliced", on machines that this one does not know.
    exact = [name for name in engines.names() if name not in ("reference", "anonlink", "spark")]
    return [
        ("encodings have the published digest", _encodings_published),
        ("encodings equal clkhash's", _encodings_clkhash),
        *((f"engine {name} equals the reference", _engine_check(name)) for name in exact),
        ("pairs equal anonlink's", _pairs_anonlink),
        ("groups equal anonlink's", _groups_anonlink),
        ("SHA-256 (FIPS 180-4)", _sha256),
        ("HKDF-SHA256 (RFC 5869, A.1)", _hkdf),
        ("AES-256-GCM (McGrew and Viega, 14)", _aes_gcm),
        ("X25519 (RFC 7748, 5.2)", _x25519),
        ("Ed25519 (RFC 8032, 7.1)", _ed25519),
        ("Merkle tree (RFC 6962)", _merkle),
        ("hybrid signatures and sealing", _party_keys),
    ]


def _expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise _DifferenceError(f"{what} differ")


def _encodings_published() -> str:
    found = _encoded("blindlink")
    _expect(sha256(found.tobytes()).hexdigest(), _ENCODED, "encodings")
    return f"{len(found)} records"


def _encodings_clkhash() -> str:
    found, wanted = _encoded("blindlink"), _encoded("clkhash")
    _expect(found.tobytes(), wanted.tobytes(), "encodings")
    return f"{len(found)} records"


def _encoded(backend: str) -> Bytes:
    from blindlink.owner.encoding.encode import encode_as_clkhash

    encodings = encode_as_clkhash(_people(120), parse_schema(_SCHEMA), _SECRET, backend=backend)
    return encodings.filters[0]


def _people(count: int) -> pa.Table:
    """Made-up people that need no file and no random numbers, with missing cells."""
    forenames = ("Ann", "José", "Siân", "Mohammed", "O'Neil", "")
    surnames = ("Smith", "Ó Dálaigh", "de la Cruz", "Nguyễn", "Lee-Jones")
    rows = range(count)
    return pa.table(
        {
            "forename": [forenames[row % 6] + "aeiou"[row % 5] * (row % 3) for row in rows],
            "surname": [surnames[row % 5] + str(row // 30) for row in rows],
            "date_of_birth": [
                f"{1930 + row % 80}-{1 + row % 12:02}-{1 + row % 28:02}" for row in rows
            ],
        }
    )


def _engine_check(name: str) -> Callable[[], str]:
    def check() -> str:
        engine, reference = engines.load(name), engines.load("reference")
        left, right = _filters(200), _filters(900)
        for threshold in (0.2, 0.5, 0.75, 0.9, 1.0):
            for top in (None, 2):
                found = engine.pairs(left, right, threshold, top=top)
                _expect_same(found, reference.pairs(left, right, threshold, top=top))
        return f"{len(left)} x {len(right)} filters, 5 thresholds"

    return check


def _pairs_anonlink() -> str:
    engine, reference = engines.load("anonlink"), engines.load("reference")
    left, right = _filters(200), _filters(900)
    for threshold in (0.2, 0.7, 0.8, 0.9):
        found = engine.pairs(left, right, threshold)
        _expect_same(found, reference.pairs(left, right, threshold))
    return f"{len(left)} x {len(right)} filters, 4 thresholds"


def _groups_anonlink() -> str:
    from blindlink.linker.model.anonlink_clusters import solve
    from blindlink.linker.model.clusters import FilePairs, group

    reference = engines.load("reference")
    files = [_filters(60 + 10 * number) for number in range(3)]
    candidates = [
        FilePairs(a, b, reference.pairs(files[a], files[b], 0.4))
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    for agreement in (0.5, 1.0):
        found = group(candidates, agreement=agreement)
        _expect(found, solve(candidates, agreement=agreement), "groups")
    return f"{len(found)} groups of {len(files)} files"


def _expect_same(found: Pairs, wanted: Pairs) -> None:
    same = (
        np.array_equal(found.left, wanted.left)
        and np.array_equal(found.right, wanted.right)
        and np.array_equal(found.score, wanted.score)
    )
    _expect(same, True, "pairs")


def _filters(count: int) -> Bytes:
    """Filters of 256 bits by SHA-256; every seventh is empty or nearly like its neighbour."""
    rows = [bytearray(sha256(b"%d" % row).digest()) for row in range(count)]
    for row in range(7, count, 7):
        rows[row] = bytearray(32) if row % 14 else rows[row - 1][:31] + rows[row][31:]
    return np.array([list(row) for row in rows], np.uint8)


def _sha256() -> str:
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    _expect(sha256(b"abc").hexdigest(), wanted, "digests")
    return ""


def _hkdf() -> str:
    info, salt = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), bytes(range(13))
    found = HKDF(SHA256(), 42, salt, info).derive(b"\x0b" * 22)
    wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    _expect(found.hex(), wanted, "keys")
    return ""


def _aes_gcm() -> str:
    found = AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), None)
    wanted = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    _expect(found.hex(), wanted, "ciphertexts")
    return ""


def _x25519() -> str:
    private = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"
    public = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
    wanted = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    found = key.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    _expect(found.hex(), wanted, "shared secrets")
    return ""


def _ed25519() -> str:
    private = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    wanted = (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    _expect(key.sign(b"").hex(), wanted, "signatures")
    key.public_key().verify(bytes.fromhex(wanted), b"")
    return ""


def _merkle() -> str:
    """The tree over the eight leaves of the test of Certificate Transparency's authors."""
    leaves = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
    last = "606162636465666768696a6b6c6d6e6f"
    found = root([leaf(bytes.fromhex(one)) for one in (*leaves, last)])
    wanted = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    _expect(found.hex(), wanted, "roots")
    return ""


def _party_keys() -> str:
    """Ed25519 with ML-DSA-65, X25519 with ML-KEM-768: no short vectors exist, so there and back."""
    keys = PartyKeys.generate("selfcheck", "linker")
    signatures = keys.sign(b"message", domain="selfcheck")
    keys.public.verify(b"message", signatures, domain="selfcheck")
    sealed = keys.public.seal(bytes(range(32)), b"place")
    _expect(keys.open(sealed, b"place"), bytes(range(32)), "sealed keys")
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    _refused(lambda: keys.public.verify(b"massage", signatures, domain="selfcheck"), "signature")
    _refused(lambda: keys.open(altered, b"place"), "sealed key")
    return "made, opened, and refused when altered"


def _refused(action: Callable[[], object], what: str) -> None:
    try:
        action()
    except VerificationError:
        return
    raise _DifferenceError(f"an altered {what} was accepted")
