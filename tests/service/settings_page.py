"""Writes the reference of settings from settings.py: python tests/service/settings_page.py"""

import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path

from blindlink.service.configuration import PREFIX, Configured

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "service-settings.md"
HEAD = """# Service settings

What an operator can set for `blindlink serve` and `blindlink worker`. Written from the code by
`python tests/service/settings_page.py`; a test holds the page to it.

One TOML file, given by `--config` or `BLINDLINK_CONFIG`; the environment goes before the file, and
`--set SECTION.NAME=VALUE` before both. An unknown name, or a value of another kind, is refused.

```toml
[limits]
rate = 50

[work]
grace = 1209600  # two weeks between an agreement's destroy_by and the destruction
```

The same by the environment: `BLINDLINK_LIMITS_RATE=50`, `BLINDLINK_WORK_GRACE=1209600`. Addresses
(database, storage, folders, proxies) are options of the commands and stand in
[Commands](commands.md). Times are seconds, sizes are bytes.
"""
LINE = re.compile(r"^    (\w+): \w+ = [^#]*?(?:# (.*))?$")


def text() -> str:
    """The whole page."""
    found = [HEAD]
    for section in fields(Configured):
        group = getattr(Configured(), section.name)
        found += [f"## `[{section.name}]`", "", f"{inspect.getdoc(type(group))}", ""]
        found += ["| name | default | what it is | in the environment |", "|---|---|---|---|"]
        said = dict(_said(inspect.getsource(type(group))))
        for each in fields(group):
            value = (
                f"{getattr(group, each.name):g}"
                if isinstance(each.default, float)
                else each.default
            )
            name = f"{PREFIX}{section.name}_{each.name}".upper()
            found.append(f"| `{each.name}` | {value} | {said[each.name]} | `{name}` |")
        found.append("")
    return "\n".join(found)


def _said(source: str) -> list[tuple[str, str]]:
    rows = [LINE.match(line) for line in source.split("\n")]
    return [(row[1], row[2] or row[1].replace("_", " ")) for row in rows if row]


if __name__ == "__main__":
    PAGE.write_text(text())
    sys.stderr.write(f"{PAGE}\n")
