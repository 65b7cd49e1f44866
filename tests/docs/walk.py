"""The walk of docs/tutorials/files-of-your-own.md: its commands, and what they print.

    python tests/docs/walk.py      run it in a scratch folder, write what was printed into the page

Commands run one after the other in one shell, as somebody types them, on files of strangers.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]  # as a script

from docs.pages import DOCS  # noqa: E402
from worlds import foreign_files  # noqa: E402

PAGE = DOCS / "tutorials" / "files-of-your-own.md"
END = "== end of a command =="
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SECRETIVE = re.compile(
    r"\b[0-9a-f]{12,}\b|\b(?:[a-z2-7]{5}-){4}[a-z2-7]{5}\b|\b[A-Za-z0-9+/]{40,}=*"
)


def prepare(folder: Path) -> None:
    """What each party has before it begins."""
    for party in ("dwp", "nhs", "ttp", "lab"):
        (folder / party).mkdir()
    foreign_files.write(folder)
    for name, party in (("claims-office", "dwp"), ("hospitals", "nhs")):
        (folder / name).rename(folder / party / name)
        (folder / f"{name}.toml").rename(folder / party / f"{name}.toml")


def walk(commands: list[str], folder: Path) -> list[tuple[str, str, int]]:
    """Command, what it printed (with errors) and its exit code, of each."""
    script = "".join(f"{each}\necho {END} $?\n" for each in ["set +m", *commands, "wait"])
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env={**kept, "PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    parts = re.split(rf"{END} (\d+)\n", done.stdout)
    found = list(zip(["", *commands, ""], parts[::2], map(int, parts[1::2]), strict=False))
    return found[1 : len(commands) + 1]


def commands(text: str) -> list[str]:
    """The commands of the page, in order."""
    lines = (line for block in _BLOCK.findall(text) for line in block.splitlines())
    return [line[2:] for line in lines if line.startswith("$ ")]


def printed(text: str) -> list[str]:
    """What the page says that each of them printed."""
    found: list[str] = []
    for block in _BLOCK.findall(text):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append("")
            else:
                found[-1] += line
    return found


def lasting(output: str) -> list[str]:
    """The lines of an output without what differs from run to run: numbers, digests, progress."""
    lines = (line.rstrip() for line in output.splitlines())
    kept = [line for line in lines if line and not re.match(r"[A-Z]\w+: \d+ %", line)]
    return [re.sub(r"\d+", "#", re.sub(r" +", " ", _SECRETIVE.sub("~", line))) for line in kept]


def written(text: str, outputs: list[str]) -> str:
    """The page with these outputs below its commands."""
    following = iter(outputs)

    def block(match: re.Match[str]) -> str:
        shown = ""
        for line in match[1].splitlines(keepends=True):
            if line.startswith("$ "):
                lines = next(following).splitlines()
                shown += line + "".join(f"{each.rstrip()}\n" for each in lines)
        return f"```console\n{shown}```"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch))
        steps = walk(commands(page), Path(scratch))
    if failed := [step for step in steps if step[2]]:
        sys.exit(f"$ {failed[0][0]}\n{failed[0][1]}exit code {failed[0][2]}")
    PAGE.write_text(written(page, [output for _, output, _ in steps]), encoding="utf-8")
