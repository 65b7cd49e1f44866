"""Vectors of key files: docs/spec/keys.md. Linkage keys end in .linkage, party keys in .party."""

import base64
import json
from pathlib import Path

from blindlink.keys import LinkageKey, PartyKeys
from blindlink.messages import canonical
from vectors.world import BASE, PASSPHRASE, Vector, keys
from worlds.parties import entropy


def vectors(scratch: Path) -> list[Vector]:
    """Every vector of a key file."""
    return [*_linkage(scratch), *_party(scratch), *_public()]


def _linkage(scratch: Path) -> list[Vector]:
    good = (BASE / "linkage.key").read_bytes()
    first, key, check = good.decode().splitlines()
    LinkageKey(bytes(32)).save(scratch / "zero", force=True)
    faults = {
        "empty": (b"", "first line", "not a blindlink-linkage-key-v1"),
        "another-version": (good.replace(b"-v1", b"-v2"), "first line", "not a blindlink-linkage"),
        "party-keys": ((BASE / "moj.key").read_bytes(), "first line", "not a blindlink-linkage"),
        "no-line-feed": (good[:-1], "lines", "not exactly 3 lines"),
        "two-line-feeds": (good + b"\n", "lines", "not exactly 3 lines"),
        "carriage-returns": (good.replace(b"\n", b"\r\n"), "first line", "not a blindlink-linkage"),
        "short": (f"{first}\n{key[:40]}\n{check}\n".encode(), "key", "line 2"),
        "not-base64": (good.replace(key.encode(), b"?" * 44), "key", "line 2"),
        "other-base64": (good.replace(key.encode(), _respelt(key).encode()), "key", "line 2"),
        "other-check": (f"{first}\n{key}\n{'0' * 16}\n".encode(), "check value", "damaged"),
        "capital-check": (f"{first}\n{key}\n{check.upper()}\n".encode(), "check value", "damaged"),
    }
    faults["flipped"] = (
        f"{first}\n{_other(key[0])}{key[1:]}\n{check}\n".encode(),
        "check value",
        "damaged",
    )
    return [
        Vector("valid.linkage", good, "accept", "", "", "the base study's"),
        Vector("zero.linkage", (scratch / "zero").read_bytes(), "accept", "", "", "32 zero bytes"),
        *(
            Vector(f"{name}.linkage", data, "KeyFileError", step, message, name.replace("-", " "))
            for name, (data, step, message) in faults.items()
        ),
    ]


def _other(letter: str) -> str:
    return "A" if letter != "A" else "B"


def _respelt(key: str) -> str:
    """The same 32 bytes with another last letter: its two low bits carry nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{key[:42]}{alphabet[alphabet.index(key[42]) ^ 1]}="


def _party(scratch: Path) -> list[Vector]:
    good = (BASE / "moj.key").read_bytes()
    head, public, cost, sealed = good.decode().splitlines()
    accepted = []
    for name in ("ttp", "lab"):
        keys(name).save(scratch / name, PASSPHRASE, force=True, entropy=entropy(f"vector {name}"))
        data = (scratch / name).read_bytes()
        accepted.append(Vector(f"{name}.party", data, "accept", "", "", f"keys of {name}"))
    mixed = PartyKeys(keys("ohid").public, keys("moj")._seed, *[None] * 4)  # type: ignore[arg-type]
    mixed.save(scratch / "mixed", PASSPHRASE, force=True, entropy=entropy("vector mixed"))
    keys("moj").save(scratch / "other", b"other", force=True, entropy=entropy("vector other"))
    faults = {
        "wrong-passphrase": ((scratch / "other").read_bytes(), "open", "wrong passphrase"),
        "halves-differ": ((scratch / "mixed").read_bytes(), "fit", "do not fit"),
        "another-version": (
            good.replace(b"-keys-v1", b"-keys-v2"),
            "first line",
            "not a blindlink",
        ),
        "linkage-key": ((BASE / "linkage.key").read_bytes(), "first line", "not a blindlink-party"),
        "cut": (good[:-9], "lines", "not exactly 4 lines"),
        "role-changed": (good.replace(b'"owner"', b'"linker"'), "open", "wrong passphrase"),
        "name-changed": (good.replace(b'"moj"', b'"mod"'), "open", "wrong passphrase"),
        "public-not-canonical": (good.replace(b'{"auth', b'{ "auth'), "public", "line 2"),
        "public-unknown-field": (good.replace(b'{"auth', b'{"a":1,"auth'), "public", "line 2"),
        "cheap": (good.replace(b"argon2id 3 ", b"argon2id 1 "), "cost", "not the cost"),
        "costly": (good.replace(b" 65536 ", b" 4194304 "), "cost", "not the cost"),
        "salt-changed": (
            f"{head}\n{public}\n{cost[:-4]}{_other(cost[-4])}{cost[-3:]}\n{sealed}\n".encode(),
            "open",
            "wrong passphrase",
        ),
        "salt-short": (f"{head}\n{public}\n{cost[:-8]}\n{sealed}\n".encode(), "cost", "base64"),
        "ciphertext-changed": (
            f"{head}\n{public}\n{cost}\n{sealed[:100]}{_other(sealed[100])}{sealed[101:]}\n".encode(),
            "open",
            "wrong passphrase",
        ),
        "ciphertext-short": (
            f"{head}\n{public}\n{cost}\n{sealed[:-4]}\n".encode(),
            "open",
            "base64",
        ),
    }
    return [
        Vector("valid.party", good, "accept", "", "", "keys of moj"),
        *accepted,
        *(
            Vector(f"{name}.party", data, "KeyFileError", step, message, name.replace("-", " "))
            for name, (data, step, message) in faults.items()
        ),
    ]


ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
NO_KEYS = {
    "signing-key-is-the-neutral-point": ("sign_ed25519", (1).to_bytes(32, "little")),
    "signing-key-of-order-8": ("sign_ed25519", ORDER_8),
    "signing-key-in-a-second-spelling": ("sign_ed25519", (2**255 - 18).to_bytes(32, "little")),
    "signing-key-off-the-curve": ("auth_ed25519", (2).to_bytes(32, "little")),
    "sealing-key-is-zero": ("seal_x25519", bytes(32)),
    "sealing-key-in-a-second-spelling": (
        "seal_x25519",
        (int.from_bytes(base64.b64decode(keys("moj").public.seal_x25519), "little") | 1 << 255)
        .to_bytes(32, "little"),
    ),
    "sealing-key-no-mlkem": ("seal_mlkem768", bytes([255]) * 1184),
    "one-key-for-two-purposes": (
        "auth_ed25519",
        base64.b64decode(keys("moj").public.sign_ed25519),
    ),
}  # fmt: skip


def _with_key(good: bytes, name: str, key: bytes) -> bytes:
    """The public party file with another key; nothing else is wrong with it."""
    document = json.loads(good)
    document[name] = base64.b64encode(key).decode()
    return canonical.dumps(document) + b"\n"


def _public() -> list[Vector]:
    good = (BASE / "moj.public").read_bytes()
    faults = {
        "no-line-feed": good[:-1],
        "unknown-field": good.replace(b'{"auth', b'{"a":1,"auth'),
        "duplicate-key": good.replace(b'"role":"owner"', b'"role":"linker","role":"owner"'),
        "another-version": good.replace(b"party-v1", b"party-v2"),
        "other-role": good.replace(b'"owner"', b'"umpire"'),
        "name-with-path": good.replace(b'"moj"', b'"../x"'),
        **{name: _with_key(good, *change) for name, change in NO_KEYS.items()},
    }
    return [
        Vector("valid.public", good, "accept", "", "", "public half of moj"),
        *(
            Vector(f"{name}.public", data, "FormatError", "public", "", name.replace("-", " "))
            for name, data in faults.items()
        ),
    ]
