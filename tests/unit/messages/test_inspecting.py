"""Every kind of file is told from every other, and no secret is shown."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blindlink.errors import FormatError, InputError
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.secret import seal_secret
from blindlink.messages.audit.log import AuditLog
from blindlink.messages.audit.proofs import prove_consistency
from blindlink.messages.container import reader as container
from blindlink.messages.encodings import Encodings, read_encodings, write_encodings
from blindlink.messages.inspecting import describe
from worlds.parties import LATER, NOW, PASSPHRASE, SCHEMA, entropy, keys, secret, signed


def test_keys(tmp_path: Path) -> None:
    secret().save(tmp_path / "k")
    found = describe(tmp_path / "k")
    assert found["format"] == "blindlink-linkage-key-v1"
    assert secret().check_value() not in str(found)
    keys("moj").save(tmp_path / "p", PASSPHRASE, entropy=entropy("inspect"))
    found = describe(tmp_path / "p")
    assert (found["format"], found["name"]) == ("blindlink-party-keys-v1", "moj")
    keys("moj").public.save(tmp_path / "q")
    assert describe(tmp_path / "q")["fingerprint"] == keys("moj").public.fingerprint()
    (tmp_path / "p").chmod(0o644)
    with pytest.raises(FormatError, match="other users can read"):
        describe(tmp_path / "p")


def test_agreement_and_secret(tmp_path: Path) -> None:
    signed().save(tmp_path / "a")
    found = describe(tmp_path / "a")
    assert found["digest"] == signed().digest()
    assert found["signed_by"] == ["moj", "ohid", "ttp", "lab"]
    seal_secret(secret(), Acting(signed(), keys("moj"), NOW), to=keys("ohid").public).save(
        tmp_path / "s"
    )
    found = describe(tmp_path / "s")
    assert found["format"] == "blindlink-secret-v1"
    assert "sealed" not in found


def test_container_and_log(tmp_path: Path) -> None:
    with container.create(
        tmp_path / "c",
        "submission",
        sender=keys("moj"),
        agreement=signed().digest(),
        bundle="ab" * 16,
        now=NOW,
        expires=LATER,
    ) as draft:
        with draft.section("encodings", keys("ttp").public) as out:
            out.write(b"12345")
        draft.content = {"rows": 1}
    found = describe(tmp_path / "c")
    assert (found["format"], found["content"]) == ("blindlink-submission-v1", {"rows": 1})
    assert [section["name"] for section in found["sections"]] == ["encodings"]
    assert "key" not in found["sections"][0]
    log = AuditLog.create(tmp_path / "l", "ab" * 16)
    log.append("event", {}, now=NOW)
    assert (describe(tmp_path / "l")["size"], describe(tmp_path / "l")["log"]) == (1, "ab" * 16)
    log.head(keys("ttp"), now=NOW).save(tmp_path / "h")
    assert describe(tmp_path / "h")["size"] == 1


def test_schema_and_encodings(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(json.dumps(SCHEMA))
    assert describe(tmp_path / "s")["bits"] == [1024]
    (tmp_path / "s").write_text('{"clkConfig": {}}')
    with pytest.raises(FormatError):
        describe(tmp_path / "s")
    filters = np.zeros((3, 8), np.uint8)
    rows = np.arange(3, dtype=np.int64)
    write_encodings(
        Encodings((filters,), (64,), rows, None, (), "f" * 64, "a" * 16, "blindlink"),
        tmp_path / "e.parquet",
    )
    found = describe(tmp_path / "e.parquet")
    assert (found["rows"], found["bits"], found["key_check"]) == (3, "64", "a" * 16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n",
        b"PAR1",
        b"{",
        b"{}",
        b'{"document": 5}',
        b'{"format": "other"}',
        b"blindlink-submission-v1\n",
        b"blindlink-party-keys-v1\nx\n",
        b"blindlink-audit-log-v1 zz\n",
        b"\xff\xfe\x00",
        b"blindlink-\xff-v1\n",
        b"blindlink-\xc3\xa9-v1\n",
        b'{"columns": ["a", 1]}',
        b"[" * 100,
        b"{" + b'"a":[' * 100_000,
    ],
)
def test_what_is_not_ours_is_said_to_be_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").touch(mode=0o600)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError):
        describe(tmp_path / "x")


def test_a_list_of_columns(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"columns": ["surname", "sex"]}')
    assert describe(tmp_path / "x")["columns"] == ["surname", "sex"]


def test_another_parquet_file(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pa.parquet.write_table(pa.table({"a": [1]}), tmp_path / "x")
    with pytest.raises(FormatError, match="not a file of blindlink"):
        describe(tmp_path / "x")


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        describe(tmp_path / "x")


def test_proofs_and_reports(tmp_path: Path) -> None:
    log = AuditLog.create(tmp_path / "log", "0f" * 16)
    for number in range(3):
        log.append("event", {"number": number}, now=NOW)
    head = log.head(keys("ttp"), now=NOW)
    prove_consistency(log, 2, head, keys("ttp").public, "h").save(tmp_path / "p")
    found = describe(tmp_path / "p")
    assert found["what"].startswith("audit consistency: as the file says")
    assert (found["size"], found["head"]["size"]) == (2, 3)
    (tmp_path / "r").write_text('{"format": "blindlink-risk-report-v2", "light": "green"}')
    assert describe(tmp_path / "r")["light"] == "green"
    (tmp_path / "r").write_text('{"format": "blindlink-audit-x-v1", "head": []}')
    assert "head" not in describe(tmp_path / "r")
    (tmp_path / "r").write_text('{"format": "other"}')
    with pytest.raises(FormatError, match="not a file of blindlink"):
        describe(tmp_path / "r")


def test_names_in_a_parquet_file_that_are_no_text(tmp_path: Path) -> None:
    """Found by fuzzing: a traceback in 'inspect', from one byte of a name in the metadata."""
    known = {"blindlink.format": "blindlink-encodings-1", b"blindlink.\xa4": "x"}
    table = pa.table({"row": [1]}).replace_schema_metadata(known)
    pq.write_table(table, tmp_path / "a.parquet")
    with suppress(FormatError):
        describe(tmp_path / "a.parquet")
    with pytest.raises(FormatError):
        read_encodings(tmp_path / "a.parquet")
