"""``blindlink selfcheck``: does this machine give the expected results?"""

import click

from blindlink.cli.common import example, json_option, show


@click.command(epilog=example("blindlink selfcheck", "blindlink selfcheck --json"))
@json_option
def selfcheck(as_json: bool) -> None:
    """Check encodings, engines and cryptography on this very machine, one line each.

    Encodings are compared with clkhash's, pairs and groups with anonlink's, where these are
    installed; cryptography with published vectors.
    """
    from blindlink.selfcheck import demand, run

    results = run(lambda result: None if as_json else click.echo(result.line()))
    if as_json:
        show({"checks": [result.as_dict() for result in results]}, as_json, "")
    demand(results)
