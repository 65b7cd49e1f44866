"""What the commands share: options, results on stdout, progress on a terminal."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from blindlink.progress import Progress, silent

F = TypeVar("F", bound=Callable[..., Any])

IN_FILE = click.Path(path_type=Path, dir_okay=False)
OUT_FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


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


def show(result: dict[str, Any], as_json: bool, text: str) -> None:
    """Print a result on stdout: ``text`` for people, or the same as JSON."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else text)


def note(text: str) -> None:
    """Say something on stderr, where it does not mix with the result."""
    click.echo(text, err=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """A progress callable that draws a bar with rate and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report
