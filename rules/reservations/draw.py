"""A lottery that anybody can replay, with nothing but Python.

    python3 -m rules.reservations.draw published.json

Before anybody applies, the SHA-256 of a secret seed is published (`commitment`). When the places are given out, the seed,
the tickets and the result are published as one JSON document:

    {"commitment": "…", "seed": "…", "capacity": 2,
     "entries": [{"ticket": "7", "priority": 0, "party_size": 1}, …],
     "winners": ["7", …], "waiting": ["9", …]}

The list is the entries sorted by ticket, written as JSON without spaces. Each ticket's lot is
SHA-256(seed ‖ SHA-256(list) ‖ ticket), all in bytes. The order is by priority (0 first), then by lot. Places go down that
order; a party that doesn't fit what is left is passed over, so a smaller one further down may fit. The rest waits in the
same order. Here the seed is checked against the commitment, and the result worked out anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple


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
    list_hash = hashlib.sha256(_canonical(listed)).digest()

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


def verify(document: Any, commitment: str | None = None) -> list[str]:
    """What is wrong with a published draw; empty: nothing is. `commitment`: as it was published before the draw.

    Raises Malformed.
    """
    seed, entries, capacity = _read(document)
    faults = []
    if commitment_of(seed).hex() != document.get("commitment"):
        faults.append("种子与承诺值不符 / the seed isn't the one that was committed to")
    if commitment is not None and commitment != document.get("commitment"):
        faults.append("承诺值不是事先公布的那个 / the commitment isn't the one published before")
    if len({entry.ticket for entry in entries}) != len(entries):
        faults.append("有重复的号码 / a ticket stands in the list twice")
    winners, waiting = share_out(order_of(seed, entries), capacity)
    if winners != document.get("winners"):
        faults.append("中签名单不符 / the winners differ")
    if waiting != document.get("waiting"):
        faults.append("候补顺序不符 / the order of those who wait differs")
    return faults


def main(arguments: Sequence[str]) -> int:
    """0: the draw is right; 1: it isn't; 2: there is nothing to check."""
    if not 1 <= len(arguments) <= 2:
        print("python3 -m rules.reservations.draw published.json [commitment]", file=sys.stderr)
        return 2
    try:
        document = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        faults = verify(document, arguments[1] if len(arguments) == 2 else None)
    except (OSError, ValueError) as error:
        print(f"无法读取 / can't be read: {error}", file=sys.stderr)
        return 2
    for fault in faults:
        print(f"不符 / wrong: {fault}")
    if faults:
        return 1
    print(f"相符 / right: {len(document['entries'])} 个号码 / tickets, {document['capacity']} 个名额 / places")
    print("中签 / winners: " + " ".join(document["winners"]))
    print("候补 / waiting: " + " ".join(document["waiting"]))
    return 0


def _canonical(listed: Sequence[Entry]) -> bytes:
    rows = [{"ticket": entry.ticket, "priority": entry.priority, "party_size": entry.party_size} for entry in listed]
    return json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode()


def _read(document: Any) -> tuple[bytes, list[Entry], int]:
    try:
        entries = [
            Entry(str(row["ticket"]), int(row["priority"]), int(row["party_size"])) for row in document["entries"]
        ]
        return bytes.fromhex(document["seed"]), entries, int(document["capacity"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not the document of a draw ({type(error).__name__})") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
