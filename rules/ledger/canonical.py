"""The canonical form of what is sealed: the bytes of a transaction, of a seal, and what stands in for a person.

A field is one byte that says its type, four bytes of length (most significant first) and its content, so no two different
records have the same bytes and NULL differs from an empty text. The fields and their order are the tables below; a new
order needs a new format name. `docs/seals.md` says the same for those who write a verifier of their own.

No resident's id and no free text enters. A resident, and a resident's account or lot, enters as a mark: SHA-256 over the
resident's salt and the id. A text enters as a hash, salted by the transaction's id and the salts of the residents that it
is about. Who has deleted a salt can't tell any more whose mark it was, nor try out what a text may have said.

Everything is made from a record as the export holds it, so a verifier needs nothing else. This module imports nothing of
ours, and raises RecordInvalid for whatever isn't exactly as it should be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias

import orjson

EXPORT_FORMAT = "binfen-export-1"
TXN_FORMAT = "binfen-txn-1"
SEAL_FORMAT = "binfen-seal-1"
#: Stands before a seal's bytes when they are signed, so that no other signature of the key can be taken for a seal's.
SIGNATURE_PREFIX = b"binfen seal signature\0"
FIRST_PREVIOUS_HASH = bytes(32)
NUMBER_MIN, NUMBER_MAX = -(2**63), 2**63 - 1

Record: TypeAlias = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ID = re.compile("[1-9][0-9]{0,18}")
_HASH = re.compile("[0-9a-f]{64}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class RecordInvalid(ValueError):
    """A record isn't as it should be. The message names the field, never its value."""


class Kind(Enum):
    """What a field holds in JSON; the value is its type's byte in the canonical form."""

    NUMBER = b"i"  #: a JSON integer; decimal
    ID = b"k"  #: a JSON string of a decimal number; the same digits
    MOMENT = b"t"  #: a JSON integer, microseconds since 1970-01-01T00:00:00Z; decimal
    DAY = b"d"  #: a JSON string, ISO 8601; the same
    WORD = b"s"  #: a JSON string; UTF-8
    HASH = b"h"  #: a JSON string of 64 hexadecimal digits in lower case; the 32 bytes
    DOCUMENT = b"j"  #: any JSON value; JSON with sorted keys and no white space, UTF-8


NULL = b"n"

#: Name, kind, and whether it may be null.
Field: TypeAlias = tuple[str, Kind, bool]

TXN_FIELDS: tuple[Field, ...] = (
    ("town_id", Kind.ID, False),
    ("id", Kind.ID, False),
    ("book_id", Kind.ID, False),
    ("kind", Kind.WORD, False),
    ("idempotency_key_hash", Kind.HASH, False),
    ("request_hash", Kind.HASH, False),
    ("event_id", Kind.ID, True),
    ("event_subject_mark", Kind.HASH, True),
    ("event_hash", Kind.HASH, True),
    ("rulebook_version_id", Kind.ID, True),
    ("rule_id", Kind.WORD, True),
    ("usages", Kind.DOCUMENT, True),
    ("reverses_txn_id", Kind.ID, True),
    ("hold_txn_id", Kind.ID, True),
    ("actor_id", Kind.ID, True),  # a member of staff
    ("actor_mark", Kind.HASH, True),  # a resident
    ("community_id", Kind.ID, True),
    ("operator_id", Kind.ID, True),
    ("scene", Kind.WORD, True),
    ("reason_hash", Kind.HASH, False),
    ("explanation_hash", Kind.HASH, False),
    ("effective_at", Kind.MOMENT, False),
    ("recorded_at", Kind.MOMENT, False),
)
#: An account or a lot has its id, or its mark if it is a resident's.
POSTING_FIELDS: tuple[Field, ...] = (
    ("n", Kind.NUMBER, False),
    ("amount", Kind.NUMBER, False),
    ("src_account_kind", Kind.WORD, False),
    ("src_account_id", Kind.ID, True),
    ("src_account_mark", Kind.HASH, True),
    ("src_credited", Kind.NUMBER, False),
    ("src_debited_after", Kind.NUMBER, False),
    ("src_lot_id", Kind.ID, True),
    ("src_lot_mark", Kind.HASH, True),
    ("src_lot_expires_on", Kind.DAY, True),
    ("src_lot_scope", Kind.WORD, True),
    ("src_lot_issuer_id", Kind.ID, True),
    ("src_lot_debited_after", Kind.NUMBER, True),
    ("dst_account_kind", Kind.WORD, False),
    ("dst_account_id", Kind.ID, True),
    ("dst_account_mark", Kind.HASH, True),
    ("dst_debited", Kind.NUMBER, False),
    ("dst_credited_after", Kind.NUMBER, False),
    ("dst_lot_id", Kind.ID, True),
    ("dst_lot_mark", Kind.HASH, True),
    ("dst_lot_expires_on", Kind.DAY, True),
    ("dst_lot_scope", Kind.WORD, True),
    ("dst_lot_issuer_id", Kind.ID, True),
    ("dst_lot_credited_after", Kind.NUMBER, True),
    ("recorded_at", Kind.MOMENT, False),
)
SEAL_FIELDS: tuple[Field, ...] = (
    ("town_code", Kind.WORD, False),
    ("town_id", Kind.ID, False),
    ("seq", Kind.NUMBER, False),
    ("day", Kind.DAY, False),
    ("txn_count", Kind.NUMBER, False),
    ("posting_count", Kind.NUMBER, False),
    ("amount_total", Kind.NUMBER, False),
    ("root", Kind.HASH, False),
    ("previous_hash", Kind.HASH, False),
    ("key_id", Kind.WORD, False),
    ("sealed_at", Kind.MOMENT, False),
)
_POSTING_NAMES = frozenset(name for name, _, _ in POSTING_FIELDS)
#: With the members of an export's lines that are not part of the bytes: what the line is; a withheld transaction's leaf.
_TXN_NAMES = frozenset(name for name, _, _ in TXN_FIELDS) | {"type", "postings", "leaf_hash"}
_SEAL_NAMES = frozenset(name for name, _, _ in SEAL_FIELDS) | {"type", "hash", "signature"}


def txn_bytes(record: Record) -> bytes:
    """A transaction with its postings, as the export holds it: the content of its leaf. Raises RecordInvalid."""
    postings = record.get("postings")
    if not isinstance(postings, list):
        raise RecordInvalid("`postings` is not a list")
    _check_members(record, _TXN_NAMES)
    parts = [_field(Kind.WORD.value, TXN_FORMAT.encode()), *_encode(record, _TXN_PLAN)]
    parts.append(_field(Kind.NUMBER.value, str(len(postings)).encode()))
    for posting in postings:
        if not isinstance(posting, dict):
            raise RecordInvalid("a posting is not an object")
        _check_members(posting, _POSTING_NAMES)
        parts += _encode(posting, _POSTING_PLAN)
    return b"".join(parts)


def seal_bytes(record: Record) -> bytes:
    """A seal's header: what is hashed for the next seal and, after SIGNATURE_PREFIX, signed. Raises RecordInvalid."""
    _check_members(record, _SEAL_NAMES)
    return b"".join([_field(Kind.WORD.value, SEAL_FORMAT.encode()), *_encode(record, _SEAL_PLAN)])


def mark(salt: bytes, of: str, id_: int) -> str:
    """What stands for a resident, or for a resident's account or lot. `of`: "resident", "account" or "lot"."""
    return hashlib.sha256(b"%b%b:%d" % (salt, of.encode(), id_)).hexdigest()


def text_salt(txn_id: int, resident_salts: Iterable[bytes]) -> bytes:
    """The salt of a transaction's texts. `resident_salts`: of the residents it is about, in the order of their ids.

    Empty when it is about none: then there is nobody to protect, and the hash can be checked by everyone.
    """
    salts = b"".join(resident_salts)
    return hashlib.sha256(b"text:%d:%b" % (txn_id, salts)).digest() if salts else b""


def text_hash(salt: bytes, name: str, content: bytes) -> str:
    """What stands for a text. `name`: of the field that holds it."""
    return hashlib.sha256(salt + name.encode() + b":" + content).hexdigest()


def document_bytes(value: Any) -> bytes:
    """A JSON value with sorted keys and without white space."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def microseconds(moment: datetime) -> int:
    """A moment in microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def _check_members(record: Record, known: frozenset[str]) -> None:
    """Refuse members that would be shown without being sealed."""
    if not record.keys() <= known:
        raise RecordInvalid("a member is not known")


def _encode(record: Record, plan: tuple[_Step, ...]) -> list[bytes]:
    parts = []
    for name, type_, content_of, may_be_null in plan:
        try:
            value = record[name]
        except KeyError:
            raise RecordInvalid(f"`{name}` is missing") from None
        if value is None and may_be_null:
            parts.append(_NULL_FIELD)
            continue
        content = content_of(value)
        if content is None:
            raise RecordInvalid(f"`{name}` is not a {Kind(type_).name.lower()}")
        parts.append(type_ + len(content).to_bytes(4, "big") + content)
    return parts


def _field(type_: bytes, content: bytes) -> bytes:
    return type_ + len(content).to_bytes(4, "big") + content


def _number(value: Any) -> bytes | None:
    return b"%d" % value if type(value) is int and NUMBER_MIN <= value <= NUMBER_MAX else None


def _id(value: Any) -> bytes | None:
    if isinstance(value, str) and _ID.fullmatch(value) and int(value) <= NUMBER_MAX:
        return value.encode()
    return None


def _day(value: Any) -> bytes | None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return value.encode() if _DAY.fullmatch(value) else None


def _word(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else None


def _hash(value: Any) -> bytes | None:
    return bytes.fromhex(value) if isinstance(value, str) and _HASH.fullmatch(value) else None


_CONTENT: dict[Kind, Callable[[Any], bytes | None]] = {
    Kind.NUMBER: _number,
    Kind.ID: _id,
    Kind.MOMENT: _number,
    Kind.DAY: _day,
    Kind.WORD: _word,
    Kind.HASH: _hash,
    Kind.DOCUMENT: document_bytes,
}

#: A field's name, its type's byte, what makes its content (None: not of this type), and whether it may be null.
_Step: TypeAlias = tuple[str, bytes, Callable[[Any], bytes | None], bool]


def _plan(fields: tuple[Field, ...]) -> tuple[_Step, ...]:
    return tuple((name, kind.value, _CONTENT[kind], may_be_null) for name, kind, may_be_null in fields)


_NULL_FIELD = _field(NULL, b"")
_TXN_PLAN, _POSTING_PLAN, _SEAL_PLAN = _plan(TXN_FIELDS), _plan(POSTING_FIELDS), _plan(SEAL_FIELDS)
