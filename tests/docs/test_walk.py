"""The walk through a study with files of strangers prints what its page says."""

import re
from pathlib import Path

import pytest

from docs import walk


@pytest.mark.slow
def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    text = walk.PAGE.read_text(encoding="utf-8")
    commands, said = walk.commands(text), walk.printed(text)
    steps = walk.walk(commands, folder(tmp_path))
    for (command, output, code), shown in zip(steps, said, strict=True):
        assert code == 0, f"$ {command}\n{output}"
        assert walk.lasting(output) == walk.lasting(shown), f"$ {command}\n{output}"
    told = "".join(output for _, output, _ in steps)
    links = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) links, ", told)]
    assert links
    assert all(2300 <= each <= 2500 for each in links), "2,500 people are in both files"


def folder(path: Path) -> Path:
    walk.prepare(path)
    return path


def test_numbers_digests_and_progress_are_not_compared() -> None:
    one = "Trying: 55 %\n2,445 links\ndigest 0123456789abcdef\nabcde-fghij-klmno-pqrst-uvwxy\n"
    other = "2,401 links\ndigest fedcba9876543210\nabcde-fghij-klmno-pqrst-22222\n"
    assert walk.lasting(one) == walk.lasting(other)
    assert walk.lasting("12 links\n") != walk.lasting("12 pairs\n")
