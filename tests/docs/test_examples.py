"""Files that the how-tos show are files that the tool reads."""

import json
import re
from pathlib import Path

from blindlink.analyst.disclosure.policy import Policy, parse_policy
from blindlink.mapping import load_mapping
from blindlink.studies.probation_treatment.definitions import load_settings
from docs.pages import DOCS


def shown(page: str, opening: str) -> str:
    """The first block of a page that begins so."""
    text = (DOCS / "how-to" / page).read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(opening)}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, opening
    return found[1]


def test_the_stricter_policy_is_stricter() -> None:
    policy = parse_policy(json.loads(shown("publish.md", '```json title="stricter.json"')))
    assert policy.weaker_than(Policy()) == []
    assert policy != Policy(controller=policy.controller)


def test_the_settings_are_settings(tmp_path: Path) -> None:
    text = shown("publish.md", '```toml title="own.toml"')
    (tmp_path / "study.toml").write_text(text)
    assert load_settings(tmp_path / "study.toml").definitions.gap_days == 21


def test_the_mapping_is_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(shown("import-an-extract.md", "```toml"))
    made = load_mapping(tmp_path / "m.toml")
    assert made.columns["Date of birth"].format == "day first"
    assert made.tables["events"].columns["Amount"].type == "number"
