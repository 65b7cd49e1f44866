"""Lock files hold names, versions and hashes: never an address, and nothing without a hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_line_is_a_version_or_a_hash(lock: Path) -> None:
    text = lock.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(
            r"[\w.-]+(\[[a-z,]+\])?==[0-9a-z.+-]+( ;[^:]+?)?( +--hash=sha256:[0-9a-f]{64})+",
            line.strip(),
        ), line


def test_no_committed_file_names_a_download() -> None:
    address = re.compile(r"https?://\S+\.(whl|tar\.gz|tgz|deb)")
    for path in [*LOCKS, ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / ".ci" / "run"]:
        assert not address.search(path.read_text()), path


def test_no_extra_needs_clkhash_or_anonlink() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    package = text[: text.index("[dependency-groups]")].split("# What the tests")[0]
    assert "clkhash" not in package
    assert "anonlink" not in package
