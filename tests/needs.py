"""What a test needs beyond ``pip install``: one marker each, and all else is hidden from it.

    @pytest.mark.needs("java")
    @pytest.mark.needs("spark")
    def test_control_c_leaves_no_java() -> None: ...

A test whose need is not met is skipped with a notice that says what to install; with
``BLINDLINK_REQUIRE_ALL=1`` (CI, once everything is installed) it fails instead.

What a test does not ask for is hidden from it: programs leave its PATH, modules cannot be imported,
variables are unset. So a test that uses Java and only says Spark fails on every machine, and not
just on the one that has the one without the other. ``BLINDLINK_HIDE=spark,java`` hides needs from
all tests, as if this machine had none of them.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))  # Debian's nginx
POSTGRESQL = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Need:
    """Something that a machine may lack.

    ``programs``, ``modules``, ``variables``: what is hidden from tests that do not ask for it.
    ``demanded``: CI installs it, so that its lack is a failure there.
    """

    notice: str
    met: Callable[[], bool]
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    demanded: bool = True


def _program(name: str, package: str) -> Need:
    def met() -> bool:
        return shutil.which(name, path=PATH) is not None

    return Need(f"needs {name} (Debian: apt-get install {package})", met, programs=(name,))


def _axe() -> bool:
    return Path(os.environ.get("BLINDLINK_AXE") or "/nowhere").is_file()


def _postgresql() -> bool:
    given = bool(os.environ.get("BLINDLINK_TEST_DATABASE_URL"))
    return given or any(POSTGRESQL.glob("*/bin/initdb"))


def _root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _three_bit_logic() -> bool:
    from blindlink.linker.join.kernels import TERNARY

    return TERNARY


def _mount() -> bool:
    """Whether we may mount a file system: by trying it."""
    if not _root() or shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return False
        subprocess.run(["umount", "--lazy", folder], check=True)
    return True


NEEDS = {
    "spark": Need(
        "needs Spark: make spark",
        lambda: find_spec("pyspark") is not None,
        modules=("pyspark", "py4j"),
    ),
    "java": Need(
        "needs Java 17 (Debian: apt-get install openjdk-17-jre-headless)",
        lambda: shutil.which("java", path=PATH) is not None,
        programs=("java",),
        variables=("JAVA_HOME",),
    ),
    "chromium": _program("chromium", "chromium"),
    "spin": Need(
        "needs spin and a C compiler (Debian: apt-get install spin gcc)",
        lambda: all(shutil.which(name, path=PATH) for name in ("spin", "gcc")),
        programs=("spin",),
    ),
    "axe": Need(
        "needs axe-core: npm install axe-core, then BLINDLINK_AXE=.../axe.min.js",
        _axe,
        variables=("BLINDLINK_AXE",),
    ),
    "postgresql": Need(
        "needs PostgreSQL's server (Debian: apt-get install postgresql)",
        _postgresql,
        variables=("BLINDLINK_TEST_DATABASE_URL",),
    ),
    "nginx": _program("nginx", "nginx-light"),
    "systemd-analyze": _program("systemd-analyze", "systemd"),
    "anonlink": Need(
        "needs anonlink, which has no wheels for Python 3.12 and later",
        lambda: find_spec("anonlink") is not None,
        modules=("anonlink",),
        demanded=sys.version_info < (3, 12),
    ),
    "root": Need("needs root, to become other users", _root),
    "mount": Need("needs the right to mount a file system", _mount),
    "dev-full": Need("needs /dev/full", Path("/dev/full").exists),
    "proc": Need("needs /proc", Path("/proc/self/fd").exists),
    "three-bit logic": Need(
        "this processor has no logic of three bits", _three_bit_logic, demanded=False
    ),
}


@cache
def met(name: str) -> bool:
    """Whether this machine has it, and nobody hid it."""
    return name not in os.environ.get("BLINDLINK_HIDE", "").split(",") and NEEDS[name].met()


def asked(item: pytest.Item) -> frozenset[str]:
    """What a test asks for. Raises UsageError for a need that is none."""
    names = frozenset(str(mark.args[0]) for mark in item.iter_markers("needs"))
    if names - NEEDS.keys():
        raise pytest.UsageError(f"{item.nodeid}: no such need: {sorted(names - NEEDS.keys())}")
    return names


def demand(names: Collection[str]) -> None:
    """Skips the test that is about to start, or fails it, unless its needs are met."""
    for name in sorted(names):
        if not met(name):
            if NEEDS[name].demanded and os.environ.get("BLINDLINK_REQUIRE_ALL"):
                pytest.fail(NEEDS[name].notice, pytrace=False)
            pytest.skip(NEEDS[name].notice)


def asking(engines: Sequence[str]) -> list[Any]:
    """Parameters for these engines, each with the marks of what its library needs."""
    libraries = {"anonlink": ["anonlink"], "spark": ["spark", "java"]}
    marks = {name: [pytest.mark.needs(each) for each in needs] for name, needs in libraries.items()}
    return [pytest.param(name, marks=marks.get(name, [])) for name in engines]


def program(name: str) -> str:
    """The path of a program that the running test asks for. Raises AssertionError."""
    path = shutil.which(name)
    assert path is not None, f"the test does not ask for {name}: see tests/needs.py"
    return path


@contextmanager
def only(names: frozenset[str]) -> Iterator[None]:
    """Hides every need but these while the block runs."""
    hidden = [need for name, need in NEEDS.items() if name not in names]
    modules = {top for need in hidden for top in need.modules}
    variables: dict[str, str | None] = {name: None for need in hidden for name in need.variables}
    variables |= {"PATH": _path(names), "PYTHONPATH": _python_path(frozenset(modules))}
    before = {name: os.environ.get(name) for name in variables}
    loaded = {name: sys.modules[name] for name in [*sys.modules] if name.split(".")[0] in modules}
    _set(variables)
    sys.modules |= dict.fromkeys((*modules, *loaded))  # type: ignore[arg-type]  # None: no such
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules |= loaded
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@cache
def _folder() -> Path:
    """Of this process, for what it puts into PATH and PYTHONPATH."""
    folder = Path(tempfile.mkdtemp(prefix="blindlink-needs-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # and not a fork of it
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    folder.chmod(0o755)  # tests that become other users look for programs too
    return folder


@cache
def _path(names: frozenset[str]) -> str:
    """PATH with no program of a need but of these.

    A folder that has one is replaced by a folder of links to all its others; /usr/bin has.
    """
    programs = {program for need in NEEDS.values() for program in need.programs}
    folders = [_links(folder, programs) for folder in PATH.split(os.pathsep)]
    for name in sorted(names):
        folder = _folder() / "programs" / name
        folder.mkdir(parents=True, exist_ok=True)
        for program in NEEDS[name].programs:
            target = shutil.which(program, path=PATH)
            if target and not (folder / program).is_symlink():
                (folder / program).symlink_to(target)
        folders.append(str(folder))
    return os.pathsep.join(folders)


@cache
def _rest(folder: str, programs: frozenset[str]) -> str:
    links = Path(tempfile.mkdtemp(dir=_folder()))
    links.chmod(0o755)
    for path in Path(folder).iterdir():
        if path.name not in programs:
            (links / path.name).symlink_to(path)
    return str(links)


def _links(folder: str, programs: set[str]) -> str:
    if any(Path(folder, program).exists() for program in programs):
        return _rest(folder, frozenset(programs))
    return folder


@cache
def _python_path(modules: frozenset[str]) -> str:
    """PYTHONPATH in which these modules cannot be imported, for processes that a test starts."""
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    folder.chmod(0o755)
    for name in modules:
        lines = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n"
        (folder / f"{name}.py").write_text(lines)
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(folder), *([before] if before else [])])
