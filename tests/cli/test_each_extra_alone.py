"""Each extra as if it were installed alone: what it has works, what it lacks is named by its extra.

A child process that cannot find the other extras' packages stands for an environment of its own;
what belongs to an extra is read from pyproject.toml and the packages' own metadata.
"""

import json
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
CHILD = """
import json, sys
hidden = set(json.loads(sys.argv[1]))

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hides())
from blindlink.cli import run
codes = []
for words in json.loads(sys.argv[2]):
    codes.append(run(words))
    print(f"## {codes[-1]}", file=sys.stderr)
print("\\n" + json.dumps(codes))
"""
EXTRAS = ("owner", "linker", "analyst", "client", "service")
KEYS = ["--agreement", "a", "--keys", "k"]
COMMANDS = {
    "encode": [
        "clk",
        "encode",
        "a.csv",
        "--schema",
        "s",
        "--secret-file",
        "k",
        "--out",
        "o.parquet",
    ],
    "link": ["clk", "link", "a", "b", "--out", "links.csv"],
    "submit": ["owner", "submit", "x", *KEYS, "--secret-file", "s", "--out", "o"],
    "check": ["owner", "check", "x", "--agreement", "a", "--owner", "moj"],
    "release": ["linker", "link", "a", "b", *KEYS, "--project", "p", "--out", "o"],
    "cohort": ["analyst", "cohort", "r", *KEYS, "--out", "o"],
    "report": ["analyst", "report", "cohort", "--out", "report"],
    "status": ["client", "status", "--url", "https://x.example", *KEYS],
    "serve": ["serve", "--data", "d"],
    "demo": ["demo", "--people", "1500", "--out", "demo-out"],
}
GOES_ON = {("service", "serve")}  # it would serve
# Those that need another party's libraries, whatever their arguments.
LACKS = {
    "owner": ("report", "status", "serve", "demo"),
    "linker": ("report", "status", "serve", "demo"),
    "analyst": ("status", "serve", "demo"),
    "client": ("link", "submit", "check", "release", "report", "serve", "demo"),
    "service": ("link", "submit", "check", "release", "report", "demo"),
}


@cache
def brought(requirement: str) -> frozenset[str]:
    """The distributions that a requirement brings along, itself among them."""
    wanted = Requirement(requirement)
    if wanted.marker and not any(
        wanted.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)
    ):
        return frozenset()
    name = canonicalize_name(wanted.name)
    try:
        needs = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return frozenset([name])
    plain = [each for each in needs if "extra ==" not in each]
    named = [each for each in needs for extra in wanted.extras if f'"{extra}"' in each]
    return frozenset([name]).union(*(brought(each.partition(";")[0]) for each in [*plain, *named]))


def hidden(*extras: str) -> list[str]:
    """The modules of every installed distribution that these extras do not bring."""
    wanted = [*PROJECT["dependencies"]]
    for extra in extras:
        wanted += PROJECT["optional-dependencies"][extra]
    here = frozenset(["blindlink"]).union(*map(brought, wanted))
    owners = metadata.packages_distributions()
    return sorted(
        module
        for module, names in owners.items()
        if not {canonicalize_name(name) for name in names} & here
        and module not in sys.stdlib_module_names
    )


def child(extras: tuple[str, ...], *commands: list[str], cwd: Path) -> tuple[list[int], str, str]:
    arguments = [json.dumps(hidden(*extras)), json.dumps(commands)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments],
        capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, check=True, timeout=60,
    )  # fmt: skip
    out, _, codes = done.stdout.rstrip().rpartition("\n")
    return json.loads(codes), out, done.stderr


def test_what_is_hidden_is_what_is_not_brought() -> None:
    found = hidden("client")
    assert {"numba", "pandas", "fastapi", "scipy"} <= set(found)
    assert not {"urllib3", "pyarrow", "pydantic", "click"} & set(found)


@pytest.mark.parametrize("extras", [(), *((extra,) for extra in EXTRAS)], ids=str)
def test_the_selfcheck_passes_and_tells_what_it_left_out(
    extras: tuple[str, ...], tmp_path: Path
) -> None:
    codes, out, told = child(extras, ["selfcheck"], cwd=tmp_path)
    assert codes == [0], out + told
    assert "failed" not in out
    skipped = [line for line in out.splitlines() if line.startswith("skipped ")]
    assert all("not installed" in line for line in skipped)
    assert f"{len(skipped)} of" in told, "each alone lacks something"


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_another_party_needs_is_named_by_its_extra(extra: str, tmp_path: Path) -> None:
    tried = {name: words for name, words in COMMANDS.items() if (extra, name) not in GOES_ON}
    codes, _, told = child((extra,), *tried.values(), cwd=tmp_path)
    found = dict(zip(tried, codes, strict=True))
    assert 70 not in codes, told
    assert {name: found[name] for name in LACKS[extra]} == dict.fromkeys(LACKS[extra], 21), told
    said = dict(zip(tried, told.split("## "), strict=False))
    for name in LACKS[extra]:
        assert "pip install 'blindlink[" in said[name], name
