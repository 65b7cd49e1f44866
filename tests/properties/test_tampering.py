"""Nothing that was touched is accepted: bytes flipped, files cut, parts moved between files.

Flips of submission and release are those of test_every_byte; here are the two files that go with
them. Some 120 bytes of each are flipped, and each byte with BLINDLINK_FLIP_EVERY_BYTE=1.
"""

import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from blindlink.analyst.cohort.opening import open_release
from blindlink.errors import BlindlinkError
from blindlink.linker.protocol.intake import take, take_withdrawal
from blindlink.messages.acting import Acting
from blindlink.messages.container import reader as container
from blindlink.messages.container.stream import CHUNK, TAG
from blindlink.owner.withdraw import open_row_map, withdraw
from worlds.flow import NOW, World, keys

FLIPS = 120
EVERY = bool(os.environ.get("BLINDLINK_FLIP_EVERY_BYTE"))
FILES = ("moj.submission", "study.release", "moj.submission.rows", "moj.withdrawal")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Small files of every kind that flows."""
    folder = tmp_path_factory.mktemp("flow")
    world = World(folder, people=12, controls=0, terms={"minimum_overlap": 1})
    for name in world.owners:
        world.submit(name)
    rows = folder / "moj.submission.rows"
    out = folder / "moj.withdrawal"
    withdraw(["moj-secret-2"], rows, Acting(world.agreement, keys("moj"), NOW), out)
    world.link()
    return world


def read(world: World, path: Path) -> Any:
    """What the receiver of this kind of file does with it."""
    kind = path.suffix
    if kind == ".release":
        return open_release(path, Acting(world.agreement, keys("analyst"), NOW))
    if kind == ".rows":
        return open_row_map(path, Acting(world.agreement, keys("moj"), NOW))
    if kind == ".withdrawal":
        return take_withdrawal(path, Acting(world.agreement, keys("ttp"), NOW))
    with ExitStack() as stack:
        return take(stack, path, Acting(world.agreement, keys("ttp"), NOW))


def accepted(world: World, path: Path) -> bool:
    """Whether it is; anything but one of our errors is a failure of the test."""
    try:
        read(world, path)
    except BlindlinkError:
        return False
    return True


@pytest.mark.parametrize("file", FILES)
def test_the_files_are_sound(world: World, file: str) -> None:
    assert accepted(world, world.folder / file)


@pytest.mark.parametrize("file", FILES[2:])
def test_no_flipped_byte_is_accepted(world: World, file: str, tmp_path: Path) -> None:
    data = (world.folder / file).read_bytes()
    path = tmp_path / file
    path.write_bytes(data)
    tried, stride = 0, 1 if EVERY else len(data) // FLIPS
    with path.open("r+b", buffering=0) as target:
        for at in range(0, len(data), stride):
            target.seek(at)
            target.write(bytes([data[at] ^ (1 << at % 8)]))
            assert not accepted(world, path), f"byte {at} of {len(data)}"
            target.seek(at)
            target.write(data[at : at + 1])
            tried += 1
    print(f"{file}: {tried} of {len(data)} bytes flipped, 0 accepted")
    assert accepted(world, path)


def borders(data: bytes) -> list[int]:
    """Where parts of a container end: header, manifest, signatures, sections and their chunks."""
    start = data.index(b"\n") + 1
    found = [0, start]
    for _ in range(2):
        size = struct.unpack(">I", data[found[-1] : found[-1] + 4])[0]
        found += [found[-1] + 4, found[-1] + 4 + size]
    return [*found, *range(found[-1], len(data), CHUNK + TAG)]


@pytest.mark.parametrize("file", FILES)
def test_no_truncated_file_is_accepted(world: World, file: str, tmp_path: Path) -> None:
    data = (world.folder / file).read_bytes()
    ends = {end + step for end in borders(data) for step in (-1, 0, 1)} | {len(data) - 1}
    for end in sorted(end for end in ends if 0 <= end < len(data)):
        (tmp_path / file).write_bytes(data[:end])
        assert not accepted(world, tmp_path / file), f"{end} of {len(data)} bytes"
    for more in (b"\0", b"\n", data):
        (tmp_path / file).write_bytes(data + more)
        assert not accepted(world, tmp_path / file)


def sections(data: bytes, path: Path, kind: str) -> tuple[bytes, dict[str, bytes]]:
    """A container's head and the bytes of its sections."""
    with container.opened(path, kind) as sealed:
        sizes = {section.name: section.size for section in sealed.manifest.sections}
    at = len(data) - sum(sizes.values())
    head, parts = data[:at], {}
    for name, size in sizes.items():
        parts[name] = data[at : at + size]
        at += size
    return head, parts


@pytest.mark.parametrize("file", ["moj.submission", "study.release"])
@pytest.mark.parametrize("change", ["swap", "drop", "repeat", "transplant"])
def test_no_moved_section_is_accepted(world: World, file: str, change: str, tmp_path: Path) -> None:
    path = world.folder / file
    head, parts = sections(path.read_bytes(), path, path.suffix[1:])
    other: dict[str, Any] = {}
    if change == "transplant":
        twin = World(tmp_path, people=12, controls=0, terms={"minimum_overlap": 1})
        twin.agreement = world.agreement
        for name in twin.owners:
            twin.submit(name, entropy=token_bytes)
        twin.link(entropy=token_bytes)
        _, other = sections((tmp_path / file).read_bytes(), tmp_path / file, path.suffix[1:])
    names = list(parts)
    for at, name in enumerate(names):
        changed = [parts[each] for each in names]
        after = (at + 1) % len(names)
        if change == "swap":
            changed[at], changed[after] = changed[after], changed[at]
        elif change == "drop":
            del changed[at]
        elif change == "repeat":
            changed.insert(at, changed[at])
        else:
            changed[at] = other[name]
        (tmp_path / f"x{path.suffix}").write_bytes(head + b"".join(changed))
        assert not accepted(world, tmp_path / f"x{path.suffix}"), name


def test_the_sender_itself_cannot_seal_one_section_as_another(world: World, tmp_path: Path) -> None:
    """The binding holds without any signature: a key moved to another section does not open."""
    path = world.folder / "study.release"
    with container.opened(path, "release") as sealed:
        digest = world.agreement.digest()
        bundle = sealed.verify(keys("ttp").public, agreement=digest, now=NOW)
        first, second = bundle.manifest.sections[:2]
        moved = first.model_copy(update={"key": second.key})
        manifest = bundle.manifest.model_copy(
            update={"sections": (moved, *bundle.manifest.sections[1:])}
        )
        with pytest.raises(BlindlinkError):
            manifest.unwrap(first.name, keys("analyst"))


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "text": lambda data: b"blindlink\n",
    "header twice": lambda data: data[: data.index(b"\n") + 1] + data,
    "zeros": lambda data: bytes(len(data)),
    "length of four gigabytes": lambda data: data.replace(data[: data.index(b"\n") + 5],
        data[: data.index(b"\n") + 1] + b"\xff" * 4, 1),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_file_of_ours(world: World, file: str, change: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(CHANGES[change]((world.folder / file).read_bytes()))
    assert not accepted(world, tmp_path / file)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("other", FILES)
def test_no_kind_passes_for_another(world: World, file: str, other: str, tmp_path: Path) -> None:
    data = (world.folder / other).read_bytes()
    (tmp_path / file).write_bytes(data)
    assert accepted(world, tmp_path / file) == (file == other)
