"""Make every test vector anew: python tests/vectors/make_vectors.py [--check | --base]

--check writes nothing and fails unless every file comes out as it is. --base makes the sound files
that the vectors start from with today's product: all vectors change with them.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from blindlink.messages.fields import stamp
from vectors import (
    vectors_agreement,
    vectors_keys,
    vectors_owner,
    vectors_release,
    vectors_signed,
    vectors_submission,
    vectors_withdrawal,
)
from vectors.tape import Tape, playing
from vectors.world import NOW, PASSPHRASE, Vector, keys, secret
from worlds.parties import ROLES

KINDS: dict[str, Callable[[Path], list[Vector]]] = {
    "agreement": lambda _: vectors_agreement.vectors(),
    "key-file": vectors_keys.vectors,
    "secret": vectors_signed.secrets,
    "audit": vectors_signed.audits,
    "receipt": vectors_signed.receipts,
    "output-check": vectors_signed.output_checks,
    "submission": vectors_submission.vectors,
    "release": lambda path: vectors_release.vectors(path) + vectors_owner.vectors(path),
    "row-map": vectors_withdrawal.row_maps,
    "withdrawal": vectors_withdrawal.withdrawals,
}
SHARED = ("world.json", "tape.json")


def files() -> dict[str, bytes]:
    """Every vector file and list, by its path below this folder."""
    found: dict[str, bytes] = {}
    tape = Tape()
    with playing(tape), TemporaryDirectory() as scratch:
        for kind, make in KINDS.items():
            vectors = make(Path(scratch))
            names = [vector.file for vector in vectors]
            assert len(set(names)) == len(names), f"{kind}: a name stands twice"
            found |= {f"{kind}/{vector.file}": vector.data for vector in vectors}
            lines = [json.dumps(vector.entry()) for vector in vectors]
            found[f"{kind}/vectors.json"] = ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    shared = {"world.json": (json.dumps(world(), indent=1) + "\n").encode()}
    return found | shared | {"tape.json": tape.to_bytes()}


def world() -> dict[str, Any]:
    """What somebody needs who checks another reader against the vectors. Every key is public."""
    return {
        "now": stamp(NOW),
        "passphrase": PASSPHRASE.decode(),
        "linkage_key": secret().secret.hex(),
        "seeds": "x25519 (32), ML-KEM-768 (64), Ed25519 (32), ML-DSA-65 (32), authentication (32)",
        "parties": {
            name: {"fingerprint": keys(name).public.fingerprint(), "seed": keys(name)._seed.hex()}
            for name in ROLES
        },
        "agreement": "base/study.agreement",
        "output": {"files": vectors_signed.FILES, "audit": vectors_signed.AUDIT},
        "readers": {
            "agreement": "anybody",
            "key-file": "anybody, with the passphrase",
            "secret": "ohid",
            "audit": "anybody: a log against at-5.head, a head against of-9.log, a consistency "
            "proof together with at-5.head, an inclusion proof by itself",
            "output-check": "the analyst, under agreement/output-checker.agreement, about the "
            "files whose digests 'output' gives",
            "receipt": "moj, whose submission is base/moj.submission",
            "submission": "ttp",
            "release": "lab",
            "row-map": "moj",
            "withdrawal": "ttp, which holds base/moj.submission",
        },
    }


def changed(found: dict[str, bytes]) -> list[str]:
    """The paths that differ from what is on disk, left-over files included."""
    there = {str(p.relative_to(FOLDER)) for kind in KINDS for p in (FOLDER / kind).glob("*")}
    there |= {name for name in SHARED if (FOLDER / name).exists()}
    differing = {n for n in found if n not in there or (FOLDER / n).read_bytes() != found[n]}
    return sorted(differing | (there - set(found)))


def write(found: dict[str, bytes]) -> None:
    """Replace what is on disk."""
    for name in changed(found):
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        if name in found:
            path.write_bytes(found[name])
        else:
            path.unlink()


def main(arguments: list[str]) -> int:
    if arguments == ["--base"]:
        from vectors.base_study import make_base

        make_base()
        arguments = []
    found = files()
    if arguments == ["--check"]:
        differing = changed(found)
        print("\n".join(differing) or f"{len(found)} files unchanged")
        return 1 if differing else 0
    write(found)
    print(f"{len(found)} files, {sum(map(len, found.values()))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
