"""Changing the keys of a running deployment, so that nobody is signed out and nothing becomes unreadable.

A keys file is read when a process starts, and processes start one after the other. So a new key is known everywhere before
it is used anywhere, and the old one is known until nothing needs it:

1. `prepare` puts a new key at the end. Reload every server: now all of them verify and decrypt with it.
2. `promote` puts it in front. Reload: now it signs and encrypts. What the old one made still counts.
3. For data keys, `rules.resealing` encrypts anew what is encrypted with another one.
4. `retire` drops all but the first, once nothing needs them (`commands.admin.keys` asks). Reload.

What needs an old key, and for how long: an access token for its quarter of an hour; a resident's code for minutes, a door's
code for its session, a printed card until there is another one; encrypted values until they are encrypted anew. A seal is
proved by the public half of the key that signed it, which stays in the file as `retired_codes`.

Of two who change the file at once the second is refused: what they looked at isn't there any more (`write`).

The file says in `waiting` of which kinds the last key isn't used yet, and in `changed` since when the first one has been.

`index` can't be changed: whoever signs in is found by it, and only they could give what it hashes.
"""

from __future__ import annotations

import base64
import fcntl
import os
import tempfile
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from rules.keys import CodeKey, make_name, make_secret, read


class KeyKind(StrEnum):
    """What a key is for, by its name in the keys file."""

    TOKEN = "token"  # noqa: S105  a word
    CODES = "codes"
    DATA = "data"


class RotationRefused(ValueError):
    """The step isn't the next one. The message says what is."""


def prepare(document: str, kind: KeyKind) -> str:
    """The document with a new key at the end, which is known and not used. Raises RotationRefused where one waits."""
    entries = _read(document)
    if is_waiting(document, kind):
        raise RotationRefused(f"a new {kind} key waits already: reload every server, then promote it")
    entries["waiting"] = [*entries.get("waiting", []), kind.value]
    return _written(entries, kind, [*_keys_of(entries, kind), (make_name(), make_secret())])


def promote(document: str, kind: KeyKind, now: datetime) -> str:
    """The document with the waiting key in front. Raises RotationRefused where none waits."""
    entries = _read(document)
    if not is_waiting(document, kind):
        raise RotationRefused(f"no new {kind} key waits: prepare one and reload every server first")
    entries["waiting"] = [each for each in entries["waiting"] if each != kind]
    entries["changed"] = {**entries.get("changed", {}), kind.value: now.isoformat()}
    keys = _keys_of(entries, kind)
    return _written(entries, kind, [keys[-1], *keys[:-1]])


def retire(document: str, kind: KeyKind) -> str:
    """The document without the old keys. Raises RotationRefused where there are none."""
    entries = _read(document)
    first, *others = _keys_of(entries, kind)
    waiting = [others.pop()] if is_waiting(document, kind) else []
    if not others:
        raise RotationRefused(f"there is no old {kind} key")
    if kind is KeyKind.CODES:
        retired = [_public_half(secret) for _, secret in others]
        entries["retired_codes"] = [*entries.get("retired_codes", []), *retired]
    return _written(entries, kind, [first, *waiting])


def is_waiting(document: str, kind: KeyKind) -> bool:
    """Whether the last key of a kind is known and not used yet."""
    return kind.value in _read(document).get("waiting", [])


def count_old(document: str, kind: KeyKind) -> int:
    """How many keys of a kind were the first once."""
    return len(_keys_of(_read(document), kind)) - 1 - int(is_waiting(document, kind))


def write(path: Path, document: str, *, before: str) -> None:
    """Put a document in the place of a keys file: whole or not at all, for its owner's eyes only, and on the disk.

    `before`: what the document was made from. Raises RotationRefused where the file holds something else by now, so that
    no key is dropped that somebody added meanwhile; where it holds the document already, nothing is left to do.
    """
    read(document)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = path.read_text()
        if found not in (before, document):
            raise RotationRefused("the keys file was changed meanwhile: look at it, and begin this step anew")
        if found == before:
            _replace(path, document)
            os.fsync(folder)
    finally:
        os.close(folder)


def _replace(path: Path, document: str) -> None:
    owner = path.stat()
    handle, draft = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(handle, "w") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:  # who rotates as root leaves the file to whom it belonged
            os.chown(draft, owner.st_uid, owner.st_gid)
            Path(draft).chmod(owner.st_mode & 0o777)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _read(document: str) -> dict[str, Any]:
    read(document)  # raises KeysUnreadable
    entries: dict[str, Any] = orjson.loads(document)
    return entries


def _keys_of(entries: dict[str, Any], kind: KeyKind) -> list[tuple[str, str]]:
    """The keys of a kind with their names, which only those for data have, the first one first."""
    found = entries[kind.value]
    if isinstance(found, dict):
        return list(found.items())
    return [("", secret) for secret in (found if isinstance(found, list) else [found])]


def _written(entries: dict[str, Any], kind: KeyKind, keys: list[tuple[str, str]]) -> str:
    secrets = [secret for _, secret in keys]
    entries[kind.value] = dict(keys) if kind is KeyKind.DATA else secrets
    document = orjson.dumps(entries, option=orjson.OPT_INDENT_2).decode() + "\n"
    read(document)
    return document


def _public_half(seed: str) -> str:
    public = CodeKey.from_seed(base64.b64decode(seed)).public
    return base64.b64encode(public.public_bytes_raw()).decode()
