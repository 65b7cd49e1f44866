"""``blindlink demo``."""

from pathlib import Path

import click

from blindlink.cli.common import FOLDER, example, json_option, show

DATA = ("study", "febrl4")
PROBATION, HOUSING = "probation-treatment", "housing-work"
FOLDERS = {"study": "demo-out", "febrl4": "febrl4-out"}


@click.command(
    epilog=example(
        "blindlink demo --out demo-out",
        "blindlink demo --people 10000 --seed 7 --out small",
        "blindlink demo --study housing-work --out housing",
        "blindlink demo --service --people 10000 --out by-service",
        "blindlink demo --data febrl4 --overlap 0.35",
    )
)
@click.option(
    "--data",
    type=click.Choice(DATA),
    default="study",
    show_default=True,
    help="study: a synthetic study, all parties. febrl4: a public benchmark.",
)
@click.option(
    "--study",
    "study_name",
    type=click.Choice([PROBATION, HOUSING]),
    default=PROBATION,
    show_default=True,
    help="Which study.",
)
@click.option("--out", type=FOLDER, help="The folder to make: demo-out, or febrl4-out.")
@click.option(
    "--people",
    type=click.IntRange(1_500, 5_000_000),
    help="Treatment people in the probation study, 150,000 unless given; people in the housing "
    "study, 12,000.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1, min_open=True),
    help="febrl4: the share of each side that has a partner: 1 unless given.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed gives the same CSV tables, byte for byte.",
)
@click.option(
    "--service", is_flag=True, help="study: through a linkage service on this machine, not files."
)
@click.option("--force", is_flag=True, help="Replace the folder if an earlier demo made it.")
@json_option
def demo(
    data: str,
    study_name: str,
    out: Path | None,
    people: int | None,
    overlap: float | None,
    seed: int,
    service: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Play the whole study with invented people, or link a benchmark, and compare with the truth.

    The study has four parties; each gets a folder that holds only what it may hold. Start reading
    at analyst/report/report.html.
    """
    folder = out or Path(FOLDERS[data])
    if data == "febrl4" and people is not None:
        raise click.UsageError("--people belongs to the study, not to --data febrl4")
    if data == "study" and overlap is not None:
        raise click.UsageError("--overlap belongs to --data febrl4")
    if data == "febrl4" and service:
        raise click.UsageError("--service belongs to the study, not to --data febrl4")
    if study_name != PROBATION and (service or data != "study"):
        raise click.UsageError(f"--study {study_name} is played by files alone")
    if data == "study" and study_name == HOUSING:
        _housing(folder, people, seed, force, as_json)
    elif data == "study":
        _study(folder, people, seed, service, force, as_json)
    else:
        _febrl4(folder, overlap, seed, force, as_json)


def _study(
    folder: Path, people: int | None, seed: int, service: bool, force: bool, as_json: bool
) -> None:
    from blindlink.cli.text.demo import Stalls, study_text
    from blindlink.synthetic.demo.study import demo as play

    carrier = None
    if service:
        from blindlink.cli.service.demo import ByService

        carrier = ByService()
    with Stalls() as stalls:
        result = play(
            folder, people=people, seed=seed, audience=stalls, force=force, carrier=carrier
        )
    show(result.document(), as_json, study_text(result))


def _febrl4(folder: Path, overlap: float | None, seed: int, force: bool, as_json: bool) -> None:
    from blindlink.cli.text.demo import Stalls, benchmark_text
    from blindlink.synthetic.demo.benchmark import febrl4

    with Stalls() as stalls:
        result = febrl4(folder, overlap=overlap or 1.0, seed=seed, audience=stalls, force=force)
    show(result.document(), as_json, benchmark_text(result))


def _housing(folder: Path, people: int | None, seed: int, force: bool, as_json: bool) -> None:
    from blindlink.cli.text.demo import Stalls, housing_text
    from blindlink.synthetic.housing.demo import demo as play

    with Stalls() as stalls:
        result = play(folder, people=people, seed=seed, audience=stalls, force=force)
    show(result.document(), as_json, housing_text(result))
