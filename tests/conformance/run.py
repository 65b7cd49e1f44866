"""Hold a reader of another implementation against the vectors, or list what is expected of it."""

import argparse
import json
import shlex
import subprocess
import sys

from conformance.reader import VECTORS, Document, listed


def expected(vector: Document) -> str:
    """What a reader prints for a vector."""
    return "accept" if vector["expect"] == "accept" else f"{vector['expect']} {vector['step']}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reader", help="a command that is given a folder's name and a file")
    options.add_argument("--list", action="store_true", help="print one JSON object a vector")
    given = options.parse_args()
    wrong = number = 0
    for kind, vector in listed():
        number += 1
        file = VECTORS / kind / vector["file"]
        if given.list or not given.reader:
            told = {"kind": kind, "file": str(file), "expect": expected(vector)}
            print(json.dumps(told | {"why": vector["why"]}))
            continue
        command = [*shlex.split(given.reader), kind, str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if said != expected(vector):
            wrong += 1
            print(f"{kind}/{vector['file']}: expected {expected(vector)!r}, said {said!r}")
    if given.reader:
        print(f"{number - wrong} of {number} vectors")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
