"""What the documentation shows as input: commands of the shell, sessions of Python."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_NOT_RUN = r"(?P<reason><!-- not run: [^>]+ -->\n+)?"
_CONSOLE = re.compile(rf"{_NOT_RUN}^```console\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_SESSION = re.compile(r"^```pycon\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """The commands of a page, continuation lines joined."""
    blocks = [match["text"] for match in _CONSOLE.finditer(page.read_text()) if not match["reason"]]
    text = "".join(blocks).replace("\\\n", " ")
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def sessions(page: Path) -> str:
    """The Python sessions of a page as one, prompts and expected output included.

    Lines keep their numbers, so that a failure names the line of the page.
    """
    text = page.read_text()
    kept = [False] * (len(text.splitlines()) + 1)
    for match in _SESSION.finditer(text):
        first = text.count("\n", 0, match.start("text"))
        for line in range(first, first + match["text"].count("\n")):
            kept[line] = True
    return "\n".join(line if kept[n] else "" for n, line in enumerate(text.splitlines()))


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted(DOCS.rglob("*.md"))
