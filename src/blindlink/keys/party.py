"""A party's private keys, and the one file format that holds them.

Five keys, one purpose each: sealing X25519 with ML-KEM-768 (HPKE hybrid), signing Ed25519 with
ML-DSA-65, authentication to the service Ed25519. The file (text, mode 0600)::

    blindlink-party-keys-v1
    <public party document, canonical JSON>
    argon2id <iterations> <KiB> <lanes> <base64 salt>
    <base64 of nonce and AES-256-GCM ciphertext of the 192 seed bytes>

The lines above the last are its associated data. Iterations, memory and lanes are fixed by the
version: a reader refuses others, so no file can make it spend an attacker's choice of memory.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import ValidationError

from blindlink.errors import FormatError, KeyFileError, VerificationError
from blindlink.files import check_output
from blindlink.keys import files
from blindlink.keys.entropy import Entropy, system_entropy
from blindlink.keys.passphrase import check_new
from blindlink.keys.public import (
    SEALED_KEY,
    SUITE,
    PartyPublic,
    Role,
    Signatures,
    in_domain,
)
from blindlink.keys.strict import problem

HEADER = "blindlink-party-keys-v1"
ITERATIONS, MEMORY_KIB, LANES = 3, 65536, 4  # the second recommended option of RFC 9106
SALT, NONCE, TAG = 16, 12, 16
SEEDS = {"seal_x25519": 32, "seal_mlkem768": 64, "sign_ed25519": 32, "sign_mldsa65": 32, "auth": 32}
SEED_BYTES = sum(SEEDS.values())


@dataclass(frozen=True, repr=False, eq=False)
class PartyKeys:
    """Private keys of one party. Make them with ``generate`` or ``load``."""

    public: PartyPublic
    _seed: bytes
    _seal: MLKEM768X25519PrivateKey
    _sign_ed25519: Ed25519PrivateKey
    _sign_mldsa65: MLDSA65PrivateKey
    _auth: Ed25519PrivateKey

    @classmethod
    def generate(
        cls,
        name: str,
        role: Role,
        *,
        organisation: str | None = None,
        entropy: Entropy = system_entropy,
    ) -> "PartyKeys":
        """New random keys; the organisation is the party's name unless given.

        Raises KeyFileError for a name, role or organisation that no public file may hold.
        """
        return cls._from_seed(entropy(SEED_BYTES), name, role, organisation or name)

    @classmethod
    def _from_seed(cls, seed: bytes, name: str, role: Role, organisation: str) -> "PartyKeys":
        parts = _split(seed)
        x25519 = X25519PrivateKey.from_private_bytes(parts["seal_x25519"])
        mlkem = MLKEM768PrivateKey.from_seed_bytes(parts["seal_mlkem768"])
        ed25519 = Ed25519PrivateKey.from_private_bytes(parts["sign_ed25519"])
        mldsa65 = MLDSA65PrivateKey.from_seed_bytes(parts["sign_mldsa65"])
        auth = Ed25519PrivateKey.from_private_bytes(parts["auth"])
        try:
            public = PartyPublic(
                name=name,
                organisation=organisation,
                role=role,
                seal_x25519=files.encode(x25519.public_key().public_bytes_raw()),
                seal_mlkem768=files.encode(mlkem.public_key().public_bytes_raw()),
                sign_ed25519=files.encode(ed25519.public_key().public_bytes_raw()),
                sign_mldsa65=files.encode(mldsa65.public_key().public_bytes_raw()),
                auth_ed25519=files.encode(auth.public_key().public_bytes_raw()),
            )
        except ValidationError as error:
            raise KeyFileError(
                f"party {problem(error)}", hint="a name has lower-case letters, digits and hyphens"
            ) from None
        return cls(public, seed, MLKEM768X25519PrivateKey(mlkem, x25519), ed25519, mldsa65, auth)

    def save(
        self,
        path: Path,
        passphrase: bytes,
        *,
        force: bool = False,
        entropy: Entropy = system_entropy,
    ) -> None:
        """Write the key file (0600), encrypted under the passphrase; raises OutputError."""
        salt, nonce = entropy(SALT), entropy(NONCE)
        cost = f"argon2id {ITERATIONS} {MEMORY_KIB} {LANES} {files.encode(salt)}"
        head = b"\n".join((HEADER.encode(), self.public.to_bytes(), cost.encode(), b""))
        sealed = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, self._seed, head)
        files.write_private(path, head + files.encode(nonce + sealed).encode() + b"\n", force=force)

    @classmethod
    def load(cls, path: Path, passphrase: bytes) -> "PartyKeys":
        """Read a key file; raises KeyFileError (missing, exposed, malformed, wrong passphrase)."""
        data = files.read_private(path)
        public, salt, sealed = _parse(data, path)
        head = data[: data.rindex(b"\n", 0, -1) + 1]
        try:
            cipher = AESGCM(_stretch(passphrase, salt))
            seed = cipher.decrypt(sealed[:NONCE], sealed[NONCE:], head)
        except InvalidTag:
            raise KeyFileError(
                f"{path}: wrong passphrase, or the file was altered",
                hint="give the passphrase that the keys were made with",
            ) from None
        keys = cls._from_seed(seed, public.name, public.role, public.organisation)
        if keys.public != public:
            raise KeyFileError(f"{path}: the private keys do not fit the public ones")
        return keys

    @staticmethod
    def peek(path: Path) -> PartyPublic:
        """The public half of a key file, read without a passphrase and so not yet to be trusted."""
        return _parse(files.read_private(path), path)[0]

    def sign(self, message: bytes, *, domain: str) -> Signatures:
        """Sign as this party; ``domain`` names the format, and only it verifies there."""
        signed = in_domain(message, domain)
        return Signatures(
            ed25519=files.encode(self._sign_ed25519.sign(signed)),
            mldsa65=files.encode(self._sign_mldsa65.sign(signed)),
        )

    def authenticate(self, message: bytes) -> bytes:
        """An Ed25519 signature by the authentication key, which signs no format."""
        return self._auth.sign(message)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The 32-byte key that was sealed to this party with the same ``info``.

        Raises VerificationError: sealed to somebody else, altered, or moved from another place.
        """
        try:
            if len(sealed) != SEALED_KEY:
                raise ValueError("length")
            return SUITE.decrypt(sealed, self._seal, info)
        except (InvalidTag, ValueError):
            raise VerificationError(
                f"sealed key: does not open with the keys of {self.public.name}",
                hint="it was sealed to another party, altered, or belongs to another file",
            ) from None

    def derive(self, info: bytes, length: int) -> bytes:
        """A secret of this party's own for the use that ``info`` names (HKDF-SHA256, RFC 5869)."""
        return HKDF(SHA256(), length, b"blindlink-party-own", info).derive(self._seed)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PartyKeys):
            return NotImplemented
        return self.public == other.public and hmac.compare_digest(self._seed, other._seed)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return f"<PartyKeys {self.public.name} {self.public.fingerprint()}>"

    def __reduce__(self) -> str:
        raise TypeError("party keys are not pickled")


def make_party(
    name: str,
    role: Role,
    private: Path,
    public: Path,
    passphrase: Callable[[], bytes],
    *,
    organisation: str | None = None,
    force: bool = False,
) -> PartyPublic:
    """Make a party's keys and write both files; the passphrase is asked for last.

    Raises KeyFileError for a name that cannot be or a weak passphrase, and OutputError before
    anything is written.
    """
    keys = PartyKeys.generate(name, role, organisation=organisation)
    for path in (private, public):
        check_output(path, force=force)
    chosen = passphrase()
    check_new(chosen)
    keys.save(private, chosen, force=force)
    keys.public.save(public, force=force)
    return keys.public


def _split(seed: bytes) -> dict[str, bytes]:
    parts, start = {}, 0
    for name, size in SEEDS.items():
        parts[name] = seed[start : start + size]
        start += size
    return parts


def _stretch(passphrase: bytes, salt: bytes) -> bytes:
    if not passphrase:
        raise KeyFileError("the passphrase is empty", hint="choose one of several random words")
    kdf = Argon2id(salt=salt, length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    return kdf.derive(passphrase)


def _parse(data: bytes, path: Path) -> tuple[PartyPublic, bytes, bytes]:
    """Public half, salt, and nonce with ciphertext of a key file."""
    lines = files.lines_of(data, HEADER, 4, path)
    try:
        public = PartyPublic.parse(lines[1].encode(), f"{path}: line 2")
    except FormatError as error:
        raise KeyFileError(error.message) from None
    cost, _, salt = lines[2].rpartition(" ")
    if cost != f"argon2id {ITERATIONS} {MEMORY_KIB} {LANES}":
        raise KeyFileError(f"{path}: malformed: line 3 is not the cost of this version")
    try:
        return public, files.decode(salt, SALT), files.decode(lines[3], NONCE + SEED_BYTES + TAG)
    except ValueError:
        raise KeyFileError(f"{path}: malformed: line 3 or 4 is not base64 of its size") from None
