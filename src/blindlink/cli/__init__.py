"""The command line: one tree whose groups follow the parties. One command is one library call.

stdout is the result, everything else goes to stderr. Exit codes: 0 done, 2 wrong usage, 10 and up
by error class (blindlink.errors), 70 a fault of blindlink itself, 130 interrupted.
"""

import os
import sys
from typing import NoReturn

import click

from blindlink.cli.tree import extra_of, root
from blindlink.errors import BlindlinkError, InputError, MissingExtraError

USAGE = 2
INTERNAL = 70
# A group without a command; before click 8.2 its help was no error.
_HELP_ALONE: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code. The only place that prints an error."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if not all(map(_is_text, sys.argv[1:] if arguments is None else arguments)):
        return _fail("a path is not UTF-8", "rename the file or folder", InputError.exit_code)
    try:
        result = root.main(arguments, prog_name="blindlink", standalone_mode=False)
    except BlindlinkError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except click.UsageError as error:
        if isinstance(error, _HELP_ALONE):
            click.echo(error.format_message(), err=True)
            return USAGE
        command = error.ctx.command_path if error.ctx else "blindlink"
        return _fail(error.format_message(), f"see '{command} --help'", error.exit_code)
    except ModuleNotFoundError as error:
        return _missing(error, sys.argv[1:] if arguments is None else arguments)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", "nothing was written; run the command again", INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads our result any more ('| head'): stop without a complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # Never the message or the traceback: either could hold a person's value or a key.
        return _fail(_where(error), "this is a fault of blindlink: please report it", INTERNAL)
    return result if isinstance(result, int) else 0


def _is_text(argument: str) -> bool:
    """Whether an argument can be written: not every name of a file is text."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _missing(error: ModuleNotFoundError, words: list[str]) -> int:
    """A command of another party, where only one party's libraries are installed."""
    library = (error.name or "").partition(".")[0]
    if library in ("", "blindlink") or library in sys.stdlib_module_names:
        return _fail(_where(error), "this is a fault of blindlink: please report it", INTERNAL)
    missing = MissingExtraError(library, extra_of(words))
    return _fail(missing.message, missing.hint, missing.exit_code)


def _fail(message: str, hint: str, code: int) -> int:
    click.echo(f"error: {message}\nhint: {hint}", err=True)
    return code


def _where(error: Exception) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        if str(module).startswith("blindlink"):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}"
