"""What differs between systems: the real one, and Windows with a fake of its module.

No machine of ours runs Windows. The fake refuses what Windows refuses: to sync a file that is open
for reading only, to open a folder, and a lock that another handle holds.
"""

import ast
import errno
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from blindlink import files, system
from blindlink.errors import BlindlinkError

SOURCE = Path(__file__).parents[2] / "src" / "blindlink"


@pytest.fixture(params=["this system", "windows"])
def ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module as this system loads it, and as Windows would."""
    if request.param == "this system":
        yield system
        return
    real_sync, real_open = os.fsync, os.open
    held: dict[tuple[int, int], int] = {}

    def fsync(descriptor: int) -> None:
        import fcntl

        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real_sync(descriptor)

    def opened(path: Any, flags: int, *more: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")
        return real_open(path, flags, *more)

    def locking(descriptor: int, mode: int, size: int) -> None:
        assert (mode, size) == (fake.LK_NBLCK, 1)
        facts = os.fstat(descriptor)
        owner = held.get((facts.st_dev, facts.st_ino))
        if owner is not None and owner != descriptor and _open(owner):
            raise PermissionError(errno.EACCES, "Permission denied")
        held[facts.st_dev, facts.st_ino] = descriptor

    fake: Any = ModuleType("msvcrt")
    fake.LK_NBLCK, fake.locking = 2, locking
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fcntl", None)
        patch.setitem(sys.modules, "msvcrt", fake)
        patch.delattr(os, "pread")
        patch.delattr(os, "O_NONBLOCK")
        patch.delattr(os, "O_CLOEXEC")
        spec = importlib.util.spec_from_file_location("system_of_windows", system.__file__)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        patch.setattr(made, "MODES_PROTECT", False)
        patch.delitem(sys.modules, "fcntl")
        patch.setattr(os, "fsync", fsync)
        patch.setattr(os, "open", opened)
        yield made


def _open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_file_and_its_folder_are_synced(ours: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"data")
    ours.sync(path)
    ours.sync_folder(tmp_path)
    with path.open("wb") as file:
        file.write(b"more")
        ours.sync_file(file)
    assert path.read_bytes() == b"more"


def test_a_whole_file_is_written(
    ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "system", ours)
    files.write_bytes(tmp_path / "out", b"whole", mode=ours.PRIVATE)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_bytes() == b"whole"


def test_a_file_is_read_and_a_folder_is_none(
    ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "system", ours)
    (tmp_path / "file").write_bytes(b"a\r\nb\x1ac")
    with files.open_regular(tmp_path / "file") as file:
        assert file.read() == b"a\r\nb\x1ac"
    with pytest.raises(BlindlinkError):
        files.open_regular(tmp_path)


def test_bytes_are_read_from_a_place_and_the_file_stays_where_it_is(
    ours: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        file.seek(7)
        assert ours.read_at(file, 3, 40) == bytes([40, 41, 42])
        assert ours.read_at(file, 9, 98) == bytes([98, 99])
        assert file.read(1) == bytes([7])


def test_many_threads_read_at_their_places(ours: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(250)) * 4)
    wrong: list[int] = []
    with path.open("rb") as file:

        def look(start: int) -> None:
            for place in range(start, 250, 5):
                if ours.read_at(file, 1, place) != bytes([place]):
                    wrong.append(place)

        threads = [threading.Thread(target=look, args=(number,)) for number in range(5)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert wrong == []


def test_one_holds_the_lock_at_a_time(ours: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ours.locked(path, wait=0.0), pytest.raises(TimeoutError), ours.locked(path, wait=0.06):
        pass
    with ours.locked(path, wait=0.0):
        pass


def test_who_waits_gets_the_lock_when_it_is_free(ours: ModuleType, tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []

    def second() -> None:
        with ours.locked(path):
            order.append("second")

    with ours.locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.12)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_another_process_waits_too(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from blindlink import system\n"
        "with system.locked(Path(sys.argv[1]), wait=0.1): pass"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    with system.locked(tmp_path / "lock"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("TimeoutError")
    assert subprocess.run(command, check=False).returncode == 0


def test_nothing_else_asks_for_what_only_some_systems_have() -> None:
    only_here = {"fcntl", "msvcrt", "pwd", "grp", "resource", "termios"}
    calls = {
        "O_NONBLOCK",
        "O_CLOEXEC",
        "O_DIRECTORY",
        "fchmod",
        "fsync",
        "pread",
        "geteuid",
        "fork",
        "getuid",
        "mkfifo",
    }
    faults = []
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name == "system.py" and path.parent == SOURCE:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # A function may try to import; a module must not.
        inside = {
            id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)
        }
        for node in ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if set(names) & only_here and id(node) not in inside:
                faults.append(f"{path.relative_to(SOURCE)}: imports {names}")
            if isinstance(node, ast.Attribute) and node.attr in calls:
                faults.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {node.attr}")
    assert faults == []


def test_every_module_can_be_imported_where_there_is_no_fcntl() -> None:
    """As on Windows, for the modules of the four parties."""
    program = (
        "import importlib, os, pkgutil, subprocess, sys\n"
        "from types import ModuleType\n"
        "sys.modules['fcntl'] = None\n"
        "sys.modules['msvcrt'] = ModuleType('msvcrt')\n"
        "del os.pread, os.O_NONBLOCK, os.O_CLOEXEC, os.sched_getaffinity\n"
        "import blindlink\n"
        "for name in ('keys', 'schema', 'messages', 'owner', 'linker', 'analyst', 'client',\n"
        "             'api', 'studies', 'synthetic', 'service', 'pages', 'cli'):\n"
        "    package = importlib.import_module(f'blindlink.{name}')\n"
        "    for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not any(part in each.name for part in ('.spark', 'anonlink', 'migrations')):\n"
        "            importlib.import_module(each.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_study_goes_through_where_there_is_no_fcntl(tmp_path: Path) -> None:
    """As on Windows: owners submit, the linker links, with neither pread nor modes of files."""
    program = (
        "import os, subprocess, sys\n"
        "from types import ModuleType\n"
        "fake = ModuleType('msvcrt')\n"
        "fake.LK_NBLCK, fake.locking = 2, lambda *_: None\n"
        "sys.modules['fcntl'], sys.modules['msvcrt'] = None, fake\n"
        "for name in ('pread', 'O_NONBLOCK', 'O_CLOEXEC', 'sched_getaffinity', 'geteuid'):\n"
        "    delattr(os, name)\n"
        "from blindlink import system\n"
        "system.MODES_PROTECT = False\n"
        "from pathlib import Path\n"
        "from blindlink.keys import party as keys\n"
        "from worlds.files import STRETCHED, link, prepare, submit\n"
        "keys._stretch = STRETCHED\n"
        "prepare(Path.cwd())\n"
        "assert submit('moj') == submit('ohid') == 0\n"
        "assert link('moj.submission', 'ohid.submission') == 0\n"
    )
    path = os.pathsep.join([str(SOURCE.parent), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "30 links" in done.stdout
