"""The Python sessions that the documentation shows run, page by page, and print what it says.

``...`` in the expected output stands for anything. Each page runs in a process of its own, in an
empty folder, so that no page leans on another.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import DOCS, pages, sessions

RUN = """
import doctest, sys
options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
text, name = open(sys.argv[1]).read(), sys.argv[2]
test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
runner = doctest.DocTestRunner(optionflags=options)
runner.run(test)
assert runner.tries > 0
sys.exit(bool(runner.failures))
"""
WITH_SESSIONS = [page for page in pages() if sessions(page).strip()]


@pytest.mark.parametrize("page", WITH_SESSIONS, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_sessions_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    text = tmp_path / "sessions.txt"
    text.write_text(sessions(page))
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RUN, text, page.name],
        cwd=work,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
