"""The tree of commands. A group's module is imported when one of its commands is called."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

import click

from blindlink.version import __version__

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

# name -> (module, one line). Each module has an object of the command's name.
COMMANDS = {
    "demo": ("demo", "The whole study on synthetic data, or a benchmark, in one command."),
    "selfcheck": ("selfcheck", "Check that this machine gives the expected results."),
    "keygen": ("keygen", "Make a linkage secret, or the keys of a party."),
    "inspect": ("inspect", "Show what a blindlink file is, without any key."),
    "schema": ("schema", "Linkage schemas: which identifiers are encoded, and how."),
    "clk": ("clk.group", "The bare tools: encode, link, evaluate, assess; no protocol."),
    "agreement": ("agreement", "The agreement that all parties sign."),
    "owner": ("owner", "What a data owner does: it sees identities."),
    "linker": ("linker", "What the trusted third party does: it sees encodings."),
    "analyst": ("analyst", "What the analyst does: it sees pseudonyms."),
    "estimate": ("estimate", "Shares, models and tables from anybody's links, with their errors."),
    "audit": ("audit", "Check the audit log against heads that others kept."),
    "serve": ("service.serve", "Run the linkage service of the trusted third party."),
    "worker": ("service.worker", "Do the jobs of a linkage service."),
    "backup": ("service.backup", "Write an archive of a linkage service."),
    "restore": ("service.backup", "Bring a linkage service back, as its logs say it must be."),
    "client": ("service.client", "Talk to a linkage service: upload, status, receipt, download."),
}

# The extra that a command's own party needs; a word after the command decides where two are named.
EXTRAS = {
    "demo": "all",
    "schema": "owner",
    "clk encode": "owner",
    "clk assess": "owner",
    "clk": "linker",
    "owner": "owner",
    "linker": "linker",
    "analyst": "analyst",
    "estimate": "analyst",
    **dict.fromkeys(("serve", "worker", "backup", "restore"), "service"),
    "client": "client",
}


def extra_of(words: Sequence[str]) -> str:
    """The extra that a command line needs, by its first words."""
    return EXTRAS.get(" ".join(words[:2])) or EXTRAS.get(words[0] if words else "") or "all"


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"blindlink.cli.{COMMANDS[cmd_name][0]}")
        return cast(click.Command, getattr(module, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings=CONTEXT,
    epilog="Start with: blindlink demo --out demo-out",
)
@click.version_option(__version__, prog_name="blindlink")
def root(**_: Any) -> None:
    """Link two bodies' records about the same people without seeing who they are."""
