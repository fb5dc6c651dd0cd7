"""Files in a folder of this machine: for one machine, or for a folder that several of them mount.

A file is written beside its place, brought to the disk and renamed, so a reader or a crash finds it whole or not at all.
When `put` returns, the file's name is on the disk as well, so no row speaks of a file that a power cut took away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rules.files import StorageBusy, is_key

log = logging.getLogger(__name__)


class FolderFiles:
    """A store in a folder, which is made when the first file comes. Safe for threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes, media_type: str) -> None:  # noqa: ARG002  a folder keeps no types
        """Store a file. Raises StorageBusy."""
        path = self._path(key)
        with _busy_when_failing("put"):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(draft).replace(path)
                self._keep_names(path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise

    def get(self, key: str) -> bytes | None:
        """A file's content; None where there is no such file. Raises StorageBusy."""
        with _busy_when_failing("get"):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def delete(self, key: str) -> None:
        """Delete a file, if it is there, and the folder that is empty then. Raises StorageBusy."""
        path = self._path(key)
        with _busy_when_failing("delete"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()

    def exists(self, key: str) -> bool:
        """Whether there is such a file. Raises StorageBusy."""
        with _busy_when_failing("exists"):
            return self._path(key).is_file()

    def _keep_names(self, path: Path) -> None:
        """Bring to the disk what the folders above a file say of it."""
        for folder in path.parents:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            if folder == self._folder:
                return

    def _path(self, key: str) -> Path:
        assert is_key(key), "keys are our own"
        return self._folder / key


@contextlib.contextmanager
def _busy_when_failing(doing: str) -> Iterator[None]:
    """A full or missing disk is told as busy; paths stay out of the log."""
    try:
        yield
    except OSError as error:
        log.error("storage %s failed: %s %s", doing, type(error).__name__, error.errno)
        raise StorageBusy from None
