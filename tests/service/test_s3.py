"""Storage on S3: moto's server on this machine, spoken to by s3fs as in production."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from blindlink.service.data.storage import BLOCK, Storage
from blindlink.service.jobs import maintenance
from worlds import flow
from worlds import service as world
from worlds.opened import contents
from worlds.service import Served

BUCKET = "linkage"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an empty bucket, under a prefix."""
    import s3fs

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir(BUCKET)
        yield f"s3://{BUCKET}/service"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def storage(bucket: str, request: pytest.FixtureRequest) -> Storage:
    return Storage(f"{bucket}/{request.node.name}")


def uploads_under_way() -> list[object]:
    """Multipart uploads that somebody would pay for, and that no listing shows."""
    import boto3

    found = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    return list(found.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


def test_objects(storage: Storage, tmp_path: Path) -> None:
    """Larger than a part of a multipart upload, read back whole, in ranges and as a file."""
    key, data = storage.new(7, "submissions"), os.urandom(7 * BLOCK + 5)
    (tmp_path / "file").write_bytes(data)
    storage.put(tmp_path / "file", key)
    assert b"".join(storage.read(key)) == data
    assert b"".join(storage.read(key, BLOCK + 1, BLOCK)) == data[BLOCK + 1 : 2 * BLOCK + 1]
    with storage.local(key, tmp_path) as path:
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert storage.size(key) == len(data)
    ((found, age, size),) = storage.listing()
    assert (found, size) == (key, len(data))
    assert -5 < age < 60
    storage.erase([key, key])
    assert list(storage.listing()) == []
    storage.check()
    assert list(storage.listing()) == []


def broken_off(storage: Storage, blocks: int) -> None:
    with storage.write(storage.new(7, "parts")) as out:
        for _ in range(blocks):
            out.write(bytes(BLOCK))
        raise KeyError


def test_a_failed_write_leaves_nothing(storage: Storage) -> None:
    """Neither an object nor the parts of one, however far it came."""
    for blocks in (1, 12):
        with pytest.raises(KeyError):
            broken_off(storage, blocks)
    assert list(storage.listing()) == []
    assert uploads_under_way() == []


def test_destroying_finds_what_other_processes_wrote(storage: Storage, bucket: str) -> None:
    """Listings are never remembered: another process writes between two of them."""
    import s3fs

    assert list(storage.listing()) == []
    other = s3fs.S3FileSystem(skip_instance_cache=True)
    key = storage.new(3, "releases")
    other.pipe_file(f"{storage._root}/{key}", b"x")
    kept = storage.new(4, "releases")
    other.pipe_file(f"{storage._root}/{kept}", b"x")
    storage.erase_project(3)
    assert [found for found, _, _ in storage.listing()] == [kept]
    storage.erase_project(3)


def test_a_server_that_is_away_is_an_error_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for a folder: what waits for it is tried again, and clients are told 503."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{world.free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    storage, key = Storage("s3://nowhere/x"), Storage.new(1, "parts")
    with pytest.raises(OSError, match="storage failed"), storage.write(key) as out:
        out.write(b"x")
    with pytest.raises(OSError, match="storage failed"):
        list(storage.read(key))
    with pytest.raises(OSError, match="storage failed"):
        list(storage.listing())
    with pytest.raises(OSError, match="storage failed"):
        storage.check()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def served(submitted: flow.World, bucket: str) -> Iterator[Served]:
    settings = {"storage_url": f"{bucket}/study-{time.monotonic_ns()}"}
    with world.served(submitted, settings=settings) as found:
        found.open()
        yield found


def test_the_whole_study(served: Served) -> None:
    """The release is that of linking the files; destruction leaves nothing in the bucket."""
    for owner in served.world.owners:
        assert served.submit(owner)["state"] == "accepted"
    assert served.run()["state"] == "released"
    served.client("analyst").download(served.folder / "study.release")
    by_service = contents(served.world, "study.release")
    served.world.link(out="by-files.release")
    assert by_service == contents(served.world, "by-files.release")
    assert len(list(served.service.storage.listing())) == 3
    assert maintenance.put_aside_orphans(served.service) == 0
    served.client("operator").destroy()
    world.eventually(lambda: not list(served.service.storage.listing()))
