"""What a store of files does, for rules and jobs that work with one. Never within a transaction: a store may be slow."""

from __future__ import annotations

import re
from typing import Protocol

from rules.errors import Kind, RuleError

#: Folders and a name, of letters, digits, dots, dashes and underscores; no part begins with a dot.
is_key = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*").fullmatch


class StorageBusy(RuleError):
    code = "storage.busy"
    kind = Kind.BUSY
    zh = "文件存储暂时不可用，请稍后再试。"
    en = "The file storage can't be reached at the moment. Please try again in a moment."


class Files(Protocol):
    """A store of files by key. A file is there whole or not at all; storing over a file replaces it."""

    def put(self, key: str, content: bytes, media_type: str) -> None:
        """Store a file. Raises StorageBusy."""

    def get(self, key: str) -> bytes | None:
        """A file's content; None where there is no such file. Raises StorageBusy."""

    def delete(self, key: str) -> None:
        """Delete a file, if it is there. Raises StorageBusy."""

    def exists(self, key: str) -> bool:
        """Whether there is such a file. Raises StorageBusy."""
