"""``blindlink study``: from the columns of the owners to a study that can be agreed on."""

import click

from blindlink.cli.common import Group
from blindlink.cli.study_init import init


@click.group(cls=Group, epilog="Start with: blindlink study init --help")
def study() -> None:
    """Set a study up before anybody signs."""


study.add_command(init)
