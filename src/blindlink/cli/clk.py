"""``blindlink clk``: the bare tools, for research and for people who come from anonlink-client."""

import click

from blindlink.cli.clk_encode import encode
from blindlink.cli.clk_evaluate import evaluate
from blindlink.cli.clk_link import link


@click.group(epilog="Start with: blindlink clk encode --help")
def clk() -> None:
    """Encode, link and evaluate without a protocol: no agreement, no signatures, no sealing."""


for command in (encode, link, evaluate):
    clk.add_command(command)
