"""A reader of every format, written from docs/spec alone: it accepts, or refuses at a step.

    python tests/conformance/reader.py submission moj.submission      accept | <class> <step>

It shares no code with blindlink: JSON, SHA, and the primitives of ``cryptography``. Whose keys,
which agreement and which moment come from ``tests/vectors/world.json`` and ``base/``.
"""

import json
import struct
import sys
import unicodedata
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance import forms
from conformance.forms import Refused, canonical, moment, need, read_json, step
from conformance.primitives import Party, expand, extract, fingerprint, leaf, root, verify

VECTORS = Path(__file__).parents[1] / "vectors"
SHAPE, VERIFY, AGREE, DENY = "FormatError", "VerificationError", "AgreementError", "RefusedError"
KEYFILE = "KeyFileError"
PRIME = 2**255 - 19
Document = dict[str, Any]


@dataclass(frozen=True)
class World:
    """The moment, the private keys and the agreement that all vectors share."""

    now: datetime
    seeds: dict[str, bytes]
    passphrase: bytes
    terms: Document
    agreement: str

    @classmethod
    def load(cls) -> "World":
        known = json.loads((VECTORS / "world.json").read_text())
        terms = json.loads((VECTORS / "base/study.agreement").read_bytes())["agreement"]
        seeds = {who: bytes.fromhex(each["seed"]) for who, each in known["parties"].items()}
        digest = sha256(canonical(terms)).hexdigest()
        return cls(moment(known["now"]), seeds, known["passphrase"].encode(), terms, digest)

    def party(self, who: str) -> Document:
        return next(each for each in self.terms["parties"] if who in (each["name"], each["role"]))

    def private(self, who: str) -> Party:
        return Party(self.seeds[self.party(who)["name"]])

    def sender(self, mark: str) -> Document:
        """The party of a fingerprint; a stranger is none."""
        for each in self.terms["parties"]:
            if fingerprint(each) == mark:
                return dict(each)
        raise forms.Bad


# ------------------------------------------------------------------------------------ keys.md


def a_party(value: Any, *roles: str) -> None:
    """A public party file, with the rules of what is a key."""
    forms.fields(
        {
            "format": forms.one_of("blindlink-party-v1"),
            "name": forms.name,
            "organisation": forms.text,
            "role": forms.one_of(*(roles or ("owner", "linker", "analyst", "checker"))),
            "seal_x25519": forms.base64_of(32),
            "seal_mlkem768": forms.base64_of(1184),
            "sign_ed25519": forms.base64_of(32),
            "sign_mldsa65": forms.base64_of(1952),
            "auth_ed25519": forms.base64_of(32),
        }
    )(value)
    keys = [value[each] for each in sorted(value) if each.startswith(("seal_", "sign_", "auth_"))]
    need(len(set(keys)) == 5)
    sealing = b64decode(value["seal_x25519"])
    need(int.from_bytes(sealing, "little") < PRIME)
    X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(sealing))
    MLKEM768PublicKey.from_public_bytes(b64decode(value["seal_mlkem768"]))
    for each in ("sign_ed25519", "auth_ed25519"):
        _point(int.from_bytes(b64decode(value[each]), "little"))


def _point(number: int) -> None:
    """A point of the Edwards curve, in its one spelling, whose order is above 8."""
    y, sign = number % 2**255, number >> 255
    need(y < PRIME)
    d = -121665 * pow(121666, -1, PRIME)
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
    x = pow(x2, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != x2:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    need(x * x % PRIME == x2 and not (x == 0 and sign))
    for _ in range(3):
        t = d * x * x * y * y
        x, y = (2 * x * y * pow(1 + t, -1, PRIME), (y * y + x * x) * pow(1 - t, -1, PRIME))
    need((x % PRIME, y % PRIME) != (0, 1))


def key_file(data: bytes, world: World, kind: str) -> None:
    if kind == "public":
        with step(SHAPE, "public"):
            a_party(forms.line(data))
        return
    first = b"blindlink-linkage-key-v1" if kind == "linkage" else b"blindlink-party-keys-v1"
    lines = data.split(b"\n")
    with step(KEYFILE, "first line"):
        need(lines[0] == first)
    with step(KEYFILE, "lines"):
        need(len(lines) == (4 if kind == "linkage" else 5) and lines[-1] == b"")
    (_linkage if kind == "linkage" else _party_keys)(lines, world)


def _linkage(lines: list[bytes], _: World) -> None:
    with step(KEYFILE, "key"):
        forms.base64_of(32)(lines[1].decode())
    salted = extract(b"blindlink-linkage-key-v1", b64decode(lines[1]))
    with step(KEYFILE, "check value"):
        need(lines[2].decode() == expand(salted, b"key-check", 8).hex())


def _party_keys(lines: list[bytes], world: World) -> None:
    with step(KEYFILE, "public"):
        public = read_json(lines[1])
        a_party(public)
    with step(KEYFILE, "cost"):
        cost, _, salt = lines[2].decode().rpartition(" ")
        need(cost == "argon2id 3 65536 4")
        forms.base64_of(16)(salt)
    with step(KEYFILE, "open"):
        forms.base64_of(12 + 192 + 16)(lines[3].decode())
        raw, head = b64decode(lines[3]), b"\n".join([*lines[:3], b""])
        kdf = Argon2id(salt=b64decode(salt), length=32, iterations=3, lanes=4, memory_cost=65536)
        seed = AESGCM(kdf.derive(world.passphrase)).decrypt(raw[:12], raw[12:], head)
    with step(KEYFILE, "fit"):
        own: dict[str, Any] = {
            "seal_x25519": X25519PrivateKey.from_private_bytes(seed[:32]),
            "seal_mlkem768": MLKEM768PrivateKey.from_seed_bytes(seed[32:96]),
            "sign_ed25519": Ed25519PrivateKey.from_private_bytes(seed[96:128]),
            "sign_mldsa65": MLDSA65PrivateKey.from_seed_bytes(seed[128:160]),
            "auth_ed25519": Ed25519PrivateKey.from_private_bytes(seed[160:]),
        }
        for each, key in own.items():
            need(key.public_key().public_bytes_raw() == b64decode(public[each]))


# ------------------------------------------------------------------------------- agreement.md

NEVER = frozenset(
    [
        "entity_id",
        "record_id",
        "crn",
        "clientid",
        "client_reference",
        "nhs_number",
        "nhsno",
        "pnc",
        "pncid",
        "pnc_number",
        "cro",
        "cro_number",
        "noms_number",
        "prison_number",
        "nino",
        "national_insurance_number",
        "driving_licence",
        "passport_number",
        "name",
        "full_name",
        "forename",
        "first_name",
        "middle_name",
        "surname",
        "last_name",
        "alias",
        "address",
        "email",
        "telephone",
        "phone",
    ]
)
COARSE = frozenset(("date_of_birth", "dob", "postcode", "postcode_full"))
LIKE = dict(
    zip(
        "авгеёзиіїјкмнопрѕстухһԁԛԝαβγεηικμνοπρτυχω015",
        "abreesuiijkmhonpsctyxhdqwabyenikuvonptuxwols",
        strict=True,
    )
)
CAPITALS = dict(zip("ВΗΝΜΥΖΡ", "bhnmyzp", strict=True))


def looks(name: str) -> str:
    """An organisation as people read it."""

    def capitals(text: str) -> str:
        return "".join(CAPITALS.get(sign, sign) for sign in text)

    plain = capitals(unicodedata.normalize("NFKD", capitals(name))).casefold()
    kept = [sign for sign in plain if sign.isalnum() and sign not in "\u115f\u1160\u3164\uffa0"]
    return "".join(LIKE.get(sign, sign) for sign in kept).replace("i", "l")


def a_label(value: Any) -> None:
    need(isinstance(value, str) and 1 <= len(value) <= 100 and value[0] not in " =+-@")
    need(not any(unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cn", "Cs") for sign in value))


RULE = forms.either(
    forms.pattern(r"keep|year|month|(band|truncate):[1-9][0-9]{0,5}"),
    forms.list_of(a_label, 1, 1000),
)
PLAN = (
    {
        "threshold": forms.either(forms.one_of("auto"), forms.fraction),
        "fallback_threshold": forms.either(forms.one_of(None), forms.fraction),
        "target": forms.text,
        "cardinality": forms.one_of("one-to-one", "one-to-many", "many-to-many"),
        "methods": forms.list_of(forms.one_of("deterministic", "clk", "probabilistic"), 1, 3),
        "candidate_floor": forms.fraction,
        "engine": forms.text,
    },
    {
        "assignment": forms.one_of("optimal"),
        "levels": forms.list_of(forms.list_of(forms.fraction, 0), 1),
        "collapse_duplicates": forms.one_of(True),
    },
)
LIMITS = {
    "rows": forms.whole(1, 10**9),
    "bytes": forms.whole(1, 2**48),
    "submissions": forms.whole(1, 1000),
    "entity_bytes": forms.whole(64, 1 << 20),
    "entity_rows": forms.whole(1, 10**6),
    "entity_links": forms.whole(1, 10**6),
    "released": forms.map_of(forms.name, forms.fraction),
}
WAIVER = forms.fields(
    {
        "waives": forms.one_of("same-organisation", "shared-key"),
        "parties": forms.list_of(forms.name, 2, 2),
        "accepted_by": forms.text,
        "reason": forms.text,
    }
)
TERMS = forms.fields(
    {
        "format": forms.one_of("blindlink-agreement-v1"),
        "project": forms.name,
        "version": forms.whole(1, 10**6),
        "purpose": forms.text,
        "legal_basis": forms.text,
        **dict.fromkeys(("created", "expires", "destroy_by"), forms.a_moment),
        "parties": forms.list_of(lambda each: a_party(each, "owner", "linker", "analyst"), 4, 32),
        "schema_document": forms.map_of(forms.anything, forms.anything),
        "key_check": forms.check_value,
        "plan": forms.fields(*PLAN),
        "release_policy": forms.map_of(forms.name, forms.one_of("all", "candidates", "matched")),
        "payload": forms.map_of(
            forms.name, forms.map_of(forms.column, forms.map_of(forms.column, RULE, 1, 256), 0, 16)
        ),
        "controls": forms.map_of(forms.name, forms.either(forms.whole(0, 10**9), forms.fraction)),
        "limits": forms.fields(LIMITS),
        "minimum_rows": forms.whole(1, 10**9),
        "minimum_overlap": forms.whole(0, 10**9),
        "disclosure_policy": forms.map_of(forms.anything, forms.anything),
        "waivers": forms.list_of(WAIVER, 0, 64),
    },
    {
        "quality": forms.anything,
        "supersedes": forms.digest,
        "output_checkers": forms.list_of(lambda each: a_party(each, "checker"), 1, 32),
    },
)


def _terms(terms: Any) -> None:
    TERMS(terms)
    need(moment(terms["created"]) < moment(terms["expires"]) <= moment(terms["destroy_by"]))
    parties = terms["parties"]
    names, roles = [p["name"] for p in parties], [p["role"] for p in parties]
    need(len(set(names)) == len(names))
    need(
        all(
            p["name"] not in ("owner", "linker", "analyst") or p["name"] == p["role"]
            for p in parties
        )
    )
    need(roles.count("owner") >= 2 and roles.count("linker") == roles.count("analyst") == 1)
    owners = {p["name"] for p in parties if p["role"] == "owner"}
    need(all(set(terms[each]) == owners for each in ("release_policy", "payload", "controls")))
    need(set(terms["limits"]["released"]) <= owners)
    most = terms["limits"]["rows"]
    need(max(terms["minimum_rows"], terms["minimum_overlap"]) <= most)
    need(all(isinstance(c, str) or c < most for c in terms["controls"].values()))
    for owner, share in terms["limits"]["released"].items():
        need(terms["release_policy"][owner] != "all" or float(share) == 1)
    need("supersedes" not in terms or terms["version"] > 1)
    for tables in terms["payload"].values():
        for columns in tables.values():
            need(not NEVER & set(columns))
            need(not any(rule == "keep" and each in COARSE for each, rule in columns.items()))
    _roles_apart(terms, parties)
    _checkers_apart(terms, parties)


def _roles_apart(terms: Document, parties: list[Document]) -> None:
    waived = [(w["waives"], set(w["parties"])) for w in terms["waivers"]]
    need(all(pair <= {p["name"] for p in parties} for _, pair in waived))
    for each in parties:
        letters = unicodedata.normalize("NFKC", each["organisation"])
        kinds = {unicodedata.name(s, "?").split()[0] for s in letters if s.isalpha()}
        need(len(kinds & {"LATIN", "CYRILLIC", "GREEK"}) <= 1)
    for one, other in combinations(parties, 2):
        pair = {one["name"], other["name"]}
        keys = [
            {p[k] for k in p if k.startswith(("seal_", "sign_", "auth_"))} for p in (one, other)
        ]
        need(not keys[0] & keys[1] or ("shared-key", pair) in waived)
        same = looks(one["organisation"]) == looks(other["organisation"])
        need(one["role"] == other["role"] or not same or ("same-organisation", pair) in waived)


def keys_of(party: Document) -> set[str]:
    return {party[each] for each in party if each.startswith(("seal_", "sign_", "auth_"))}


def _checkers_apart(terms: Document, parties: list[Document]) -> None:
    """Another person than every party, and than each other."""
    checkers = terms.get("output_checkers", [])
    names = [each["name"] for each in (*parties, *checkers)]
    need(len(set(names)) == len(names))
    for one, other in combinations((*parties, *checkers), 2):
        need((one in parties and other in parties) or not keys_of(one) & keys_of(other))


def agreement(data: bytes, world: World, _: str) -> None:
    with step(SHAPE, "file"):
        file = forms.line(data)
        inner = {"agreement": forms.map_of(forms.anything, forms.anything)}
        forms.fields({**inner, "signatures": forms.map_of(forms.name, forms.signatures)})(file)
    terms = file["agreement"]
    with step(SHAPE, "terms"):
        _terms(terms)
    with step(VERIFY, "signature"):
        by_name = {party["name"]: party for party in terms["parties"]}
        for who, given in file["signatures"].items():
            verify(canonical(terms), given, "blindlink-agreement-v1", by_name[who])
    with step(AGREE, "signed"):
        need(set(file["signatures"]) == set(by_name))
    with step(AGREE, "time"):
        need(forms.later(terms["created"]) <= world.now < moment(terms["expires"]))


# ---------------------------------------------------------------- small documents: secret, audit


def _small(data: bytes, document: dict[str, forms.Form]) -> Document:
    with step(SHAPE, "file"):
        found = forms.line(data)
        forms.small(document)(found)
        return dict(found)


def _verify_small(found: Document, signer: Document, at: str = "signature") -> None:
    with step(VERIFY, at):
        need(found["document"]["signer"] == fingerprint(signer))
        domain = found["document"]["format"]
        verify(canonical(found["document"]), found["signatures"], domain, signer)


SECRET = {
    "format": forms.one_of("blindlink-secret-v1"),
    "agreement": forms.digest,
    "signer": forms.fingerprint,
    "recipient": forms.fingerprint,
    "created": forms.a_moment,
    "sealed": forms.base64_of(1168),
}


def secret(data: bytes, world: World, _: str) -> None:
    found = _small(data, SECRET)
    document = found["document"]
    with step(AGREE, "agreement"):
        need(document["agreement"] == world.agreement)
        signer = world.sender(document["signer"])
    _verify_small(found, signer)
    with step(DENY, "role"):
        need(signer["role"] == "owner")
    with step(VERIFY, "key"):
        info = {
            "agreement": world.agreement,
            "format": document["format"],
            "recipient": document["recipient"],
            "sender": document["signer"],
        }
        key = world.private("ohid").open(b64decode(document["sealed"]), canonical(info))
    with step(VERIFY, "check value"):
        check = expand(extract(b"blindlink-linkage-key-v1", key), b"key-check", 8)
        need(check.hex() == world.terms["key_check"])


def inclusion(number: int, hashed: bytes, path: Sequence[str], size: int) -> bytes:
    """RFC 9162, section 2.1.3.2: the root that a path leads to."""
    need(number < size)
    at, last, found = number, size - 1, hashed
    for each in map(bytes.fromhex, path):
        need(last)
        if at % 2 or at == last:
            found = sha256(b"\1" + each + found).digest()
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + each).digest()
        at, last = at >> 1, last >> 1
    need(not last)
    return found


def leads_on(first: int, second: int, path: Sequence[str], old: str, new: str) -> None:
    """RFC 9162, section 2.1.4.2."""
    hashes = [bytes.fromhex(each) for each in path]
    if first == second:
        return need(not hashes and old == new)
    need(0 < first < second and hashes)
    if first & (first - 1) == 0:
        hashes.insert(0, bytes.fromhex(old))
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    one = other = hashes[0]
    for each in hashes[1:]:
        need(last)
        if at & 1 or at == last:
            one, other = sha256(b"\1" + each + one).digest(), sha256(b"\1" + each + other).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            other = sha256(b"\1" + other + each).digest()
        at, last = at >> 1, last >> 1
    need(not last and one.hex() == old and other.hex() == new)
    return None


RECEIPT = {
    "format": forms.one_of("blindlink-receipt-v1"),
    "agreement": forms.digest,
    "bundle": forms.bundle,
    "submission": forms.digest,
    "received": forms.whole(0, 10**9),
    "accepted": forms.whole(0, 10**9),
    "rejected": forms.list_of(
        forms.fields(
            {"reason": forms.name, "positions": forms.list_of(forms.whole(0, 10**9), 1, 100_000)}
        ),
        0,
        100,
    ),
    "created": forms.a_moment,
    "signer": forms.fingerprint,
    "entry": forms.entry,
    "path": forms.path,
    "head": forms.head,
}


def receipt(data: bytes, world: World, _: str) -> None:
    found = _small(data, RECEIPT)
    said, linker = found["document"], world.party("linker")
    positions = [at for each in said["rejected"] for at in each["positions"]]
    with step(SHAPE, "file"):
        need(said["accepted"] + len(positions) == said["received"])
        _empty_head(said["head"])
    _verify_small(found, linker)
    _verify_small(said["head"], linker, "head")
    sent = json.loads(_parts((VECTORS / "base/moj.submission").read_bytes())[0])
    details, head = said["entry"]["details"], said["head"]["document"]
    with step(VERIFY, "entry"):
        need(said["entry"]["event"] == "submission-received")
        need(details["submission"] == said["submission"])
        for each, value in (("agreement", "agreement"), ("bundle", "bundle"), ("rows", "received")):
            need(details[each] == said[value])
        need(details["owner"] == "moj" and isinstance(details["sequence"], int))
        times = [moment(t) for t in (said["entry"]["time"], head["time"], said["created"])]
        need(times == sorted(times))
        need(
            len(set(positions)) == len(positions) and max(positions, default=-1) < said["received"]
        )
    with step(VERIFY, "inclusion"):
        hashed = leaf(canonical(said["entry"]))
        found_root = inclusion(said["entry"]["index"], hashed, said["path"], head["size"])
        need(found_root.hex() == head["root"])
    with step(VERIFY, "submission"):
        need(said["submission"] == sha256(canonical(sent)).hexdigest())
        need((said["bundle"], said["agreement"]) == (sent["bundle"], sent["agreement"]))
        content = sent["content"]
        need((said["received"], details["sequence"]) == (content["rows"], content["sequence"]))


def _empty_head(head: Document) -> None:
    document = head["document"]
    need(document["size"] or document["root"] == sha256(b"").hexdigest())


def _log(data: bytes) -> tuple[str, list[bytes]]:
    """The id and the entries of a log file."""
    need(len(data) <= 8 << 20)
    first, *entries = data.split(b"\n")
    need(entries and entries.pop() == b"" and first.startswith(b"blindlink-audit-log-v1 "))
    forms.bundle(first.split(b" ")[1].decode())
    for at, each in enumerate(entries):
        value = read_json(each, 64 << 10)
        forms.entry(value)
        need(value["index"] == at)
    times = [moment(json.loads(each)["time"]) for each in entries]
    need(times == sorted(times))
    return first.split(b" ")[1].decode(), entries


def audit(data: bytes, world: World, kind: str) -> None:
    """A log and a head that was kept; or a proof beside the head of five entries."""
    folder, linker = VECTORS / "audit", world.party("linker")
    kept = (folder / "at-5.head").read_bytes()
    if kind in ("consistency", "inclusion"):
        return _proof(data, world, kind, kept)
    log = data if kind == "log" else (folder / "of-9.log").read_bytes()
    found = _small(data if kind == "head" else kept, forms.HEAD)
    with step(SHAPE, "file"):
        _empty_head(found)
        log_id, entries = _log(log)
    _verify_small(found, linker)
    head = found["document"]
    with step(VERIFY, "log"):
        need(head["log"] == log_id)
    with step(VERIFY, "size"):
        need(head["size"] <= len(entries))
    with step(VERIFY, "root"):
        mine = [leaf(each) for each in entries[: head["size"]]]
        need((root(mine) if mine else sha256(b"").digest()).hex() == head["root"])
    with step(VERIFY, "time"):
        last = [moment(json.loads(each)["time"]) for each in entries[: head["size"]][-1:]]
        need(all(each <= moment(head["time"]) for each in last))
    return None


def _proof(data: bytes, world: World, kind: str, kept: bytes) -> None:
    linker = world.party("linker")
    shape = {
        "format": forms.one_of(f"blindlink-audit-{kind}-v1"),
        "head": forms.head,
        "path": forms.path,
    }
    more = {"size": forms.whole(1, 2**53 - 1)} if kind == "consistency" else {"entry": forms.entry}
    with step(SHAPE, "file"):
        found = forms.line(data)
        forms.fields(shape | more)(found)
        _empty_head(found["head"])
    _verify_small(found["head"], linker)
    head = found["head"]["document"]
    if kind == "inclusion":
        with step(VERIFY, "path"):
            hashed = leaf(canonical(found["entry"]))
            at = inclusion(found["entry"]["index"], hashed, found["path"], head["size"])
            need(at.hex() == head["root"])
        return
    earlier = json.loads(kept)["document"]
    with step(VERIFY, "heads"):
        need(earlier["log"] == head["log"])
        need(earlier["size"] != head["size"] or earlier["root"] == head["root"])
    with step(VERIFY, "path"):
        need(found["size"] == earlier["size"] or head["size"] == earlier["size"])
        leads_on(found["size"], head["size"], found["path"], earlier["root"], head["root"])


# ------------------------------------------------------------------------------- container.md

SECTION = forms.fields(
    {
        "name": forms.name,
        "cipher": forms.one_of("stream", "blobs"),
        "recipient": forms.fingerprint,
        "key": forms.base64_of(1168),
        "size": forms.whole(0, 2**48),
        "digest": forms.digest,
    }
)


def plain_size(sealed: int) -> int:
    """The plain bytes of a stream: chunks of 65,536 with a tag of 16, the last one shorter."""
    chunks = max(-(-sealed // 65_552), 1)
    plain = sealed - 16 * chunks
    need(plain >= 0 and max(-(-plain // 65_536), 1) == chunks)
    return plain


def a_manifest(kind: str) -> forms.Form:
    shape = forms.fields(
        {
            "format": forms.one_of(f"blindlink-{kind}-v1"),
            "bundle": forms.bundle,
            "agreement": forms.digest,
            "sender": forms.fingerprint,
            "created": forms.a_moment,
            "expires": forms.a_moment,
            "content": forms.map_of(forms.anything, forms.anything),
            "sections": forms.list_of(SECTION, 0, 16),
        }
    )

    def form(value: Any) -> None:
        shape(value)
        need(moment(value["created"]) < moment(value["expires"]))
        need(len({each["name"] for each in value["sections"]}) == len(value["sections"]))
        for each in value["sections"]:
            if each["cipher"] == "stream":
                plain_size(each["size"])

    return form


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Manifest, signatures and sections, as they are framed."""
    rest = data.partition(b"\n")[2]
    found = []
    for limit in (1 << 20, 16 << 10):
        (size,) = struct.unpack(">I", rest[:4])
        need(size <= limit and len(rest) >= 4 + size)
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return found[0], found[1], rest


@dataclass(frozen=True)
class Container:
    """A container whose steps up to the digests have passed."""

    manifest: Document
    sections: dict[str, bytes]

    def key(self, name: str, reader: Party) -> bytes:
        return open_key(self.manifest, name, reader)

    def stream(self, name: str, reader: Party) -> bytes:
        return open_stream(self.manifest, name, self.sections[name], reader)


def info(manifest: Document, name: str) -> bytes:
    section = next(each for each in manifest["sections"] if each["name"] == name)
    bound = {k: manifest[k] for k in ("agreement", "bundle", "format", "sender")}
    return canonical({**bound, "recipient": section["recipient"], "section": name})


def open_key(manifest: Document, name: str, reader: Party) -> bytes:
    with step(VERIFY, "key"):
        section = next(each for each in manifest["sections"] if each["name"] == name)
        return reader.open(b64decode(section["key"]), info(manifest, name))


def open_stream(manifest: Document, name: str, data: bytes, reader: Party) -> bytes:
    bound, key = info(manifest, name), open_key(manifest, name, reader)
    with step(VERIFY, "chunk"):
        cipher = AESGCM(expand(extract(b"blindlink-stream-v1", key), bound, 32))
        chunks = [data[at : at + 65_552] for at in range(0, len(data), 65_552)]
        return b"".join(
            cipher.decrypt(
                at.to_bytes(11, "big") + bytes((at == len(chunks) - 1,)),
                chunk,
                sha256(bound).digest(),
            )
            for at, chunk in enumerate(chunks)
        )


def container(data: bytes, kind: str, world: World, sender: str) -> Container:
    """The steps of a container; ``sender`` is a role, or the name of the one that it must be."""
    with step(SHAPE, "header"):
        need(data.partition(b"\n")[0] == f"blindlink-{kind}-v1".encode())
    with step(SHAPE, "manifest"):
        (size,) = struct.unpack(">I", data.partition(b"\n")[2][:4])
        rest = data.partition(b"\n")[2][4:]
        need(size <= 1 << 20 and len(rest) >= size)
        manifest = read_json(rest[:size], 1 << 20)
        a_manifest(kind)(manifest)
    with step(SHAPE, "signatures"):
        raw, given, rest = _parts(data)
        signatures = read_json(given, 16 << 10)
        forms.signatures(signatures)
    with step(SHAPE, "size"):
        need(len(rest) == sum(each["size"] for each in manifest["sections"]))
    if sender == "owner":
        with step(AGREE, "sender"):
            party = world.sender(manifest["sender"])
            need(party["role"] == "owner")
    else:
        party = world.party(sender)
    with step(VERIFY, "signature"):
        need(manifest["sender"] == fingerprint(party))
        verify(raw, signatures, f"blindlink-{kind}-v1", party)
    with step(AGREE, "agreement"):
        need(manifest["agreement"] == world.agreement)
    with step(AGREE, "time"):
        need(forms.later(manifest["created"]) <= world.now < moment(manifest["expires"]))
    sections = {}
    with step(VERIFY, "digest"):
        for each in manifest["sections"]:
            sections[each["name"]], rest = rest[: each["size"]], rest[each["size"] :]
            need(sha256(sections[each["name"]]).hexdigest() == each["digest"])
    return Container(manifest, sections)


# ------------------------------------------------------------------------------ submission.md

CONTENT = forms.fields(
    {
        "sequence": forms.whole(1, 10**6),
        "first_rows": forms.whole(1, 2**31 - 1),
        "schema_fingerprint": forms.digest,
        "encoder": forms.pattern(r"[a-z][ -~]{0,63}"),
        "key_check": forms.check_value,
        "rows": forms.count,
        "entities": forms.count,
        "entity_rows": forms.whole(1, 2**31 - 1),
        "bits": forms.list_of(forms.whole(1, 65_536), 1, 8),
        "match_keys": forms.whole(0, 8),
        "blobs": forms.count,
        "blob_size": forms.whole(1, 1 << 20),
        "payload_root": forms.digest,
        "risk_report": forms.either(forms.one_of(None), forms.digest),
    }
)
FORWARDED = ("layout", "controls")


def _submission_content(manifest: Document) -> Document:
    content = manifest["content"]
    with step(SHAPE, "content"):
        CONTENT(content)
        need(1 <= content["entities"] <= min(content["rows"], content["blobs"]))
        need(content["sequence"] > 1 or content["first_rows"] == content["rows"])
    with step(SHAPE, "sections"):
        found = [(each["name"], each["cipher"]) for each in manifest["sections"]]
        streams = ("encodings", *FORWARDED)
        need(found == [*((name, "stream") for name in streams), ("payload", "blobs")])
    with step(SHAPE, "content"):
        size = {each["name"]: each["size"] for each in manifest["sections"]}
        width = 20 + sum(-(-b // 8) for b in content["bits"]) + 16 * content["match_keys"]
        need(plain_size(size["encodings"]) == content["rows"] * width + 4 * content["entities"])
        need(size["payload"] == content["blobs"] * (content["blob_size"] + 32))
    return dict(content)


def _agreed(content: Document, manifest: Document, terms: Document, world: World) -> None:
    with step(AGREE, "schema"):
        schema = terms["schema_document"]
        need(content["schema_fingerprint"] == sha256(canonical(schema)).hexdigest())
    with step(AGREE, "secret"):
        need(content["key_check"] == terms["key_check"])
    with step(VERIFY, "recipients"):
        for each in manifest["sections"]:
            reader = "linker" if each["name"] == "encodings" else "analyst"
            need(each["recipient"] == fingerprint(world.party(reader)))
    owner, limits = world.sender(manifest["sender"])["name"], terms["limits"]
    with step(DENY, "limits"):
        need(terms["minimum_rows"] <= content["rows"] - controls_in(content, terms, owner))
        need(content["rows"] <= limits["rows"] and content["sequence"] <= limits["submissions"])
        need(sum(each["size"] for each in manifest["sections"]) <= limits["bytes"])
        need(content["entity_rows"] <= limits["entity_rows"])


def controls_in(content: Document, terms: Document, owner: str) -> int:
    """The agreed controls: a number, or their share of the other rows of the first submission."""
    agreed = terms["controls"][owner]
    if isinstance(agreed, int):
        return agreed
    share = float(agreed)
    return int(content["first_rows"] * share / (1 + share))


def cut(data: bytes, size: int) -> list[bytes]:
    need(len(data) % size == 0)
    return [data[at : at + size] for at in range(0, len(data), size)]


def submission(data: bytes, world: World, _: str) -> tuple[Container, list[bytes], list[int]]:
    """As the linker reads it. Row ids and the entity of each row are what a withdrawal needs."""
    found = container(data, "submission", world, "owner")
    content = _submission_content(found.manifest)
    _agreed(content, found.manifest, world.terms, world)
    plain = found.stream("encodings", world.private("linker"))
    with step(SHAPE, "records"):
        rows, entities = content["rows"], content["entities"]
        ids = cut(plain[: 16 * rows], 16)
        numbers = list(struct.unpack(f">{rows}I", plain[16 * rows : 20 * rows]))
        blobs = struct.unpack(f">{entities}I", plain[-4 * entities :])
        need(len(set(ids)) == rows and set(numbers) == set(range(entities)))
        need(set(blobs) == {1} and sum(blobs) == content["blobs"])
        need(max(map(numbers.count, set(numbers))) == content["entity_rows"])
    records = cut(found.sections["payload"], content["blob_size"] + 32)
    with step(VERIFY, "payload root"):
        need(root([blob_leaf(record) for record in records]).hex() == content["payload_root"])
    with step(SHAPE, "blob ids"):
        need(len({record[:16] for record in records}) == len(records))
    return found, ids, numbers


def blob_leaf(record: bytes) -> bytes:
    return leaf(record[:16] + sha256(record[16:]).digest())


ROW_MAP = forms.fields(
    {
        "submission": forms.bundle,
        "rows": forms.whole(1, 2**31 - 1),
        "width": forms.whole(1, 1024),
        "first_rows": forms.whole(1, 2**31 - 1),
    }
)
WITHDRAWAL = forms.fields(
    {
        "submission": forms.bundle,
        "rows": forms.whole(1, 2**31 - 1),
        "entities": forms.whole(1, 2**31 - 1),
    }
)


def row_map(data: bytes, world: World, _: str) -> None:
    found = container(data, "row-map", world, "moj")
    content = found.manifest["content"]
    with step(SHAPE, "content"):
        ROW_MAP(content)
        sections = [(each["name"], each["cipher"]) for each in found.manifest["sections"]]
        need(sections == [("rows", "stream"), ("controls", "stream")])
        size = plain_size(found.manifest["sections"][0]["size"])
        need(size == content["rows"] * (32 + content["width"]))
    plain = found.stream("rows", world.private("moj"))
    kept = found.stream("controls", world.private("moj"))
    with step(SHAPE, "records"):
        for row in cut(plain, 32 + content["width"]):
            name = row[32:].rstrip(b"\0")
            need(name and b"\0" not in name)
            name.decode("utf-8")
        controls = read_json(kept, 256 << 20)
        need(set(controls) == {"columns", "rows", "control"})
        need(all(len(row) == len(controls["columns"]) for row in controls["rows"]))
        numbers = list(dict.fromkeys(controls["control"]))
        need(len(controls["control"]) == len(controls["rows"]))
        need(numbers == list(range(len(numbers))))


def _withdrawal_content(manifest: Document) -> Document:
    content = manifest["content"]
    with step(SHAPE, "content"):
        WITHDRAWAL(content)
        found = [(each["name"], each["cipher"]) for each in manifest["sections"]]
        need(found == [("rows", "stream"), ("entities", "stream")])
        for each, number in zip(manifest["sections"], ("rows", "entities"), strict=True):
            need(plain_size(each["size"]) == 16 * content[number])
    return dict(content)


def ascending(data: bytes) -> list[bytes]:
    ids = cut(data, 16)
    need(all(a < b for a, b in pairwise(ids)))
    return ids


def withdrawal(data: bytes, world: World, _: str) -> None:
    found = container(data, "withdrawal", world, "owner")
    content = _withdrawal_content(found.manifest)
    plain = found.stream("rows", world.private("linker"))
    with step(SHAPE, "records"):
        ids = ascending(plain)
    held, known, numbers = submission((VECTORS / "base/moj.submission").read_bytes(), world, "")
    with step(VERIFY, "rows"):
        need(content["submission"] == held.manifest["bundle"])
        of = dict(zip(known, numbers, strict=True))
        need(len({of[row] for row in ids}) == content["entities"])


# --------------------------------------------------------------------------- output-check.md

OUTPUT_CHECK = {
    "format": forms.one_of("blindlink-output-check-v1"),
    "agreement": forms.digest,
    "files": forms.map_of(
        forms.pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"),
        forms.digest,
        1,
        10_000,
    ),
    "audit": forms.digest,
    "comments": forms.text,
    "created": forms.a_moment,
    "signer": forms.fingerprint,
}


def output_check(data: bytes, world: World, _: str) -> None:
    found = _small(data, OUTPUT_CHECK)
    document = found["document"]
    file = (VECTORS / "agreement/output-checker.agreement").read_bytes()
    terms = json.loads(file)["agreement"]
    with step(AGREE, "agreement"):
        agreement(file, world, "")
        need(document["agreement"] == sha256(canonical(terms)).hexdigest())
    with step(AGREE, "checker"):
        named = {fingerprint(each): each for each in terms["output_checkers"]}
        checker = named[document["signer"]]
    _verify_small(found, checker)
    with step(VERIFY, "files"):
        output = json.loads((VECTORS / "world.json").read_text())["output"]
        need(document["files"] == output["files"] and document["audit"] == output["audit"])


Reader = Callable[[bytes, World, str], Any]


def readers() -> dict[str, Reader]:
    """The reader of each folder of vectors."""
    from conformance.release import release

    return {
        "agreement": agreement,
        "key-file": key_file,
        "secret": secret,
        "audit": audit,
        "receipt": receipt,
        "submission": submission,
        "row-map": row_map,
        "withdrawal": withdrawal,
        "release": release,
        "output-check": output_check,
    }


def answer(kind: str, path: Path, world: World) -> str:
    """``accept``, or the class of the error and the step."""
    try:
        readers()[kind](path.read_bytes(), world, path.suffix.removeprefix("."))
    except Refused as refused:
        return f"{refused.error} {refused.at}"
    return "accept"


def listed() -> Iterator[tuple[str, Document]]:
    """Every vector with its folder."""
    for path in sorted(VECTORS.glob("*/vectors.json")):
        for each in json.loads(path.read_text()):
            if path.parent.name in readers():
                yield path.parent.name, each


if __name__ == "__main__":
    print(answer(sys.argv[1], Path(sys.argv[2]), World.load()))
