"""The commands that the documentation shows are run, page by page, in the order they stand.

A ``console`` block holds lines that start with ``$ ``; what stands below a command is what it
printed for us and is not compared, but for what ``PROMISES`` names. A page that needs files first
makes them in a block of its own. A block after the comment ``<!-- not run: reason -->`` is shown
only.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import walk
from docs.pages import DOCS, commands, pages

GROUPS = ("All", "ATR", "DRR")
# What a page says that its reader will see, as a pattern for a line of what its commands print.
PROMISES = {
    "tutorials/first-study.md": [
        r"engaged with treatment",
        # observed, corrected and true of each group, none of them withheld
        *(rf"^{group} +\d+ +\d+\.\d +\d+\.\d \(\d+\.\d to \d+\.\d\) +\d+\.\d$" for group in GROUPS),
        r"precision +\d+\.\d % \(\d",
        r"recall +\d+\.\d % \(\d",
        r"threshold 0\.\d+ \(auto\)",
    ],
    "tutorials/link-two-files.md": [
        r"profile +weak",
        r"expected precision +0\.\d{4} +\(0\.\d{4} to [01]\.\d{4}\)",
        r"expected recall +0\.\d{4} +\(0\.\d{4} to [01]\.\d{4}\)",
        r"^\d+,\d+,[01]\.\d+,0\.\d+$",
    ],
    "tutorials/your-own-study.md": [
        r"^All +\d,\d+ +\d+\.\d +\d+\.\d \(\d+\.\d to \d+\.\d\) +\d+\.\d$",
        r"one row for each job that began",
        r"^exit code 24$",
        r"leaves what the study needs",
        r"^eligible: \d",
        r"^homeless,365 days,\d+,\d+,\d",
        r"^exit code 25$",
    ],
}
# The recipes are followed by test_recipes on a scratch copy, the walk by test_walk on its files.
ELSEWHERE = ("add-one-thing.md", walk.PAGE.name)
PAGES = [page for page in pages() if commands(page) and page.name not in ELSEWHERE]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *commands(page)])
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for promise in PROMISES.get(str(page.relative_to(DOCS)), []):
        assert re.search(promise, done.stdout, re.MULTILINE | re.IGNORECASE), promise
