"""The store that the settings want."""

from __future__ import annotations

from rules.files import Files
from settings import Settings, StorageMode
from storage.bucket import BucketFiles
from storage.folder import FolderFiles

FOLDER = "uploads"  #: in INSTANCE_DIR


def make_files(settings: Settings) -> Files:
    """A store for one process. Make it after the fork."""
    if settings.storage is StorageMode.LOCAL:
        return FolderFiles(settings.instance_dir / FOLDER)
    return BucketFiles(
        endpoint=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        region=settings.s3_region,
    )
