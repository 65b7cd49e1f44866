"""What the commands share: options, results on stdout, progress on a terminal."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from blindlink.progress import Progress

if TYPE_CHECKING:
    from blindlink.mapping import Source

F = TypeVar("F", bound=Callable[..., Any])

PAUSE = 10.0  # seconds between lines of progress where there is no terminal
IN_FILE = click.Path(path_type=Path, dir_okay=False)
OUT_FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Command(click.Command):
    """A command whose outputs never replace its inputs: not even --force may eat a key."""

    def invoke(self, ctx: click.Context) -> Any:
        from blindlink.files import check_apart

        for output in _paths(ctx, OUT_FILE):
            check_apart(output, _paths(ctx, IN_FILE))
        return super().invoke(ctx)


class Group(click.Group):
    """A group of such commands; its help lists the first sentence of each whole."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _first_sentence(each)) for name, each in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_sentence(command: click.Command) -> str:
    paragraph = " ".join((command.help or "").partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


def _paths(ctx: click.Context, kind: click.Path) -> list[Path]:
    """The values of all parameters of one kind."""
    given = [ctx.params.get(each.name or "") for each in ctx.command.params if each.type is kind]
    return [
        path for each in given for path in (each if isinstance(each, tuple) else [each]) if path
    ]


def example(*lines: str) -> str:
    """The epilog of a command: what a user would type. Every command has one."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def json_option(command: F) -> F:
    """``--json``: the result for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        command
    )


def force_option(command: F) -> F:
    """``--force``: replace what is there."""
    return click.option("--force", is_flag=True, help="Replace the output if it exists.")(command)


def out_option(what: str) -> Callable[[F], F]:
    """``--out``: the file to write."""
    return click.option("--out", "out", type=OUT_FILE, required=True, help=f"Write {what} here.")


def agreement_option(command: F) -> F:
    """``--agreement``: what the files are bound to."""
    return click.option(
        "--agreement", "agreement_file", type=IN_FILE, required=True, help="Signed by every party."
    )(command)


def keys_option(command: F) -> F:
    """``--keys``: who acts."""
    return click.option(
        "--keys", type=IN_FILE, required=True, help="Your party's private key file."
    )(command)


def reading_options(command: F) -> F:
    """``--columns`` and ``--map``: how the owner's table is read; see ``source``."""
    command = click.option(
        "--map",
        "map_file",
        type=IN_FILE,
        help="Which column is which standard name, and how its cells are spelled (TOML).",
    )(command)
    return click.option(
        "--columns",
        metavar="A,B,...",
        help="The names of the columns of a CSV file without header.",
    )(command)


def map_option(command: F) -> F:
    """``--map`` alone, for commands that read several tables."""
    return click.option(
        "--map",
        "map_file",
        type=IN_FILE,
        help="Which column is which standard name, and how its cells are spelled (TOML).",
    )(command)


def source(columns: str | None, map_file: Path | None) -> "Source":
    """How to read a table, from ``--columns`` and ``--map``."""
    from blindlink.mapping import Source, load_mapping

    names = tuple(name.strip() for name in columns.split(",")) if columns else None
    return Source(names, load_mapping(map_file) if map_file else None)


def note_delimiter(path: Path) -> None:
    """Say what separates the cells of a CSV file where it is no comma."""
    from blindlink.frames import DELIMITERS, delimiter

    mark = delimiter(path)
    if mark != ",":
        note(f"{path}: its cells are separated by a {DELIMITERS[mark]}")


def bad_cells_option(command: F) -> F:
    """``--bad-cells``: what becomes of a cell that cannot be read; see ``tolerance``."""
    return click.option(
        "--bad-cells",
        type=click.Choice(["refuse", "missing"]),
        default="refuse",
        show_default=True,
        help="A cell that cannot be read, as 30 February: end the run, or count it as missing.",
    )(command)


def tolerance(bad_cells: str) -> Callable[[dict[str, int]], None] | None:
    """What to give the encoder for ``--bad-cells``: it says how many count as missing."""
    return _told if bad_cells == "missing" else None


def _told(counts: dict[str, int]) -> None:
    for column, count in counts.items():
        note(f"warning: column {column}: {count:,} unreadable cells count as missing")


def show(result: dict[str, Any], as_json: bool, text: str) -> None:
    """Print a result on stdout: ``text`` for people, or the same as JSON."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else text)


def note(text: str) -> None:
    """Say something on stderr, where it does not mix with the result."""
    click.echo(text, err=True)


class _Done(ProgressColumn):
    """How much of the work is done."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        if task.total is None:
            return Text("")
        if not unit:
            return Text(f"{task.percentage:.0f} %")
        done = _amount(task.completed, unit).removesuffix(f" {unit}")
        return Text(f"{done} of {_amount(task.total, unit)}")


class _Rate(ProgressColumn):
    """How much a second, where work has a unit."""

    def render(self, task: Task) -> Text:
        unit, elapsed = task.fields["unit"], task.elapsed
        if not unit or not elapsed or not task.completed:
            return Text("")
        speed = task.finished_speed or task.speed or task.completed / elapsed
        return Text(f"{_amount(speed, unit)}/s")


def _amount(number: float, unit: str) -> str:
    return decimal(int(number)) if unit == "bytes" else f"{number:,.0f} {unit}"


def lines_now_and_then(
    label: str, unit: str = "", *, clock: Callable[[], float] = time.monotonic
) -> Progress:
    """A progress callable that writes one line on stderr in ``PAUSE`` seconds at most."""
    last = clock()

    def report(done: int, total: int) -> None:
        nonlocal last
        if clock() - last < PAUSE or not total:
            return
        last = clock()
        amount = f", {_amount(done, unit)}" if unit else ""
        note(f"{label}: {100 * done // total} %{amount}")

    return report


@contextmanager
def progress_bar(label: str, unit: str = "") -> Iterator[Progress]:
    """A progress callable that draws a bar with rate and time left; without a terminal, as in a
    notebook or a scheduler, it says a line now and then.

    ``unit``: what is counted, in the plural; without it a percentage is shown.
    """
    if not sys.stderr.isatty():
        yield lines_now_and_then(label, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Done(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=None, unit=unit)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report
