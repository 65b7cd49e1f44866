"""``blindlink clk``: the bare tools, for research and for people who come from anonlink-client."""

import click

from blindlink.cli.clk_assess import assess
from blindlink.cli.clk_encode import encode
from blindlink.cli.clk_evaluate import evaluate
from blindlink.cli.clk_link import link


@click.group(epilog="Start with: blindlink clk encode --help")
def clk() -> None:
    """Encode, link, evaluate and assess without a protocol: nothing is signed or sealed."""


for command in (encode, link, evaluate, assess):
    clk.add_command(command)
