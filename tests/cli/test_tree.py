"""Every command: help with an example, light start, errors in two lines, no value in a fault."""

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from blindlink.cli import INTERNAL, INTERRUPTED, run
from blindlink.cli.tree import COMMANDS, root
from blindlink.errors import InputError


def commands(
    command: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the tree, groups included, with its path."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name))


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_help_shows_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("-h", "--help"):
        assert run([*path, flag]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"Usage: {' '.join(('blindlink', *path))} ")
    assert re.search(r"Start with: blindlink|Example:\n +blindlink ", out)


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_options_mean_the_same_everywhere(path: tuple[str, ...]) -> None:
    command = dict(commands())[path]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.opts[0] in ("--json", "--force"):
            assert parameter.is_flag
        assert "secret" not in parameter.opts[0] or parameter.opts[0].endswith("-file")


def test_the_tree_names_what_there_is() -> None:
    for name, (_, line) in COMMANDS.items():
        assert line.endswith("."), name


@pytest.mark.parametrize("arguments", [["nonsense"], ["clk", "link"], ["clk", "--nonsense"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    error, hint = err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: see 'blindlink")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (KeyboardInterrupt(), INTERRUPTED),
        (ValueError("Zaphodine"), INTERNAL),
        (InputError("x"), 10),
    ],
)
def test_faults_never_show_their_values(
    fault: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(root, "main", fail)
    assert run([]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert "Zaphodine" not in err


def test_start_is_light() -> None:
    """`import blindlink` and `blindlink --help` pull in nothing that is slow to import."""
    code = (
        "import sys, blindlink\n"
        "assert not [m for m in sys.modules if m.startswith('blindlink.')]\n"
        "from blindlink.cli import run\n"
        "run(['--help'])\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'numba', 'scipy', 'vl_convert', 'statsmodels',\n"
        "         'pydantic', 'cryptography', 'jinja2', 'gptables'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("words", [[], ["clk"], ["owner"], ["analyst"]])
def test_a_group_without_a_command_shows_its_help(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("Usage: blindlink")
    assert "error:" not in told


def test_the_help_of_a_group_cuts_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["owner", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "whose entity_id stands in the table PEOPLE out of a submission." in told
