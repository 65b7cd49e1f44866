"""``blindlink estimate``: estimates from two tables and anybody's links between them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blindlink.cli.common import IN_FILE, OUT_FILE, Group, example, force_option, json_option, show

if TYPE_CHECKING:
    from blindlink.analyst.estimate.rates import ErrorRates
    from blindlink.api.estimating import Estimates, LinkedData

F = TypeVar("F", bound=Callable[..., Any])
_METHODS = ("exchangeable", "misclassification", "pairs", "mixture", "imputation", "none")


@click.group(cls=Group, epilog="Start with: blindlink estimate share --help")
def estimate() -> None:
    """Estimates across links that carry wrong and missed links, and say what they rest on.

    LINKS may be those of 'blindlink clk link', of Splink (unique_id_l, unique_id_r,
    match_probability), or any CSV, Parquet or Arrow file with left and right: rows from 0 or ids,
    with or without a probability.
    """


def _options(command: F) -> F:
    """What every estimate takes: the data, what is known of errors, where the result goes."""
    options = [
        click.option("--left", type=IN_FILE, required=True, help="The left table."),
        click.option("--right", type=IN_FILE, required=True, help="The right table."),
        click.option("--candidates", type=IN_FILE, help="Further pairs with probabilities."),
        click.option(
            "--ids", metavar="COLUMN[,COLUMN]", help="Links name values of it, not rows from 0."
        ),
        click.option(
            "--threshold",
            type=float,
            help="The least probability of a link; 0.5 where all pairs have one.",
        ),
        click.option("--cluster", metavar="COLUMN", help="Equal values of it are one person."),
        click.option("--controls", metavar="M/N", help="M of N records without partner linked."),
        click.option("--known-pairs", metavar="M/N", help="M of N pairs known to be true found."),
        click.option("--clerical", metavar="M/N", help="M of N links, checked by people, right."),
        click.option(
            "--prior",
            "priors",
            multiple=True,
            metavar="RATE=VALUE:LOW:HIGH",
            help="A rate assumed: false_link, sensitivity, precision or delta. Needs --source.",
        ),
        click.option(
            "--bounds", multiple=True, metavar="RATE=LOW:HIGH", help="A rate bounded. Likewise."
        ),
        click.option("--source", default="", help="Where priors and bounds are from, in words."),
        click.option("--report", type=IN_FILE, help="The linkage report of the links, as JSON."),
        click.option("--confidence", type=float, default=0.95, show_default=True),
        click.option("--seed", type=int, default=1, show_default=True),
        click.option("--out", type=OUT_FILE, help="Write the table here: CSV, Parquet or Arrow."),
        force_option,
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@estimate.command(
    epilog=example(
        "blindlink estimate share links.csv --left orders.csv --right treatment.csv",
        "    --outcome engaged --by sex --controls 54/2707",
        "    --prior sensitivity=0.93:0.88:0.97 --source 'audit of 2024'",
    )
)
@click.argument("links", type=IN_FILE)
@click.option("--outcome", help="A yes/no column of the right table; without it any link counts.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Groups; may be given several times.")
@click.option("--against", type=float, help="A share to compare the whole with.")
@_options
def share(outcome: str | None, by: tuple[str, ...], against: float | None, **given: Any) -> None:
    """The share of left rows with a counting partner: observed, corrected, bounded."""
    import blindlink as bl

    data, rates = _data(given), _rates(given)
    common = {"confidence": given["confidence"], "seed": given["seed"]}
    _give(bl.share(data, outcome, by=by, rates=rates, against=against, **common), given)


@estimate.command(
    epilog=example(
        "blindlink estimate glm 'cost ~ age + C(sex)' links.csv --left a.csv --right b.csv",
        "    --family gaussian --clerical 190/200",
    )
)
@click.argument("formula")
@click.argument("links", type=IN_FILE)
@click.option(
    "--family",
    type=click.Choice(["binomial", "gaussian", "poisson", "gamma"]),
    default="binomial",
    show_default=True,
)
@click.option("--method", type=click.Choice(_METHODS), default="exchangeable", show_default=True)
@_options
def glm(formula: str, family: str, method: Any, **given: Any) -> None:
    """A generalised linear model whose outcome is of one table and whose terms are of the other.

    With --method misclassification the outcome is whether a left row has a counting partner.
    """
    import blindlink as bl

    common = {"confidence": given["confidence"], "seed": given["seed"]}
    data, rates = _data(given), _rates(given)
    _give(bl.glm(formula, data, family=family, method=method, rates=rates, **common), given)


@estimate.command(
    epilog=example(
        "blindlink estimate cox 'Surv(days, died) ~ age' links.csv --left a.csv --right b.csv",
        "    --clerical 190/200",
    )
)
@click.argument("formula")
@click.argument("links", type=IN_FILE)
@_options
def cox(formula: str, **given: Any) -> None:
    """Cox regression whose times are of one table and whose terms are of the other."""
    import blindlink as bl

    common = {"confidence": given["confidence"], "seed": given["seed"]}
    _give(bl.cox(formula, _data(given), rates=_rates(given), **common), given)


@estimate.command(
    epilog=example(
        "blindlink estimate crosstab links.csv sex outcome --left a.csv --right b.csv",
        "    --clerical 190/200",
    )
)
@click.argument("links", type=IN_FILE)
@click.argument("row")
@click.argument("column")
@_options
def crosstab(row: str, column: str, **given: Any) -> None:
    """Linked pairs by a column of the left and one of the right table."""
    import blindlink as bl

    common = {"confidence": given["confidence"], "seed": given["seed"]}
    _give(bl.crosstab(_data(given), row, column, rates=_rates(given), **common), given)


def _data(given: dict[str, Any]) -> "LinkedData":
    import blindlink as bl

    ids = tuple(name.strip() for name in given["ids"].split(",")) if given["ids"] else None
    if ids is not None and len(ids) > 2:
        raise click.UsageError("--ids takes one column, or one of each table")
    return bl.LinkedData(
        given["left"],
        given["right"],
        given["links"],
        candidates=given["candidates"],
        ids=ids if ids is None or len(ids) == 2 else ids[0],
        threshold=given["threshold"],
        cluster=given["cluster"],
    )


def _rates(given: dict[str, Any]) -> "ErrorRates":
    """What is known: the report first, then priors and bounds, then what was measured."""
    import blindlink as bl

    made, source = bl.ErrorRates(), given["source"]
    if given["report"]:
        made |= bl.ErrorRates.from_report(given["report"])
    for text in given["bounds"]:
        name, ends = _numbers(text, "--bounds", 2)
        made |= bl.ErrorRates.from_bounds(source=source, **{name: (ends[0], ends[1])})
    for text in given["priors"]:
        name, rate = _numbers(text, "--prior", 3)
        made |= bl.ErrorRates.from_prior(source=source, **{name: (rate[0], rate[1], rate[2])})
    if given["controls"]:
        made |= bl.ErrorRates.from_controls(*_counts(given["controls"], "--controls"))
    if given["known_pairs"]:
        made |= bl.ErrorRates.from_known_pairs(*_counts(given["known_pairs"], "--known-pairs"))
    if given["clerical"]:
        made |= bl.ErrorRates.from_clerical(*_counts(given["clerical"], "--clerical"))
    return made


def _counts(text: str, option: str) -> tuple[int, int]:
    part, _, whole = text.partition("/")
    try:
        return int(part), int(whole)
    except ValueError:
        raise click.UsageError(f"{option} takes two numbers, as 54/2707") from None


def _numbers(text: str, option: str, count: int) -> tuple[str, list[float]]:
    name, _, rest = text.partition("=")
    try:
        numbers = [float(each) for each in rest.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        shape = ":".join(["VALUE", "LOW", "HIGH"][-count:])
        raise click.UsageError(f"{option} takes RATE={shape}, with numbers")
    return name.strip(), numbers


def _give(found: "Estimates", given: dict[str, Any]) -> None:
    from blindlink.frames import write_table

    table = found.to_arrow()
    if given["out"]:
        inputs = [given[name] for name in ("left", "right", "links") if given[name]]
        write_table(table, given["out"], inputs=inputs, force=given["force"])
    rows = [
        {name: None if value != value else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
    result = {"rows": rows, "rests_on": list(found.rests_on), "notes": list(found.notes)}
    show(result, given["as_json"], found.text())
