"""``blindlink inspect``: what a file of ours is, without any key."""

from pathlib import Path
from typing import Any

import click

from blindlink.cli.common import IN_FILE, example, json_option, show
from blindlink.cli.text.agreement import printable


@click.command(epilog=example("blindlink inspect moj.submission"))
@click.argument("file", type=IN_FILE)
@json_option
def inspect(file: Path, as_json: bool) -> None:
    """Show what FILE is and says of itself. Nothing is opened, and nothing is verified."""
    from blindlink.messages.inspecting import describe

    found = describe(file)
    show(found, as_json, printable(_text(found)))


def _text(found: dict[str, Any], indent: str = "") -> str:
    """One line a field; nested ones are indented."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", _text(value, f"{indent}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{name}:")
            lines += [_text(each, f"{indent}  ") + "\n" for each in value]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {shown}")
    return "\n".join(lines).rstrip()
