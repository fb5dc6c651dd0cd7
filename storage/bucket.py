"""Files in a bucket of a store that speaks S3: Tencent Cloud COS, Alibaba Cloud OSS, MinIO, Ceph.

The store is asked for one object at a time and never lists. The bucket is to be private; who sees a file is decided by the
links that the service gives out.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from rules.files import StorageBusy, is_key

MISSING = ("NoSuchKey", "NoSuchObject")
#: Two tries of at most 2 and 8 seconds.
TIMEOUT = urllib3.Timeout(connect=2, read=8)
RETRIES = urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504))
CONNECTIONS = 8

log = logging.getLogger(__name__)


class BucketFiles:
    """A store in a bucket, which must be there. Safe for threads; make it after the fork."""

    def __init__(self, *, endpoint: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        """`endpoint`: https://… or http://… without a path."""
        parts = urlsplit(endpoint)
        is_secure = parts.scheme == "https"
        pool = urllib3.PoolManager(
            timeout=TIMEOUT,
            retries=RETRIES,
            maxsize=CONNECTIONS,
            cert_reqs="CERT_REQUIRED" if is_secure else "CERT_NONE",
            ca_certs=certifi.where() if is_secure else None,
        )
        self._bucket = bucket
        # With a region the library doesn't ask the store where the bucket is.
        self._client = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=is_secure,
            region=region,
            http_client=pool,
        )

    def put(self, key: str, content: bytes, media_type: str) -> None:
        """Store a file. Raises StorageBusy."""
        with _busy_when_failing("put"):
            self._client.put_object(
                self._bucket, _checked(key), io.BytesIO(content), len(content), content_type=media_type
            )

    def get(self, key: str) -> bytes | None:
        """A file's content; None where there is no such file. Raises StorageBusy."""
        with _busy_when_failing("get"):
            try:
                answer = self._client.get_object(self._bucket, _checked(key))
            except S3Error as error:
                if error.code in MISSING:
                    return None
                raise
            try:
                return answer.read()
            finally:
                answer.close()
                answer.release_conn()

    def delete(self, key: str) -> None:
        """Delete a file, if it is there. Raises StorageBusy."""
        with _busy_when_failing("delete"):
            self._client.remove_object(self._bucket, _checked(key))

    def exists(self, key: str) -> bool:
        """Whether there is such a file. Raises StorageBusy."""
        with _busy_when_failing("exists"):
            try:
                self._client.stat_object(self._bucket, _checked(key))
            except S3Error as error:
                if error.code in MISSING:
                    return False
                raise
            return True


def _checked(key: str) -> str:
    assert is_key(key), "keys are our own"
    return key


@contextlib.contextmanager
def _busy_when_failing(doing: str) -> Iterator[None]:
    """A store that can't be reached, or refuses us, is told as busy; only its code is logged, no key and no address."""
    try:
        yield
    except S3Error as error:
        log.error("storage %s answered %s", doing, error.code)
        raise StorageBusy from None
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        log.error("storage %s failed: %s", doing, type(error).__name__)
        raise StorageBusy from None
