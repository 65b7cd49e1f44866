"""One agreement, one run: not a property of a folder, but of what the keys remember.

Two runs that differ in one withdrawn person would show what that person changed.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from attacks.test_signed_facts import links_of, played, take_in, withdrawn
from blindlink.errors import InputError, RefusedError, VerificationError
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import LOG
from blindlink.linker.protocol.receive import receive
from blindlink.linker.protocol.witness import witness_of
from blindlink.messages.used import projects_of
from worlds.flow import World


def remembered(world: World, project: str = "project", *, first_use: bool = False) -> Place:
    """What the linker's commands keep beside its key file."""
    key = world.folder / "ttp.key"
    folder = world.folder / project
    kept = witness_of(key, world.agreement.digest(), folder, None, first_use=first_use)
    return Place(folder, kept, projects_of(key))


def test_a_second_project_folder_is_refused(tmp_path: Path) -> None:
    world = played(tmp_path)
    world.link(place=remembered(world))
    path = withdrawn(world, ["moj-secret-40"])
    other = remembered(world, "second")
    with pytest.raises(InputError):  # the head that was kept is of a log, and there is none
        world.link(withdrawals=[path], out="second.release", place=replace(other, used=None))
    with pytest.raises(RefusedError, match="these keys serve this agreement in another project"):
        world.link(withdrawals=[path], out="second.release", place=replace(other, witness=None))
    assert not (tmp_path / "second.release").exists()
    assert not (tmp_path / "second" / LOG).exists()


def test_a_second_folder_takes_nothing_in(tmp_path: Path) -> None:
    world = played(tmp_path)
    first, file = remembered(world), tmp_path / "moj.submission"
    receive(file, world.acting("ttp"), first)
    second = remembered(world, "second")
    with pytest.raises(RefusedError, match="in another project"):
        receive(file, world.acting("ttp"), replace(second, witness=None))


def test_a_log_that_was_cut_back_is_found_without_being_asked(tmp_path: Path) -> None:
    """A restore, or a linker that regrets the freeze."""
    world = played(tmp_path)
    for file in world.files():
        take_in(world, file)
    kept = tmp_path / "before"
    shutil.copytree(tmp_path / "project", kept)
    world.link(place=remembered(world, first_use=True))
    shutil.rmtree(tmp_path / "project")
    kept.rename(tmp_path / "project")
    path = withdrawn(world, ["moj-secret-40"])
    with pytest.raises(VerificationError, match=r"had [56] entries, and the log has [34]"):
        world.link(withdrawals=[path], out="second.release", place=remembered(world))
    assert not (tmp_path / "second.release").exists()


def test_a_missing_head_is_no_first_use(tmp_path: Path) -> None:
    world = played(tmp_path)
    where = remembered(world)
    world.link(place=where)
    assert where.witness
    where.witness.unlink()
    with pytest.raises(VerificationError, match="is missing, and the project has a log"):
        remembered(world)
    assert remembered(world, first_use=True) == where


def test_the_same_run_may_be_repeated_until_it_has_ended(tmp_path: Path) -> None:
    world = played(tmp_path)
    for file in world.files():
        receive(tmp_path / file, world.acting("ttp"), remembered(world))
    world.link(place=remembered(world))
    assert len(world.cohort().links) == links_of(world)
