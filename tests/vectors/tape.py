"""Repeatable signatures and sealed keys for the vectors.

ML-DSA signatures and HPKE encapsulations are random, and the library takes no randomness from us.
So the first run keeps what it made in tape.json, by the hash of what it was made from, and later
runs take it from there. A tape is an input of the vectors like their keys, and of nothing else.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from blindlink.keys import PartyKeys, PartyPublic, Signatures

FILE = Path(__file__).parent / "tape.json"


class Tape:
    """What was made before, by the hash of what it was made from."""

    def __init__(self, path: Path = FILE) -> None:
        self._known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        self._used: set[str] = set()

    def play(self, make: Callable[[], bytes], *parts: bytes) -> bytes:
        """What ``make`` gave for these parts before, or gives now."""
        whole = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        name = hashlib.sha256(whole).hexdigest()[:32]
        if name not in self._known:
            self._known[name] = base64.b64encode(make()).decode()
        self._used.add(name)
        return base64.b64decode(self._known[name])

    def to_bytes(self) -> bytes:
        """The file with what this run used, and nothing else."""
        kept = {name: self._known[name] for name in sorted(self._used)}
        return (json.dumps(kept, indent=0) + "\n").encode()


@contextmanager
def playing(tape: Tape) -> Iterator[None]:
    """Sign and seal from the tape."""
    sign, seal = PartyKeys.sign, PartyPublic.seal

    def taped_sign(keys: PartyKeys, message: bytes, *, domain: str) -> Signatures:
        made = sign(keys, message, domain=domain)
        parts = (b"sign", keys.public.to_bytes(), domain.encode(), message)
        return Signatures(
            ed25519=made.ed25519, mldsa65=tape.play(made.mldsa65.encode, *parts).decode()
        )

    def taped_seal(public: PartyPublic, content_key: bytes, info: bytes) -> bytes:
        parts = (b"seal", public.to_bytes(), content_key, info)
        return tape.play(lambda: seal(public, content_key, info), *parts)

    with patch.object(PartyKeys, "sign", taped_sign), patch.object(PartyPublic, "seal", taped_seal):
        yield
