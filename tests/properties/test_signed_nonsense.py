"""Nonsense that its sender signed: refused with an error of ours or harmless, never a traceback.

A signature says who wrote a file, not that it is sound. Manifests and the plain bytes of sections
are changed at random and signed and sealed again by their real sender.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blindlink.analyst.cohort.opening import open_release
from blindlink.errors import BlindlinkError
from blindlink.linker.protocol.intake import take
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from properties.test_trust import LEAVES, places
from vectors import vectors_release, vectors_submission
from vectors.test_vectors import READERS
from vectors.world import BASE, FOLDER, NOW, Rebuild, agreement, keys, resigned, split

SIGNED = agreement()


def read_submission(path: Path) -> None:
    with ExitStack() as stack:
        take(stack, path, Acting(SIGNED, keys("ttp"), NOW))


def read_release(path: Path) -> None:
    open_release(path, Acting(SIGNED, keys("lab"), NOW))


FILES: dict[str, tuple[Path, str, dict[str, Any], Callable[[Path], None]]] = {
    "submission": (BASE / "moj.submission", "moj", vectors_submission.READERS, read_submission),
    "release": (BASE / "study.release", "ttp", vectors_release.READERS, read_release),
    "row-map": (
        FOLDER / "row-map" / "valid.row-map",
        *("moj", {n: keys("moj") for n in ("rows", "controls")}, READERS["row-map"]),
    ),
    "withdrawal": (
        FOLDER / "withdrawal" / "valid.withdrawal",
        *("moj", {"rows": keys("ttp"), "entities": keys("lab")}, READERS["withdrawal"]),
    ),
}
DOCUMENTS = {
    kind: canonical.loads(split(path.read_bytes())[1]) for kind, (path, *_) in FILES.items()
}
SPOTS = [(kind, place) for kind, document in DOCUMENTS.items() for place in places(document)]
NONSENSE = (
    LEAVES
    | st.sampled_from([2**31, 2**32, 2**53 - 1, -1, 0, "", "NaN", "\u202e"])
    | st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=8)
    | st.dictionaries(st.text("ab", max_size=2), LEAVES, max_size=2)
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nonsense")


@settings(max_examples=120)
@given(spot=st.sampled_from(SPOTS), value=NONSENSE, remove=st.booleans())
def test_manifests(scratch: Path, spot: Any, value: Any, remove: bool) -> None:
    kind, (*path, last) = spot
    source, sender, _, read = FILES[kind]

    def edit(document: Any) -> None:
        for name in path:
            document = document[name]
        if remove:
            del document[last]
        else:
            document[last] = value

    file = scratch / f"x.{kind}"
    with suppress(BlindlinkError):
        file.write_bytes(resigned(source.read_bytes(), edit, keys(sender), kind))
        read(file)


SECTIONS = [(kind, name) for kind, (*_, readers, _) in FILES.items() for name in readers]


@settings(max_examples=50)
@given(
    where=st.sampled_from(SECTIONS),
    at=st.floats(0, 1),
    cut=st.integers(0, 40),
    put=st.binary(max_size=40),
    keep_size=st.booleans(),
)
def test_sections(
    scratch: Path, where: tuple[str, str], at: float, cut: int, put: bytes, keep_size: bool
) -> None:
    kind, name = where
    source, sender, readers, read = FILES[kind]

    def change(data: bytes) -> bytes:
        start = int(at * len(data))
        end = start + (len(put) if keep_size else cut)
        return (data[:start] + put + data[end:])[: len(data) if keep_size else None]

    rebuild = Rebuild(source, kind, keys(sender), readers)
    file = scratch / f"y.{kind}"
    file.write_bytes(rebuild(scratch / "rebuilt", {name: change}))
    with suppress(BlindlinkError):
        read(file)
