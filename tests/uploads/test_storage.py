"""Both stores do the same: a file is there whole or not at all, and a store that fails is busy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from minio import Minio
from moto.server import ThreadedMotoServer

from rules.files import Files, StorageBusy
from storage.bucket import BucketFiles
from storage.folder import FolderFiles

BUCKET = "binfen-pictures"
ACCESS = {"access_key": "key-of-the-tests", "secret_key": "secret-of-the-tests", "region": "us-east-1"}


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A server of the S3 API on this machine, with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    Minio(f"{host}:{port}", secure=False, **ACCESS).make_bucket(BUCKET)
    yield f"http://{host}:{port}"
    server.stop()


def bucket_at(endpoint: str, **changes: str) -> BucketFiles:
    return BucketFiles(endpoint=endpoint, bucket=BUCKET, **(ACCESS | changes))


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "folder":
        return FolderFiles(tmp_path / "files")
    return bucket_at(request.getfixturevalue("s3_endpoint"))


def test_a_file_is_stored_replaced_and_deleted(files: Files) -> None:
    key = "1/abc-def/display"
    assert (files.get(key), files.exists(key)) == (None, False)
    files.put(key, b"one", "image/jpeg")
    assert (files.get(key), files.exists(key)) == (b"one", True)
    files.put(key, b"another one", "image/jpeg")
    assert files.get(key) == b"another one"
    assert files.get("1/abc-def/thumbnail") is None
    files.delete(key)
    files.delete(key)
    assert (files.get(key), files.exists(key)) == (None, False)


@pytest.mark.parametrize(
    "key", ["../x", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.draft", "", "a\n", "a b", "k" * 256]
)
def test_a_key_leads_nowhere_else(files: Files, key: str) -> None:
    for use in (files.get, files.delete, files.exists, lambda key: files.put(key, b"", "image/jpeg")):
        with pytest.raises(AssertionError):
            use(key)


def test_a_reader_sees_one_of_the_writers_files_whole(files: Files) -> None:
    contents = [bytes([n]) * 200_000 for n in range(4)]
    files.put("1/x", contents[0], "image/jpeg")
    seen = set()
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(files.put, "1/x", content, "image/jpeg") for content in contents]
        seen = set(pool.map(lambda _: files.get("1/x"), range(12)))
        for write in writes:
            write.result()
    assert seen <= set(contents)


def test_a_write_that_fails_leaves_what_was_there_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FolderFiles(tmp_path)
    files.put("1/x", b"before", "image/jpeg")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageBusy):
        files.put("1/x", b"after", "image/jpeg")
    assert files.get("1/x") == b"before"
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["x"]


def test_the_file_and_the_names_that_lead_to_it_are_brought_to_the_disk(tmp_path: Path, monkeypatch) -> None:
    settled, fsync = set(), os.fsync

    def settle(handle: int) -> None:
        settled.add(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", settle)
    FolderFiles(tmp_path).put("1/x/display", b"a picture", "image/jpeg")
    assert settled == {(tmp_path / name).stat().st_ino for name in (".", "1", "1/x", "1/x/display")}


def test_a_folder_that_cannot_be_used_is_busy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    files = FolderFiles(tmp_path / "file")
    for use in (files.get, lambda key: files.put(key, b"", "image/jpeg")):
        with pytest.raises(StorageBusy):
            use("1/x")


def test_the_type_of_a_picture_is_told_to_the_bucket(s3_endpoint: str) -> None:
    bucket_at(s3_endpoint).put("1/typed", b"x", "image/jpeg")
    client = Minio(s3_endpoint.removeprefix("http://"), secure=False, **ACCESS)
    assert client.stat_object(BUCKET, "1/typed").content_type == "image/jpeg"


def test_a_bucket_that_is_not_there_is_busy_and_no_key_is_logged(s3_endpoint: str, caplog) -> None:
    files = BucketFiles(endpoint=s3_endpoint, bucket="no-such-bucket", **ACCESS)
    for use in (files.get, files.delete, lambda key: files.put(key, b"", "image/jpeg")):
        with pytest.raises(StorageBusy):
            use("1/secret-key")
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("storage"))
    assert "NoSuchBucket" in said
    assert "secret-key" not in said


def test_a_store_that_nobody_serves_is_busy() -> None:
    files = bucket_at("http://127.0.0.1:9")
    uses: list[Callable[[str], object]] = [files.get, files.exists, files.delete]
    for use in uses:
        with pytest.raises(StorageBusy):
            use("1/x")


def test_threads_share_one_store(files: Files) -> None:
    barrier = threading.Barrier(8)

    def work(n: int) -> bytes | None:
        barrier.wait()
        files.put(f"2/{n}", str(n).encode(), "image/jpeg")
        return files.get(f"2/{n}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [str(n).encode() for n in range(8)]
