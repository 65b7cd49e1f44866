"""The linkage secret: 32 random bytes that the owners share. Whoever holds it can re-identify.

File (text, mode 0600, no passphrase so that ``clk encode --secret-file`` never prompts)::

    blindlink-linkage-key-v1
    <base64 of the 32 bytes>
    <check value, 16 hex digits>
"""

import hmac
from os import PathLike
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from blindlink.errors import KeyFileError
from blindlink.keys import files
from blindlink.keys.entropy import Entropy, system_entropy

HEADER = "blindlink-linkage-key-v1"
SIZE = 32
CHECK_SIZE = 8  # 64 bits tell keys apart; the key itself has 256, so they help nobody to guess it


class LinkageKey:
    """The owners' common secret, for encoding and nothing else."""

    purpose = "linkage"
    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SIZE:
            raise KeyFileError(f"a linkage key has {SIZE} bytes, not {len(secret)}")
        self._secret = bytes(secret)

    @classmethod
    def generate(cls, entropy: Entropy = system_entropy) -> "LinkageKey":
        """A new random key."""
        return cls(entropy(SIZE))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "LinkageKey":
        """Read a key file; raises KeyFileError (missing, exposed, wrong kind, malformed)."""
        file = Path(path)
        _, encoded, check = files.lines_of(files.read_private(file), HEADER, 3, file)
        try:
            key = cls(files.decode(encoded, SIZE))
        except ValueError:
            raise KeyFileError(f"{path}: malformed: line 2 is not a key") from None
        if not hmac.compare_digest(key.check_value().encode(), check.encode()):
            raise KeyFileError(f"{path}: damaged: the key does not fit its check value")
        return key

    def save(self, path: str | PathLike[str], *, force: bool = False) -> None:
        """Write the key file with mode 0600; raises OutputError."""
        text = f"{HEADER}\n{files.encode(self._secret)}\n{self.check_value()}\n"
        files.write_private(Path(path), text.encode("ascii"), force=force)

    @property
    def secret(self) -> bytes:
        """The bytes themselves, for the key derivation that the CLK format prescribes."""
        return self._secret

    def derive(self, info: bytes, length: int) -> bytes:
        """A key of ``length`` bytes for the use that ``info`` names (HKDF-SHA256, RFC 5869).

        The salt keeps these keys apart from those that the CLK format derives from the same secret.
        """
        return HKDF(SHA256(), length, HEADER.encode("ascii"), info).derive(self._secret)

    def under(self, agreement: str) -> "LinkageKey":
        """The key that encodes under the agreement of this digest (64 hex digits).

        Files of two agreements share no filter and no match key, even with one secret.
        """
        return LinkageKey(self.derive(b"encoding under " + bytes.fromhex(agreement), SIZE))

    def check_value(self) -> str:
        """16 hex digits that tell whether two owners hold the same key, and nothing else."""
        return self.derive(b"key-check", CHECK_SIZE).hex()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinkageKey):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return f"<LinkageKey check={self.check_value()}>"

    def __reduce__(self) -> str:
        raise TypeError("a linkage key is not pickled")
