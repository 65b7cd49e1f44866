"""Writes docs/reference/commands.md from the command line itself: ``make commands-page``.

A test compares the page with what the tool says today, so the two cannot drift apart.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from blindlink.cli.tree import root
from blindlink.errors import BlindlinkError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
HEAD = """# Commands and exit codes

stdout holds the result and nothing else; progress and notes go to stderr. A failed command says
`error:` what and where, and `hint:` what to do, writes no output, and exits with a code of its own,
so that a job in a secure room can be diagnosed without its logs.

| exit code | class | meaning |
|---|---|---|
| 0 | | done |
| 2 | | wrong usage of the command line |
"""


def page() -> str:
    """The whole page as Markdown."""
    codes = "".join(
        f"| {cls.exit_code} | `{cls.__name__}` | {(cls.__doc__ or '').splitlines()[0]} |\n"
        for cls in BlindlinkError.__subclasses__()
    )
    last = "| 70 | | a fault of blindlink itself |\n| 130 | | interrupted |\n"
    return HEAD + codes + last + "".join(sections())


def sections() -> Iterator[str]:
    for context, command in walk(
        click.Context(root, info_name="blindlink", **root.context_settings)
    ):
        yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"


def walk(context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    command = context.command
    context.max_content_width = context.terminal_width = 100
    yield context, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                inner = click.Context(child, info_name=name, parent=context)
                yield from walk(inner)


if __name__ == "__main__":
    PAGE.write_text(page())
