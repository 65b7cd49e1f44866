"""What docs/spec says is enough to read our files: by a reader that shares no code with us."""

import json
import struct
from base64 import b64decode
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from conformance import primitives as spec_reader
from conformance.primitives import Container, Party, blob_leaf, opened, root, rows
from vectors.world import BASE, FOLDER

WORLD = json.loads((FOLDER / "world.json").read_text())
AGREEMENT = json.loads((BASE / "study.agreement").read_bytes())
TERMS = AGREEMENT["agreement"]
PARTIES = {party["name"]: party for party in TERMS["parties"]}
DIGEST = sha256(spec_reader.plain_json(TERMS)).hexdigest()


def party(name: str) -> Party:
    return Party(bytes.fromhex(WORLD["parties"][name]["seed"]))


def read(file: str, kind: str, sender: str) -> Container:
    return spec_reader.read((BASE / file).read_bytes(), kind, PARTIES[sender], DIGEST)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def people(owner: str) -> tuple[Container, list[Any], list[bytes]]:
    """An owner's submission, its entities, and its blob records."""
    found = read(f"{owner}.submission", "submission", owner)
    encodings = rows(found, found.stream("encodings", party("ttp")))
    layout = json.loads(found.stream("layout", party("lab")))
    records = cut(found.sections["payload"], found.manifest["content"]["blob_size"] + 32)
    key = found.key("payload", party("lab"))
    return found, opened(records, list(encodings["blobs"]), key, layout), records


def test_fingerprints_and_signatures_of_the_agreement() -> None:
    for name, known in WORLD["parties"].items():
        assert spec_reader.fingerprint(PARTIES[name]) == known["fingerprint"]
        message, signatures = spec_reader.plain_json(TERMS), AGREEMENT["signatures"][name]
        spec_reader.verify(message, signatures, "blindlink-agreement-v1", PARTIES[name])


def test_a_submission() -> None:
    found, entities, records = people("moj")
    content = found.manifest["content"]
    encodings = rows(found, found.stream("encodings", party("ttp")))
    assert len(set(encodings["ids"])) == content["rows"]
    assert sorted(set(encodings["entity"])) == list(range(content["entities"]))
    assert all(any(row) for row in encodings["filters"][0])
    assert root([blob_leaf(record) for record in records]).hex() == content["payload_root"]
    controls = [tables for control, tables in entities if control]
    assert controls == [{"events": []}] * TERMS["controls"]["moj"]
    sent = [row for _, tables in entities for row in tables["events"]]
    bands = Counter("20-24" if n < 5 else "25-29" if n < 10 else "30-34" for n in range(14))
    assert Counter(age for age, _ in sent) == bands
    assert Counter(requirement for _, requirement in sent) == {"ATR": 7, "DRR": 7}
    listed = set(cut(found.stream("controls", party("lab")), 16))
    starts = [sum(encodings["blobs"][:number]) for number in range(len(entities))]
    assert listed == {records[at][:16] for at, (c, _) in zip(starts, entities, strict=True) if c}


@pytest.mark.parametrize(("section", "reader"), [("encodings", "lab"), ("layout", "ttp")])
def test_a_section_is_for_its_recipient(section: str, reader: str) -> None:
    found = read("moj.submission", "submission", "moj")
    with pytest.raises(InvalidTag):
        found.stream(section, party(reader))


def test_a_release() -> None:
    found = read("study.release", "release", "ttp")
    plain = {name: found.stream(name, party("lab")) for name in found.sections}
    index = json.loads(plain["index"])
    entities = cut(plain["entities"], 45)
    assert len(entities) == sum(owner["entities"] for owner in index["owners"])
    assert len({entity[:16] for entity in entities}) == len(entities)
    links = [struct.unpack(">IIdB", row) for row in cut(plain["links"], 17)]
    pairs = {row[:8] for row in cut(plain["candidates"], 17)}
    assert {row[:8] for row in cut(plain["links"], 17)} <= pairs
    split = index["owners"][0]["entities"]
    assert all(left < split <= right for left, right, *_ in links)
    assert len(links) == 9
    mine, sent, records = people("moj")
    forwarded = mine.sections["layout"] + mine.sections["controls"]
    assert plain["forwarded"].startswith(forwarded)
    assert plain["payload"].startswith(b"".join(records))  # policy all, nobody withdrew
    linked = {left for left, *_ in links}
    assert not [sent[number] for number in linked if sent[number][0]]  # no control is linked
    assert [row[16:32] for row in entities[:split]] == [record[:16] for record in records]


def test_a_key_file_and_the_secret() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    data = (BASE / "moj.key").read_bytes()
    *head, sealed, end = data.split(b"\n")
    assert (head[0], end) == (b"blindlink-party-keys-v1", b"")
    name, passes, kib, lanes, salt = head[2].split(b" ")
    assert name == b"argon2id"
    kdf = Argon2id(
        salt=b64decode(salt),
        length=32,
        iterations=int(passes),
        lanes=int(lanes),
        memory_cost=int(kib),
    )
    raw = b64decode(sealed)
    key = AESGCM(kdf.derive(WORLD["passphrase"].encode()))
    seed = key.decrypt(raw[:12], raw[12:], b"\n".join([*head, b""]))
    assert seed == party("moj").seed
    document = json.loads((BASE / "for-ohid.secret").read_bytes())["document"]
    info = spec_reader.plain_json(
        {
            "agreement": DIGEST,
            "format": "blindlink-secret-v1",
            "recipient": document["recipient"],
            "sender": document["signer"],
        }
    )
    secret = party("ohid").open(b64decode(document["sealed"]), info)
    assert secret.hex() == WORLD["linkage_key"]
    salted = spec_reader.extract(b"blindlink-linkage-key-v1", secret)
    assert spec_reader.expand(salted, b"key-check", 8).hex() == TERMS["key_check"]
