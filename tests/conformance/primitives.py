"""A reader written from docs/spec alone: it shares no code with blindlink, not even HPKE.

Only what another implementer would have: JSON, SHA, and the primitives. It verifies and opens a
container, a submission's rows and payload, a release's tables and an audit proof.
"""

import base64
import hmac
import json
import struct
from dataclasses import dataclass
from hashlib import sha3_256, sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUITE = b"HPKE" + bytes.fromhex("647A00010002")
KEM = b"KEM" + bytes.fromhex("647A")


def extract(salt: bytes, key: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), key, "sha256")


def expand(key: bytes, info: bytes, length: int) -> bytes:
    found, block = b"", b""
    while len(found) < length:
        block = hmac.digest(key, block + info + bytes((len(found) // 32 + 1,)), "sha256")
        found += block
    return found[:length]


def labeled_extract(salt: bytes, label: bytes, key: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + SUITE + label + key)


def labeled_expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(key, struct.pack(">H", length) + b"HPKE-v1" + SUITE + label + info, length)


def plain_json(value: Any) -> bytes:
    """Canonical where no text needs an escape and keys are ASCII, as in every binding."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Party:
    """The private half of somebody, from the 192 bytes of a party key file."""

    seed: bytes

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """conventions.md, sealing a key to a party."""
        mine = X25519PrivateKey.from_private_bytes(self.seed[:32])
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.seed[32:96])
        first, second, ciphertext = sealed[:1088], sealed[1088:1120], sealed[1120:]
        secret = mlkem.decapsulate(first)
        shared = mine.exchange(X25519PublicKey.from_public_bytes(second))
        own = mine.public_key().public_bytes_raw()
        both = sha3_256(secret + shared + second + own + bytes.fromhex("5C2E2F2F5E5C")).digest()
        context = b"\0" + b"".join(
            labeled_extract(b"", label, data)
            for label, data in ((b"psk_id_hash", b""), (b"info_hash", info))
        )
        root = labeled_extract(both, b"secret", b"")
        key = labeled_expand(root, b"key", context, 32)
        nonce = labeled_expand(root, b"base_nonce", context, 12)
        return AESGCM(key).decrypt(nonce, ciphertext, b"")


def fingerprint(party: dict[str, Any]) -> str:
    text = base64.b32encode(sha256(plain_json(party)).digest()).decode().lower()
    return "-".join(text[at : at + 5] for at in range(0, 25, 5))


def verify(message: bytes, signatures: dict[str, str], domain: str, party: dict[str, Any]) -> None:
    signed = b"blindlink-signature-v1\0" + domain.encode() + b"\0" + message
    raw = {name: base64.b64decode(value) for name, value in {**party, **signatures}.items()
           if name.startswith("sign_") or name in signatures}  # fmt: skip
    Ed25519PublicKey.from_public_bytes(raw["sign_ed25519"]).verify(raw["ed25519"], signed)
    MLDSA65PublicKey.from_public_bytes(raw["sign_mldsa65"]).verify(raw["mldsa65"], signed)


@dataclass(frozen=True)
class Container:
    """container.md: verified when it is there."""

    manifest: dict[str, Any]
    sections: dict[str, bytes]

    def info(self, name: str) -> bytes:
        section = next(each for each in self.manifest["sections"] if each["name"] == name)
        bound = {k: self.manifest[k] for k in ("agreement", "bundle", "format", "sender")}
        return plain_json({**bound, "recipient": section["recipient"], "section": name})

    def key(self, name: str, reader: Party) -> bytes:
        section = next(each for each in self.manifest["sections"] if each["name"] == name)
        return reader.open(base64.b64decode(section["key"]), self.info(name))

    def stream(self, name: str, reader: Party, data: bytes | None = None) -> bytes:
        info, sealed = self.info(name), self.sections[name] if data is None else data
        key = expand(extract(b"blindlink-stream-v1", self.key(name, reader)), info, 32)
        chunks = [sealed[at : at + 65_552] for at in range(0, len(sealed), 65_552)]
        return b"".join(
            AESGCM(key).decrypt(
                number.to_bytes(11, "big") + bytes((number == len(chunks) - 1,)),
                chunk,
                sha256(info).digest(),
            )
            for number, chunk in enumerate(chunks)
        )


def read(data: bytes, kind: str, sender: dict[str, Any], agreement: str) -> Container:
    """The steps of container.md that need no clock."""
    domain = f"blindlink-{kind}-v1"
    first, _, rest = data.partition(b"\n")
    assert first == domain.encode()
    parts = []
    for _ in range(2):
        size = struct.unpack(">I", rest[:4])[0]
        parts.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    manifest = json.loads(parts[0])
    assert manifest["sender"] == fingerprint(sender)
    verify(parts[0], json.loads(parts[1]), domain, sender)
    assert manifest["agreement"] == agreement
    sections = {}
    for section in manifest["sections"]:
        sections[section["name"]], rest = rest[: section["size"]], rest[section["size"] :]
        assert sha256(sections[section["name"]]).hexdigest() == section["digest"]
    assert not rest
    return Container(manifest, sections)


def rows(found: Container, plain: bytes) -> dict[str, Any]:
    """submission.md: the section encodings."""
    content, at, columns = found.manifest["content"], 0, []
    widths = [16, 4, *(-(-bits // 8) for bits in content["bits"]), *[16] * content["match_keys"]]
    for width in widths:
        columns.append([plain[at + n * width :][:width] for n in range(content["rows"])])
        at += content["rows"] * width
    blobs = struct.unpack(f">{content['entities']}I", plain[at:])
    entities = [int.from_bytes(each, "big") for each in columns[1]]
    return {"ids": columns[0], "entity": entities, "filters": columns[2:], "blobs": blobs}


def opened(
    records: list[bytes], blobs: list[int], key: bytes, layout: dict[str, Any]
) -> list[tuple[bool, dict[str, list[list[str]]]]]:
    """submission.md: for each entity whether it is a control, and its rows by table, as text."""
    found, at = [], 0
    for number in blobs:
        mine, at = records[at : at + number], at + number
        plain = b"".join(
            AESGCM(
                expand(
                    key,
                    record[:16] + mine[0][:16] + b"blindlink-payload-blob-v1"
                    + struct.pack(">II", place, number),
                    32,
                )
            ).decrypt(bytes(12), record[16:], None)
            for place, record in enumerate(mine)
        )  # fmt: skip
        found.append(_entity(plain, layout))
    return found


def _entity(plain: bytes, layout: dict[str, Any]) -> tuple[bool, dict[str, list[list[str]]]]:
    tables = layout["tables"]
    counts = struct.unpack(f">{len(tables)}I", plain[1 : 1 + 4 * len(tables)])
    at = 1 + 4 * len(tables)
    found: dict[str, Any] = {}
    for table, count in zip(tables, counts, strict=True):
        found[table["name"]] = []
        for _ in range(count):
            cells = []
            for column in table["columns"]:
                cells.append(plain[at : at + column["width"]].rstrip(b"\0").decode())
                at += column["width"]
            found[table["name"]].append(cells)
    assert not any(plain[at:])
    return plain[0] == 1, found


def root(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, by its own recursion."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + root(hashes[:split]) + root(hashes[split:])).digest()


def blob_leaf(record: bytes) -> bytes:
    """submission.md: the leaf of a blob record."""
    return leaf(record[:16] + sha256(record[16:]).digest())


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()
