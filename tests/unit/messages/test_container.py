"""Containers: what was written comes back, and nothing else is accepted."""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    OutputError,
    VerificationError,
)
from blindlink.messages import canonical
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import format_of, parse_manifest, verify_manifest
from blindlink.messages.container.stream import (
    CHUNK,
    TAG,
    StreamReader,
    StreamWriter,
    plain_size,
    sealed_size,
)
from worlds.parties import LATER, NOW, entropy, keys, signed

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5)
AGREEMENT = signed().digest()


def sealed_stream(data: bytes, aad: bytes = b"aad") -> bytes:
    sink = io.BytesIO()
    writer = StreamWriter(sink, bytes(32), aad)
    writer.write(data)
    writer.finish()
    return sink.getvalue()


def read_stream(data: bytes, aad: bytes = b"aad") -> bytes:
    source = StreamReader(io.BytesIO(data), len(data), bytes(32), aad, "here")
    return io.BufferedReader(source).read()


# ----------------------------------------------------------------------------------------- stream


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_comes_back(size: int) -> None:
    data = os.urandom(size)
    sealed = sealed_stream(data)
    assert len(sealed) == sealed_size(size)
    assert plain_size(len(sealed)) == size
    assert read_stream(sealed) == data


def test_how_it_was_written_does_not_matter() -> None:
    data, sink = os.urandom(3 * CHUNK + 7), io.BytesIO()
    writer = StreamWriter(sink, bytes(32), b"aad")
    assert writer.writable()
    for start in range(0, len(data), 1000):
        assert writer.write(memoryview(data)[start : start + 1000]) > 0
    writer.finish()
    assert sink.getvalue() == sealed_stream(data)


def test_every_chunk_is_bound_to_its_place() -> None:
    piece = CHUNK + TAG
    sealed = sealed_stream(bytes(3 * CHUNK + 10))
    chunks = [sealed[start : start + piece] for start in range(0, len(sealed), piece)]
    one, two, three, last = chunks
    for wrong in (
        [two, one, three, last],
        [one, three, last],
        [one, one, two, three, last],
        [one, two, three],
        [one, two],
        [one],
        [one, two, three, last, last],
        [last],
        [one, two, last, three],
        [one, two, three, last[:-1]],
        [one, two, three, last + b"\0"],
    ):
        with pytest.raises(VerificationError, match="does not decrypt"):
            read_stream(b"".join(wrong))
    with pytest.raises(VerificationError, match="chunk 1 does not decrypt"):
        read_stream(sealed, aad=b"other")


@pytest.mark.parametrize("size", [0, 15, CHUNK + TAG + 15])
def test_sizes_that_no_stream_has(size: int) -> None:
    with pytest.raises(ValueError, match="no stream"):
        plain_size(size)


def test_a_full_chunk_is_followed_by_none_that_is_empty() -> None:
    assert sealed_size(CHUNK) == CHUNK + TAG
    with pytest.raises(ValueError, match="no stream"):
        plain_size(CHUNK + 2 * TAG)


def test_a_source_that_ends_early_does_not_decrypt() -> None:
    sealed = sealed_stream(bytes(10))
    reader = StreamReader(io.BytesIO(sealed[:-1]), len(sealed), bytes(32), b"aad", "here")
    assert reader.readable()
    with pytest.raises(VerificationError):
        reader.read(1)


# -------------------------------------------------------------------------------------- container


@pytest.fixture(scope="module")
def bundle_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "a.submission"
    write(path)
    return path


def write(path: Path, **changes: Any) -> None:
    """A small container of moj for ttp and lab."""
    options: dict[str, Any] = {
        "sender": keys("moj"),
        "agreement": AGREEMENT,
        "bundle": "ab" * 16,
        "now": NOW,
        "expires": LATER,
        "entropy": entropy("container"),
    }
    with container.create(path, "submission", **options | changes) as draft:
        with draft.section("encodings", keys("ttp").public) as out:
            out.write(bytes(range(200)))
        with draft.blobs("payload", keys("lab").public) as (sink, key):
            sink.write(key[::-1])
        draft.content = {"rows": 3}


@contextmanager
def verified(path: Path, **changes: Any) -> Iterator[container.Verified]:
    """The container, opened and verified as one of moj."""
    options: dict[str, Any] = {"agreement": AGREEMENT, "now": NOW, **changes}
    sender = options.pop("sender", keys("moj").public)
    with container.opened(path, "submission") as sealed:
        yield sealed.verify(sender, **options)


def changed(path: Path, tmp_path: Path, edit: Any) -> Path:
    """A copy with ``edit(manifest dict)`` applied and signed by moj again."""
    first = format_of("submission").encode() + b"\n"
    data = path.read_bytes()[len(first) :]
    parts = []
    for _ in range(2):
        size = struct.unpack(">I", data[:4])[0]
        parts.append(data[4 : 4 + size])
        data = data[4 + size :]
    document = canonical.loads(parts[0])
    edit(document)
    manifest = canonical.dumps(document)
    signatures = keys("moj").sign(manifest, domain=format_of("submission")).model_dump()
    out = first
    for part in (manifest, canonical.dumps(signatures)):
        out += struct.pack(">I", len(part)) + part
    (tmp_path / "changed").write_bytes(out + data)
    return tmp_path / "changed"


def test_a_container_comes_back(bundle_file: Path) -> None:
    with verified(bundle_file) as bundle:
        assert bundle.open("encodings", keys("ttp")).read() == bytes(range(200))
        key = bundle.key("payload", keys("lab"))
        assert bundle.raw("payload").read() == key[::-1]
        assert bundle.read_at("payload", 30, 2) == key[::-1][30:]
        assert bundle.manifest.content == {"rows": 3}
        assert bundle.manifest.digest() == canonical.digest(bundle.manifest_bytes)
        again = verify_manifest(
            bundle.manifest_bytes, bundle.signatures, "submission", keys("moj").public, "here"
        )
        assert again == bundle.manifest
    assert [each.name for each in bundle_file.parent.iterdir()] == ["a.submission"]


def test_a_blob_section_takes_what_arrow_writes(tmp_path: Path) -> None:
    """The sink is a file: it is writable, and pyarrow may write its buffers to it."""
    import pyarrow as pa

    with container.create(
        tmp_path / "x",
        "submission",
        sender=keys("moj"),
        agreement=AGREEMENT,
        bundle=container.new_bundle(),
        now=NOW,
        expires=LATER,
    ) as draft:
        with draft.blobs("payload", keys("lab").public) as (sink, _):
            assert sink.writable()
            sink.write(pa.py_buffer(b"12345"))
        assert draft.manifest().sections[0].size == 5
    with verified(tmp_path / "x") as bundle:
        assert bundle.raw("payload").read() == b"12345"


def test_raw_sections_can_seek(bundle_file: Path) -> None:
    with verified(bundle_file) as bundle:
        raw = bundle.raw("payload")
        assert raw.seek(-2, os.SEEK_END) == 30
        assert raw.seek(-1, os.SEEK_CUR) == 29
        assert len(raw.read()) == 3
        for offset, size in ((31, 2), (-1, 1), (40, 1)):
            with pytest.raises(FormatError, match="no bytes there"):
                bundle.read_at("payload", offset, size)


def test_a_section_opens_for_its_recipient_only(bundle_file: Path) -> None:
    with verified(bundle_file) as bundle:
        for name, reader in (("encodings", "lab"), ("encodings", "moj"), ("payload", "ttp")):
            with pytest.raises(VerificationError, match=f"section '{name}'.*keys of {reader}"):
                bundle.key(name, keys(reader))
        with pytest.raises(FormatError, match="is not a stream"):
            bundle.open("payload", keys("lab"))
        for wrong in (bundle.raw, lambda name: bundle.key(name, keys("ttp"))):
            with pytest.raises(FormatError, match="has no section 'nothing'"):
                wrong("nothing")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "x", entropy=lambda size: bytes(size // (size - 32)))
    assert not list(tmp_path.iterdir())


def test_an_existing_file_or_an_input_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(OutputError, match="exists already"):
        write(tmp_path / "x")
    with pytest.raises(OutputError, match="also the input"):
        write(tmp_path / "x", inputs=[tmp_path / "x"], force=True)


def test_who_sent_it_for_which_agreement_and_until_when(bundle_file: Path) -> None:
    for changes, error, message in (
        ({"sender": keys("ohid").public}, VerificationError, "sender: is not ohid"),
        ({"agreement": "0" * 64}, AgreementError, "belongs to another agreement"),
        ({"now": LATER}, AgreementError, "expired"),
        ({"now": NOW - timedelta(minutes=6)}, AgreementError, "made in the future"),
    ):
        with pytest.raises(error, match=message), verified(bundle_file, **changes):
            pass
    with verified(bundle_file, now=NOW - timedelta(minutes=4)):
        pass


def test_another_kind_is_refused(bundle_file: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="header"), container.opened(bundle_file, "release"):
        pass
    with pytest.raises(FormatError, match="another format"):
        parse_manifest(manifest_of(bundle_file), "release", "here")
    relabelled = tmp_path / "r"
    data = bundle_file.read_bytes()
    relabelled.write_bytes(data.replace(b"blindlink-submission-v1", b"blindlink-release-v1", 1))
    with (
        pytest.raises(FormatError, match="another format"),
        container.opened(relabelled, "release"),
    ):
        pass


def manifest_of(path: Path) -> bytes:
    with container.opened(path, "submission") as sealed:
        return sealed.manifest_bytes


def test_files_that_are_none(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="no such file"),
        container.opened(tmp_path / "x", "release"),
    ):
        pass
    with (
        pytest.raises(FormatError, match="regular"),
        container.opened(Path("/dev/null"), "release"),
    ):
        pass


def swap_keys(document: dict[str, Any]) -> None:
    one, two = document["sections"]
    one["key"], two["key"] = two["key"], one["key"]


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (lambda d: d.update(extra=1), FormatError, "extra: is not known here"),
        (lambda d: d.pop("content"), FormatError, "content: is missing"),
        (lambda d: d.update(bundle="AB" * 16), FormatError, "bundle"),
        (lambda d: d.update(created="2026-13-01T00:00:00Z"), FormatError, "created"),
        (lambda d: d.update(created="2026-11-23 12:00:00Z"), FormatError, "created"),
        (lambda d: d.update(expires=d["created"]), FormatError, "expires before"),
        (lambda d: d["sections"].append(d["sections"][0]), FormatError, "one name"),
        (lambda d: d["sections"].extend(d["sections"] * 9), FormatError, "sections"),
        (lambda d: d["sections"][0].update(size=10), FormatError, "no stream has this size"),
        (lambda d: d["sections"][0].update(size=-1), FormatError, "size"),
        (lambda d: d["sections"][1].update(size=2**48 + 1), FormatError, "size"),
        (lambda d: d["sections"][1].update(size=2**40), FormatError, "size: not what"),
        (lambda d: d["sections"][1].update(size=31), FormatError, "size: not what"),
        (lambda d: d["sections"].pop(), FormatError, "size: not what"),
        (lambda d: d["sections"].reverse(), VerificationError, "digest does not fit"),
        (lambda d: d["sections"][0].update(digest="0" * 64), VerificationError, "digest"),
        (lambda d: d["sections"][0].update(key="AAAA"), FormatError, "1168 bytes"),
        (lambda d: d["sections"][0].update(recipient="moj"), FormatError, "recipient"),
        (lambda d: d.update(sender=keys("ohid").public.fingerprint()), VerificationError, "sender"),
        (lambda d: d.update(agreement="0" * 64), AgreementError, "another agreement"),
        (lambda d: d.update(bundle="0" * 32), VerificationError, "does not open"),
        (swap_keys, VerificationError, "does not open"),
        (lambda d: d["sections"][0].update(name="other"), FormatError, "no section"),
        (lambda d: d["sections"][0].update(cipher="none"), FormatError, "cipher"),
        (lambda d: d["sections"][0].update(cipher="blobs"), FormatError, "is not a stream"),
        (lambda d: d.update(format="blindlink-submission-v2"), FormatError, "another format"),
    ],
)
def test_what_the_sender_may_not_say(
    edit: Any, error: type[BlindlinkError], message: str, bundle_file: Path, tmp_path: Path
) -> None:
    """Faults that the sender itself signed: a signature does not make them right."""
    path = changed(bundle_file, tmp_path, edit)
    with pytest.raises(error, match=message), verified(path) as bundle:
        bundle.open("encodings", keys("ttp")).read()


def test_a_section_does_not_move_to_another_file(bundle_file: Path, tmp_path: Path) -> None:
    """The linker hands the section of one bundle on inside another: the key does not open."""
    write(tmp_path / "b", bundle="cd" * 16, entropy=entropy("other"))
    with container.opened(tmp_path / "b", "submission") as sealed:
        foreign = sealed.manifest.sections[0].model_dump()
    path = changed(bundle_file, tmp_path, lambda d: d["sections"][0].update(key=foreign["key"]))
    with verified(path) as bundle, pytest.raises(VerificationError, match="does not open"):
        bundle.open("encodings", keys("ttp"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: b"", "header"),
        (lambda data: data[:10], "header"),
        (lambda data: data[:24], "manifest: cut off"),
        (lambda data: data[:26], "manifest: cut off"),
        (lambda data: data[:1000], "manifest: cut off"),
        (lambda data: data[:24] + b"\0\0\0\0" + data[28:], "manifest: cut off"),
        (lambda data: data[:24] + b"\xff\xff\xff\xff" + data[28:], "manifest: larger than"),
        (lambda data: data[:24] + b"\0\x10\0\0" + data[28:], "manifest: cut off"),
        (lambda data: data[:-1], "size"),
        (lambda data: data + b"\0", "size"),
        (lambda data: data[:-248], "size"),
        (lambda data: data + data, "size"),
    ],
)
def test_cut_and_padded_files(edit: Any, message: str, bundle_file: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(edit(bundle_file.read_bytes()))
    with pytest.raises(FormatError, match=message), verified(tmp_path / "x"):
        pass


def accepted(data: bytes, places: range, path: Path) -> list[int]:
    """The places where a flipped bit was not noticed."""
    found = []
    for place in places:
        path.write_bytes(data[:place] + bytes((data[place] ^ 0x20,)) + data[place + 1 :])
        try:
            with verified(path):
                found.append(place)
        except BlindlinkError:
            continue
    return found


def test_a_flipped_bit_is_noticed(bundle_file: Path, tmp_path: Path) -> None:
    data = bundle_file.read_bytes()
    assert accepted(data, range(0, len(data), 53), tmp_path / "x") == []


@pytest.mark.slow
def test_every_byte_counts(bundle_file: Path, tmp_path: Path) -> None:
    data = bundle_file.read_bytes()
    assert accepted(data, range(len(data)), tmp_path / "x") == []
