"""The four parties as four users of the operating system: nobody can read another's folder.

Each command runs in a child that has given up root for a user of its own. Files change hands in a
folder that is open to all, as a letter does. Needs root, to become others.
"""

import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

# All that a child needs is imported before it loses the right to read the interpreter's folder.
import blindlink.cli.analyst
import blindlink.cli.linker
import blindlink.cli.owner
import blindlink.owner.folder  # noqa: F401
from blindlink import frames
from blindlink.cli import run
from blindlink.messages.fields import stamp
from worlds.flow import SECRET, World, keys

USERS = {"moj": 60_001, "ohid": 60_002, "ttp": 60_003, "analyst": 60_004}
PASSPHRASE = b"four unrelated random words"

pytestmark = pytest.mark.needs("root")


def as_user(name: str, act: Callable[[], int]) -> int:
    """What ``act`` returns when this party's user does it, in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 99
    try:
        os.setgroups([])
        os.setgid(USERS[name])
        os.setuid(USERS[name])
        os.umask(0o077)
        code = act()
    except PermissionError:
        code = 42
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def command(folder: Path, name: str, *arguments: str) -> int:
    def act() -> int:
        os.chdir(folder / name)
        return run([*arguments])

    return as_user(name, act)


def post(folder: Path, name: str, file: str) -> int:
    """The party puts a copy of its file where the others can take it."""

    def act() -> int:
        target = folder / "post" / file
        target.write_bytes((folder / name / file).read_bytes())
        target.chmod(0o644)
        return 0

    return as_user(name, act)


@pytest.fixture
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private folder for each party with its keys and data, and an open one for the post."""
    folder = tmp_path_factory.mktemp("users")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    now = datetime.now(UTC)
    terms = {
        "created": stamp(now - timedelta(days=1)),
        "expires": stamp(now + timedelta(days=1)),
        "destroy_by": stamp(now + timedelta(days=2)),
    }
    world = World(folder, terms=terms, signed_at=now)
    world.rehearse()
    (folder / "post").mkdir()
    (folder / "post").chmod(0o1777)
    world.agreement.save(folder / "post" / "study.agreement")
    (folder / "post" / "study.agreement").chmod(0o644)
    for name, user in USERS.items():
        own = folder / name
        own.mkdir()
        keys(name).save(own / "key", PASSPHRASE)
        (own / "words").write_bytes(PASSPHRASE + b"\n")
        (own / "words").chmod(0o600)
        if name in world.owners:
            SECRET.save(own / "linkage.key")
            (own / "data").mkdir()
            for table, rows in world.tables[name].items():
                frames.write_table(rows, own / "data" / f"{table}.csv")
                frames.read_table(own / "data" / f"{table}.csv")  # loads the codec too
        for path in (own, *own.rglob("*")):
            os.chown(path, user, user)
            path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def test_the_study_as_four_users(study: Path) -> None:
    agreement = ("--agreement", "../post/study.agreement")
    party = (*agreement, "--keys", "key", "--passphrase-file", "words")
    for name in ("moj", "ohid"):
        out = ("--secret-file", "linkage.key", "--out", f"{name}.submission")
        assert command(study, name, "owner", "submit", "data", *party, *out) == 0
        assert post(study, name, f"{name}.submission") == 0
    files = ("../post/moj.submission", "../post/ohid.submission")
    out = ("--project", "project", "--out", "study.release")
    assert command(study, "ttp", "linker", "link", *files, *party, *out) == 0
    assert post(study, "ttp", "study.release") == 0
    out = ("--out", "cohort")  # type: ignore[assignment]
    release = "../post/study.release"
    assert command(study, "analyst", "analyst", "cohort", release, *party, *out) == 0
    people = frames.read_table(study / "analyst" / "cohort" / "people.parquet")
    assert people.num_rows == 90
    for reader in USERS:
        for other in USERS:
            for file in ("key", "words", "data/identities.csv", "cohort/people.parquet"):
                if (study / other / file).exists():
                    assert readable(study / other / file, reader) == (reader == other)


def readable(path: Path, name: str) -> bool:
    return as_user(name, lambda: len(path.read_bytes()) and 0) == 0
