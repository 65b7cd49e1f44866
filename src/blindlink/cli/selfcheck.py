"""``blindlink selfcheck``: does this machine give the expected results?"""

import click

from blindlink.cli.common import example, json_option, show


@click.command(epilog=example("blindlink selfcheck", "blindlink selfcheck --json"))
@json_option
def selfcheck(as_json: bool) -> None:
    """Check encodings, engines and cryptography on this very machine, one line each.

    Encodings are compared with clkhash's, pairs and groups with anonlink's, where these are
    installed; cryptography with published vectors. What a party's installation does not have is
    skipped, and the last line says what that was.
    """
    from blindlink.selfcheck import demand, run

    results = run(lambda result: None if as_json else click.echo(result.line()))
    if as_json:
        show({"checks": [result.as_dict() for result in results]}, as_json, "")
    demand(results)
    skipped = [result.name for result in results if result.state == "skipped"]
    if skipped and not as_json:
        note = f"{len(skipped)} of {len(results)} were not checked, for want of a library"
        click.echo(f"{note}: {'; '.join(skipped)}", err=True)
