"""A copy of the embedded database, made while it is in use.

SQLite's own backup copies the database as of one moment: every transaction that had been committed by then is in it, and of
no transaction a half. Writers go on meanwhile. Copying the file with `cp` gives neither, since what was written last lies in
the log beside it. A copy is named as asked only once it is whole, proved and on the disk.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


class BackupFailed(Exception):
    """No copy was made. The message says why, to the person who asked for it."""


def copy_database(source: Path, target: Path) -> int:
    """Copy the database in a file to another file, that isn't there yet, in bytes. Raises BackupFailed."""
    if target.exists():
        raise BackupFailed(f"{target} is there already, and no backup is written over another")
    draft = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(handle)  # readable by its owner only: it is as secret as the original
        draft = Path(name)
        _copy(source, draft)
        _prove(draft)
        with draft.open("rb") as copied:
            os.fsync(copied.fileno())
        draft.rename(target)
        _flush_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise BackupFailed(f"{source} could not be copied to {target}: {error}") from None
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as opened,
        closing(sqlite3.connect(target)) as copy,
    ):
        opened.backup(copy)  # all pages in one step: as of one moment, whatever is written meanwhile
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _prove(copied: Path) -> None:
    with closing(sqlite3.connect(copied)) as copy:
        found = [row for (row,) in copy.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise sqlite3.DatabaseError(f"the copy is damaged, as the original may be: {found[0]}")


def _flush_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
