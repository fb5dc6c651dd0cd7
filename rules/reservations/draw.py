"""A lottery that anybody can replay, with nothing but Python.

    python3 -m rules.reservations.draw published.json [commitment]

Before anybody applies, the SHA-256 of a secret seed is published (`commitment`). When the places are given out, the seed,
the tickets and the result are published as one JSON document:

    {"commitment": "…", "seed": "…", "capacity": 2,
     "entries": [{"ticket": "7", "priority": 0, "party_size": 1}, …],
     "winners": ["7", …], "waiting": ["9", …]}

`commitment` and `seed` are hexadecimal. A ticket is a text that stands in the list once, `priority` a whole number from 0
on, `party_size` one from 1 on.

The list is the entries sorted by ticket (by code point), written as JSON in ASCII, without spaces, each with the keys
`ticket`, `priority`, `party_size` in this order. A ticket's lot is SHA-256(seed ‖ SHA-256(list) ‖ ticket), all in bytes.
The order is by priority (0 first), then by lot. Places go down that order; a party that doesn't fit what is left is passed
over, so a smaller one further down may fit. The rest waits in the same order.

Here the seed is held to the commitment, and the result is worked out anew and held to the published one, if it is there.
The answer of `GET /sessions/{id}/draw`, saved as it is, is read as well. Exit code 0: right; 1: wrong; 2: nothing to check.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SEED_BYTES_MIN = 16
USAGE = "python3 -m rules.reservations.draw published.json [commitment]"


class Entry(NamedTuple):
    """A wish that takes part."""

    ticket: str  #: names it; its owner knows it
    priority: int  #: 0 comes first
    party_size: int


class Malformed(ValueError):
    """The document isn't one of a draw."""


def commitment_of(seed: bytes) -> bytes:
    """What is published of a seed before the draw."""
    return hashlib.sha256(seed).digest()


def order_of(seed: bytes, entries: Iterable[Entry]) -> list[Entry]:
    """All entries in the order of the draw. In which order they are given doesn't matter."""
    listed = sorted(entries, key=lambda entry: entry.ticket)
    list_hash = hashlib.sha256(canonical(listed)).digest()

    def place(entry: Entry) -> tuple[int, bytes]:
        return entry.priority, hashlib.sha256(seed + list_hash + entry.ticket.encode()).digest()

    return sorted(listed, key=place)


def share_out(order: Sequence[Entry], capacity: int) -> tuple[list[str], list[str]]:
    """The tickets that get places, and those that wait, both in order."""
    winners, waiting = [], []
    for entry in order:
        if entry.party_size <= capacity:
            capacity -= entry.party_size
            winners.append(entry.ticket)
        else:
            waiting.append(entry.ticket)
    return winners, waiting


def publish(seed: bytes, entries: Iterable[Entry], capacity: int) -> dict[str, Any]:
    """The document that lets anybody replay the draw."""
    listed = sorted(entries, key=lambda entry: entry.ticket)
    winners, waiting = share_out(order_of(seed, listed), capacity)
    return {
        "commitment": commitment_of(seed).hex(),
        "seed": seed.hex(),
        "capacity": capacity,
        "entries": [entry._asdict() for entry in listed],
        "winners": winners,
        "waiting": waiting,
    }


def canonical(listed: Sequence[Entry]) -> bytes:
    """The list as it is hashed; `listed` is sorted by ticket."""
    rows = [{"ticket": entry.ticket, "priority": entry.priority, "party_size": entry.party_size} for entry in listed]
    return json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode()


# --- checking ---------------------------------------------------------------------------------------------------------


class Checked(NamedTuple):
    """A draw that was worked out anew."""

    faults: list[str]  #: what is wrong with the published one; none: it is right
    entries: list[Entry]
    capacity: int
    winners: list[str]
    waiting: list[str]


def verify(document: Any, commitment: str | None = None) -> list[str]:
    """What is wrong with a published draw; empty: nothing is. `commitment`: as it was published before the draw.

    Raises Malformed.
    """
    return check(document, commitment).faults


def check(document: Any, commitment: str | None = None) -> Checked:
    """Work a draw out anew and hold the published one to it. Raises Malformed."""
    said = [commitment]
    if isinstance(document, dict) and isinstance(document.get("published"), dict):
        said.append(document.get("commitment"))
        document = document["published"]
    seed, entries, capacity = _read(document)
    said.append(document.get("commitment"))
    faults = []
    if any(each is not None and not _is_commitment_of(seed, each) for each in said):
        faults.append("种子与事先公布的承诺值不符 / the seed isn't the one that was committed to")
    if all(each is None for each in said):
        faults.append("没有承诺值 / there is no commitment")
    winners, waiting = share_out(order_of(seed, entries), capacity)
    if "winners" in document and document["winners"] != winners:
        faults.append("中签名单不符 / the winners differ")
    if "waiting" in document and document["waiting"] != waiting:
        faults.append("候补顺序不符 / the order of those who wait differs")
    return Checked(faults, entries, capacity, winners, waiting)


def _is_commitment_of(seed: bytes, said: Any) -> bool:
    return isinstance(said, str) and said.strip().lower() == commitment_of(seed).hex()


def _read(document: Any) -> tuple[bytes, list[Entry], int]:
    if not isinstance(document, dict):
        raise Malformed("the document is an object with the keys seed, capacity, entries")
    seed, rows = document.get("seed"), document.get("entries")
    if not isinstance(seed, str) or not isinstance(rows, list):
        raise Malformed("seed is a text, entries a list")
    try:
        seed_bytes = bytes.fromhex(seed)
    except ValueError:
        raise Malformed("seed is hexadecimal") from None
    if len(seed_bytes) < SEED_BYTES_MIN:
        raise Malformed(f"a seed has {SEED_BYTES_MIN} bytes or more: a shorter one can be guessed")
    entries = [_read_entry(row) for row in rows]
    if len({entry.ticket for entry in entries}) != len(entries):
        raise Malformed("a ticket stands in the list once")
    return seed_bytes, entries, _whole(document.get("capacity"), 0, "capacity")


def _read_entry(row: Any) -> Entry:
    if not isinstance(row, dict) or set(row) != set(Entry._fields):
        raise Malformed("an entry has the keys ticket, priority, party_size, and no other")
    ticket = row["ticket"]
    if not isinstance(ticket, str) or not ticket or not ticket.isprintable():
        raise Malformed("a ticket is a text")
    return Entry(ticket, _whole(row["priority"], 0, "priority"), _whole(row["party_size"], 1, "party_size"))


def _whole(value: Any, least: int, name: str) -> int:
    if type(value) is not int or value < least:
        raise Malformed(f"{name} is a whole number from {least} on")
    return value


def main(arguments: Sequence[str]) -> int:
    """Check the file of a draw, say what came of it, and return the exit code."""
    if not 1 <= len(arguments) <= 2:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        document = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        checked = check(document, arguments[1] if len(arguments) == 2 else None)
    except (OSError, RecursionError, ValueError) as error:
        print(f"无法核对 / can't be checked: {error}", file=sys.stderr)
        return 2
    parties = {entry.ticket: entry.party_size for entry in checked.entries}
    print(f"{len(parties)} 个号码，{checked.capacity} 个名额 / {len(parties)} tickets, {checked.capacity} places")
    for place, ticket in enumerate(checked.winners, start=1):
        print(f"中签 {place} / winner {place}: {ticket} ({parties[ticket]})")
    for place, ticket in enumerate(checked.waiting, start=1):
        print(f"候补 {place} / waiting {place}: {ticket} ({parties[ticket]})")
    for fault in checked.faults:
        print(f"不符 / wrong: {fault}")
    if not checked.faults:
        print("相符 / right")
    return 1 if checked.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
