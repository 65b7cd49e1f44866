"""A test sees the needs that it names and no other, and only ``needs`` skips a test."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import needs
from needs import NEEDS, Need

TESTS = Path(__file__).parents[1]
BY_THEMSELVES = {"skip", "skipif", "importorskip", "xfail", "which"}


def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program, a module and a variable of a need called ``planted``, on this machine."""
    program = tmp_path / "bin" / "planted-program"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho planted\n")
    program.chmod(0o755)
    (program.parent / "another").write_text("#!/bin/sh\necho another\n")
    (program.parent / "another").chmod(0o755)
    (tmp_path / "planted_module").mkdir()
    (tmp_path / "planted_module" / "__init__.py").touch()
    (tmp_path / "planted_module" / "inner.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PLANTED", "here")
    monkeypatch.setattr(needs, "PATH", os.pathsep.join([str(program.parent), needs.PATH]))
    need = Need("", lambda: True, ("planted-program",), ("planted_module",), ("PLANTED",))
    monkeypatch.setitem(NEEDS, "planted", need)
    for memory in (needs._path, needs._python_path):
        memory.cache_clear()


def seen() -> list[bool]:
    """Whether program, module, the module in it and variable are there: here and in a child."""
    program = (
        "import importlib, os, shutil\n"
        "def there(name):\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError: return False\n"
        "    return True\n"
        "print([shutil.which('planted-program') is not None, there('planted_module'),\n"
        "       there('planted_module.inner'), 'PLANTED' in os.environ])"
    )
    here = [shutil.which("planted-program") is not None]
    for name in ("planted_module", "planted_module.inner"):
        try:
            importlib.import_module(name)
            here.append(True)
        except ModuleNotFoundError:
            here.append(False)
    here.append("PLANTED" in os.environ)
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert child.stdout.strip() == str(here), child.stderr
    return here


def test_what_a_test_names_is_there_and_what_it_does_not_name_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, monkeypatch)
    with needs.only(frozenset({"planted"})):
        assert seen() == [True] * 4
    with needs.only(frozenset()):  # though the modules are loaded by now
        assert seen() == [False] * 4
        assert find_spec("planted_module") is None
        assert shutil.which("another")
    assert "planted_module.inner" in sys.modules
    with needs.only(frozenset({"planted"})):
        assert seen() == [True] * 4


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/somewhere")
    before = dict(os.environ)
    with needs.only(frozenset()):
        assert "JAVA_HOME" not in os.environ
        assert shutil.which("java") is None
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", NEEDS)
def test_a_hidden_need_skips_with_its_notice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDLINK_HIDE", f"nothing,{name}")
    needs.met.cache_clear()
    monkeypatch.delenv("BLINDLINK_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=NEEDS[name].notice.split(" (")[0]):
        needs.demand([name])
    monkeypatch.setenv("BLINDLINK_REQUIRE_ALL", "1")
    failure = pytest.fail.Exception if NEEDS[name].demanded else pytest.skip.Exception
    with pytest.raises(failure):
        needs.demand([name])
    needs.met.cache_clear()


def test_only_needs_skips_a_test_or_looks_for_a_program() -> None:
    faults = []
    for path in TESTS.rglob("*.py"):
        if path.name == "needs.py" or path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in BY_THEMSELVES:
                owner = node.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if name in ("pytest", "mark", "shutil", "unittest"):
                    faults.append(f"{path.relative_to(TESTS)}:{node.lineno}: {name}.{node.attr}")
    assert faults == []
