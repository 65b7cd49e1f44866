"""Fuzz every parser behind a signature: ``python -m fuzz.run --seconds 3600`` (``make fuzz``).

Inputs that lead to a new answer (another error, another sentence) are kept and changed further: the
answers of the readers are the guide. What ends in anything but an answer is printed as a recipe,
kept in the corpus, and fails the run.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from fuzz.recipes import (
    Recipe,
    changed_bytes,
    changed_document,
    edit_bytes,
    edit_document,
    outcome,
)
from fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).parent / "corpus"
KEPT, LONGEST = 60, 4000  # recipes of a target, and characters of one


class Fuzzer:
    """One target and its corpus: recipes by the answer that they led to first."""

    def __init__(self, target: Target, rng: random.Random) -> None:
        self.target, self.rng, self.seed = target, rng, target.seed()
        self.found: dict[str, Recipe] = {}
        self.runs = 0

    def play(self, recipe: Recipe, folder: Path) -> str:
        """The answer to a recipe; raises what is no answer."""
        self.runs += 1
        if isinstance(self.seed, bytes):
            return outcome(self.target.run, changed_bytes(self.seed, recipe), folder)
        return outcome(self.target.run, changed_document(self.seed, recipe), folder)

    def recipe(self) -> Recipe:
        """A known recipe with an edit or two more."""
        made = list(self.rng.choice([[], *self.found.values()]))
        for _ in range(self.rng.choice([1, 1, 2])):
            if isinstance(self.seed, bytes):
                made.append(edit_bytes(self.rng, changed_bytes(self.seed, made)))
                continue
            document = changed_document(self.seed, made)
            edit = edit_document(self.rng, document, fractions=self.target.fractions)
            made += [edit] if edit else []
        return made

    def step(self, folder: Path) -> Recipe | None:
        """Try one recipe; returns it where it ended in no answer."""
        recipe = self.recipe()
        try:
            said = self.play(recipe, folder)
        except Exception as error:
            traceback.print_exc()
            self.found[f"no answer: {type(error).__name__}"] = recipe
            return recipe
        self.found.setdefault(said, recipe)
        return None

    def save(self) -> None:
        """Keep the shortest recipes."""
        told = sorted((json.dumps(recipe) for recipe in self.found.values()), key=len)
        kept = [each for each in told if len(each) <= LONGEST][:KEPT]
        (CORPUS / f"{self.target.name}.json").write_text("[\n" + ",\n".join(kept) + "\n]\n")


def corpus(name: str) -> list[Recipe]:
    """The recipes of a target that were kept."""
    path = CORPUS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else []


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--only", nargs="*", choices=sorted(TARGETS), default=sorted(TARGETS))
    options.add_argument("--save", action="store_true", help="keep new recipes in the corpus")
    given = options.parse_args()
    print(f"seed {given.seed}")
    broken, share = 0, given.seconds / len(given.only)
    for name in given.only:
        fuzzer = Fuzzer(TARGETS[name], random.Random(f"{given.seed} {name}"))
        with tempfile.TemporaryDirectory() as scratch:
            folder, end = Path(scratch), time.monotonic() + share
            for recipe in corpus(name):
                fuzzer.found.setdefault(fuzzer.play(recipe, folder), recipe)
            failed: list[Recipe] = []
            while time.monotonic() < end:
                ended = fuzzer.step(folder)
                failed += [ended] if ended else []
        for recipe in failed:
            print(f"{name}: no answer to {json.dumps(recipe)}")
        broken += len(failed)
        print(f"{name}: {fuzzer.runs:,} runs, {len(fuzzer.found)} answers, {len(failed)} failed")
        if given.save:
            fuzzer.save()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
