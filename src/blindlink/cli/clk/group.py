"""``blindlink clk``: the bare tools, for research and for people who come from anonlink-client."""

import click

from blindlink.cli.clk.assess import assess
from blindlink.cli.clk.encode import encode
from blindlink.cli.clk.evaluate import evaluate
from blindlink.cli.clk.link import link
from blindlink.cli.clk.pairs import pairs
from blindlink.cli.common import Group


@click.group(cls=Group, epilog="Start with: blindlink clk encode --help")
def clk() -> None:
    """Encode, link and assess without a protocol: nothing is signed or sealed."""


for command in (encode, link, pairs, evaluate, assess):
    clk.add_command(command)
