"""Verifies an export of the ledger: `python3 -m rules.ledger.verify EXPORT PUBLIC_KEYS [--seals PUBLISHED_SEALS]`.

Needs the export and the town's public keys, which must come from elsewhere (saved from /.well-known/jwks.json), and no
database. With `--seals`, the seals as they were published (saved from GET /ledger/seals), it also finds seals that were
cut off at the end, or made anew with a key that somebody slipped in.

It checks each seal's signature and place in the chain; each day's tree, counts and total; the order of the transactions;
and that every account's and lot's counters rise without a gap or a repetition over all postings.

Exit code 0: everything holds. 1: something doesn't, and the first of it is named. 2: the input can't be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rules.ledger import merkle
from rules.ledger.canonical import (
    EXPORT_FORMAT,
    FIRST_PREVIOUS_HASH,
    SIGNATURE_PREFIX,
    RecordInvalid,
    microseconds,
    seal_bytes,
    txn_bytes,
)

HOLDS, VIOLATED, UNREADABLE = 0, 1, 2
VIOLATIONS_SHOWN = 20
LINE_BYTES_MAX = 64 * 1024 * 1024
#: How far the clocks of the servers that make ids and note moments may be apart, in microseconds.
CLOCKS_APART = 60 * 1_000_000
CHINA = timezone(timedelta(hours=8))
NEVER_BELOW_ZERO = {"wallet", "escrow"}

_HASH = re.compile("[0-9a-f]{64}")
_SIGNATURE = re.compile("[0-9a-f]{128}")

Record = dict[str, Any]


class Unreadable(Exception):
    """The input can't be read. The message says which file, where and why."""


@dataclass(slots=True)
class Findings:
    """What doesn't hold, and what is worth knowing although it may be right."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Note something that doesn't hold."""
        self.count += 1
        if self.count <= VIOLATIONS_SHOWN:
            self.first.append(sentence)


class Counters:
    """Every counter of every account and lot, as the postings left it."""

    def __init__(self, findings: Findings) -> None:
        self.posting_count = 0
        self._findings = findings
        self._txn_ids = array("q")  # of each posting
        self._recorded_at = array("q")
        self._chains: dict[str, array[int]] = {}  # name: value after, amount and posting, again and again
        self._constants: dict[str, tuple[Any, ...]] = {}  # what must not change: an account's kind, a lot's key

    def add(self, txn: Record, posting: Record) -> None:
        """Note a posting of a transaction whose fields have the right types."""
        where, amount = f"Transaction {txn['id']}, posting {posting['n']}", posting["amount"]
        if amount <= 0:
            self._findings.add(f"{where}: the amount is not above 0.")
        source = self._side(txn, posting, "src", "credited", "debited_after", where)
        destination = self._side(txn, posting, "dst", "debited", "credited_after", where)
        if source == destination:
            self._findings.add(f"{where}: the points don't move from one account to another.")
        if posting["src_account_kind"] in NEVER_BELOW_ZERO and posting["src_debited_after"] > posting["src_credited"]:
            self._findings.add(f"{where}: {source} gives more than it has got.")
        self._txn_ids.append(int(txn["id"]))
        self._recorded_at.append(posting["recorded_at"])
        self.posting_count += 1

    def _side(self, txn: Record, posting: Record, side: str, other: str, moved: str, where: str) -> str:
        """Note the account and the lot on one side of a posting. Returns the account's name."""
        kind = posting[f"{side}_account_kind"]
        account = _name("account", posting[f"{side}_account_id"], posting[f"{side}_account_mark"])
        if account is None:
            self._findings.add(f"{where}: the account has not exactly one of an id and a mark.")
            return ""
        self._hold_constant(account, (kind, txn["book_id"]), where)
        self._link(f"{account}, {moved.removesuffix('_after')}", posting[f"{side}_{moved}"], posting["amount"])
        if posting[f"{side}_{other}"] < 0:
            self._findings.add(f"{where}: a counter is below 0.")
        id_, mark, after = (posting[f"{side}_lot_{name}"] for name in ("id", "mark", moved))
        key = tuple(posting[f"{side}_lot_{name}"] for name in ("expires_on", "scope", "issuer_id"))
        if id_ is None and mark is None:
            if after is not None or key != (None, None, None):
                self._findings.add(f"{where}: facts of a lot without a lot.")
            return account
        lot = _name("lot", id_, mark)
        if lot is None or after is None or None in key:
            self._findings.add(f"{where}: the lot is incomplete.")
            return account
        self._hold_constant(lot, (account, *key), where)
        self._link(f"{lot}, {moved.removesuffix('_after')}", after, posting["amount"])
        return account

    def _hold_constant(self, name: str, facts: tuple[Any, ...], where: str) -> None:
        if self._constants.setdefault(name, facts) != facts:
            self._findings.add(f"{where}: {name} is not what it was before.")

    def _link(self, chain: str, after: int, amount: int) -> None:
        self._chains.setdefault(chain, array("q")).extend((after, amount, self.posting_count))

    def check(self, open_from: int) -> None:
        """Check that each counter rose from 0 by each posting's amount, without a gap or a repetition.

        A transaction that began after the last seal's day, and yet came first at an account, is in no seal so far: a gap
        before a posting of `open_from` (microseconds since 1970) or later is therefore a note.
        """
        open_ends = 0
        for name, links in self._chains.items():
            reached = 0
            for after, amount, posting in sorted(zip(links[::3], links[1::3], links[2::3], strict=True)):
                before = after - amount
                if before > reached and self._recorded_at[posting] >= open_from:
                    open_ends += 1
                elif before != reached:
                    fault = "has a gap" if before > reached else "repeats itself"
                    self._findings.add(
                        f"{name}: the counter {fault} before transaction {self._txn_ids[posting]}: "
                        f"it stood at {reached} and goes on from {before}."
                    )
                reached = after
        if open_ends:
            self._findings.notes.append(f"{open_ends} counters wait for a transaction that the next seal must hold.")

    def describe(self) -> str:
        """How much was checked, in words."""
        lots = sum(name.startswith("lot") for name in self._constants)
        return f"the counters of {len(self._constants) - lots} accounts and {lots} lots"


class Verifier:
    """Reads an export from its first line to its last."""

    def __init__(self, keys: dict[str, Ed25519PublicKey]) -> None:
        self.findings = Findings()
        self.hashes: dict[int, str] = {}  # of the seals
        self.txn_count = 0
        self.withheld_count = 0
        self.counters = Counters(self.findings)
        self._keys = keys
        self._seal: Record | None = None
        self._tree = merkle.Tree()
        self._last_txn_id = 0
        self._postings_before = 0
        self._amount_total = 0
        self._txn_ids: set[int] = set()

    def read_seal(self, record: Record) -> None:
        """The header of the next seal. Raises RecordInvalid."""
        self._finish_seal()
        content = seal_bytes(record)
        self._check_place(record)
        self._check_signature(record, content)
        self._seal = record
        self.hashes[record["seq"]] = hashlib.sha256(content).hexdigest()
        self._tree, self._last_txn_id, self._amount_total = merkle.Tree(), 0, 0
        self._postings_before = self.counters.posting_count

    def _check_place(self, record: Record) -> None:
        previous, name = self._seal, _of_seal(record)
        expected_seq = previous["seq"] + 1 if previous else 1
        if record["seq"] != expected_seq:
            self.findings.add(f"{name} stands where seal {expected_seq} should be.")
        expected = self.hashes[previous["seq"]] if previous else FIRST_PREVIOUS_HASH.hex()
        if record["previous_hash"] != expected:
            self.findings.add(f"{name} does not hold the hash of the seal before it.")
        if previous and record["day"] <= previous["day"]:
            self.findings.add(f"{name} is not of a later day than the seal before it.")
        if previous and (record["town_id"], record["town_code"]) != (previous["town_id"], previous["town_code"]):
            self.findings.add(f"{name} is of another town than the seal before it.")

    def _check_signature(self, record: Record, content: bytes) -> None:
        name, signature = _of_seal(record), record.get("signature")
        if record.get("hash") != hashlib.sha256(content).hexdigest():
            self.findings.add(f"{name} states a hash that is not its own.")
        key = self._keys.get(record["key_id"])
        if key is None:
            self.findings.add(f"{name} is signed with {record['key_id']!a}, which is none of the public keys.")
            return
        try:
            if not (isinstance(signature, str) and _SIGNATURE.fullmatch(signature)):
                raise InvalidSignature
            key.verify(bytes.fromhex(signature), SIGNATURE_PREFIX + content)
        except InvalidSignature:
            self.findings.add(f"{name} has a signature that is not valid.")

    def read_txn(self, record: Record) -> None:
        """A transaction of the seal that was read last. Raises RecordInvalid."""
        if self._seal is None:
            raise RecordInvalid("a transaction stands before the first seal")
        content, txn_id = txn_bytes(record), int(record["id"])
        if "leaf_hash" in record:
            self.withheld_count += 1
            self._tree.append(_withheld_leaf(record["leaf_hash"]))
        else:
            self._tree.append(merkle.hash_leaf(content))
        if txn_id <= self._last_txn_id:
            self.findings.add(f"{_of_seal(self._seal)}: transaction {txn_id} is not in the order of ids.")
        if txn_id in self._txn_ids:
            self.findings.add(f"{_of_seal(self._seal)}: transaction {txn_id} was there before.")
        if record["town_id"] != self._seal["town_id"]:
            self.findings.add(f"Transaction {txn_id} is of another town than its seal.")
        self._txn_ids.add(txn_id)
        self._last_txn_id = txn_id
        self.txn_count += 1
        for n, posting in enumerate(record["postings"]):
            if posting["n"] != n:
                self.findings.add(f"Transaction {txn_id}: posting {n} is missing or out of order.")
            self._amount_total += posting["amount"]
            self.counters.add(record, posting)

    def _finish_seal(self) -> None:
        """Compare what was read of a seal with what it says."""
        if self._seal is None:
            return
        name = _of_seal(self._seal)
        read = {
            "txn_count": self._tree.size,
            "posting_count": self.counters.posting_count - self._postings_before,
            "amount_total": self._amount_total,
        }
        for what, number in read.items():
            if self._seal[what] != number:
                self.findings.add(f"{name} says {what} {self._seal[what]}; the records give {number}.")
        if self._tree.root().hex() != self._seal["root"]:
            self.findings.add(f"{name} is not of these records: they give another root.")

    def finish(self) -> None:
        """Check what only shows at the end of the export."""
        self._finish_seal()
        if self._seal is None:
            return
        midnight = datetime.fromisoformat(self._seal["day"]).replace(tzinfo=CHINA)
        end_of_day = microseconds(midnight) + 24 * 60 * 60 * 1_000_000
        self.counters.check(end_of_day - CLOCKS_APART)

    def compare(self, published: dict[int, str]) -> None:
        """Compare the seals with those that were published, hash by seq."""
        for seq, hash_ in sorted(published.items()):
            if seq not in self.hashes:
                self.findings.add(f"Seal {seq} was published and is missing in the export.")
            elif self.hashes[seq] != hash_:
                self.findings.add(f"Seal {seq} is not the one that was published.")


def _of_seal(record: Record) -> str:
    return f"Seal {record['seq']} ({record['day']})"


def _name(what: str, id_: str | None, mark: str | None) -> str | None:
    """An account or a lot by its id or its mark; None unless it has exactly one."""
    if (id_ is None) is (mark is None):
        return None
    return f"{what} {id_ if mark is None else f'with the mark {mark}'}"


def _withheld_leaf(value: Any) -> bytes:
    if not (isinstance(value, str) and _HASH.fullmatch(value)):
        raise RecordInvalid("`leaf_hash` is not a hash")
    return bytes.fromhex(value)


def verify(export: BinaryIO, keys: dict[str, Ed25519PublicKey], published: dict[int, str] | None) -> Verifier:
    """Read an export and check it. Returns the verifier with what it found. Raises Unreadable."""
    verifier = Verifier(keys)
    for number, record in enumerate(_records(export), 1):
        try:
            _read(verifier, number, record)
        except RecordInvalid as error:
            raise Unreadable(f"the export can't be read: line {number}: {error}") from None
    if not verifier.hashes:
        raise Unreadable("the export holds no seal, so there is nothing to verify")
    verifier.finish()
    if published is not None:
        verifier.compare(published)
    return verifier


def _read(verifier: Verifier, number: int, record: Record) -> None:
    type_ = record.get("type")
    if number == 1:
        if type_ != "export" or record.get("format") != EXPORT_FORMAT:
            raise RecordInvalid(f"an export begins with its format, {EXPORT_FORMAT}")
    elif type_ == "seal":
        verifier.read_seal(record)
    elif type_ == "txn":
        verifier.read_txn(record)
    else:
        raise RecordInvalid("it is neither a seal nor a transaction")


def _records(export: BinaryIO) -> Iterator[Record]:
    number = 0
    while line := export.readline(LINE_BYTES_MAX):
        number += 1
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise Unreadable(f"the export can't be read: line {number} is not JSON") from None
        if not isinstance(record, dict):
            raise Unreadable(f"the export can't be read: line {number} is not a JSON object")
        yield record


def read_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Public keys by id, from a JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037). Raises Unreadable."""
    document = _read_json(path, "the public keys")
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise Unreadable("the public keys can't be read: there is no list `keys` with a key in it")
    keys = {}
    for entry in entries:
        try:
            if (entry["kty"], entry["crv"]) != ("OKP", "Ed25519"):
                continue
            x = base64.b64decode(entry["x"] + "=" * (-len(entry["x"]) % 4), altchars=b"-_", validate=True)
            keys[str(entry["kid"])] = Ed25519PublicKey.from_public_bytes(x)
        except (KeyError, TypeError, ValueError):
            raise Unreadable("the public keys can't be read: an entry is not an Ed25519 key with a `kid`") from None
    if not keys:
        raise Unreadable("the public keys can't be read: there is no Ed25519 key")
    return keys


def read_published(path: Path) -> dict[int, str]:
    """The hashes of published seals by seq, from a page of GET /ledger/seals, a list of such pages or of seals.

    Raises Unreadable.
    """
    document = _read_json(path, "the published seals")
    pages = document if isinstance(document, list) else [document]
    published: dict[int, str] = {}
    for page in pages:
        seals = page.get("items", [page]) if isinstance(page, dict) else None
        for seal in seals if isinstance(seals, list) else [None]:
            seq, hash_ = (seal.get("seq"), seal.get("hash")) if isinstance(seal, dict) else (None, None)
            if type(seq) is not int or not (isinstance(hash_, str) and _HASH.fullmatch(hash_)):
                raise Unreadable("the published seals can't be read: a seal has no `seq` or no `hash`")
            if published.setdefault(seq, hash_) != hash_:
                raise Unreadable(f"the published seals contradict each other: seal {seq} has two hashes")
    if not published:
        raise Unreadable("the file of published seals holds no seal")
    return published


def _read_json(path: Path, what: str) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"{what} can't be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise Unreadable(f"{what} can't be read: the file is not JSON") from None


def _report(verifier: Verifier, published: dict[int, str] | None, withheld_accepted: int) -> int:
    """Print what was checked and what was found. Returns the exit code."""
    findings, withheld = verifier.findings, verifier.withheld_count
    if withheld > withheld_accepted:
        findings.add(
            f"{withheld} transactions are withheld, {withheld_accepted} accepted: their contents are not bound to their "
            "seals. If the town says that so many were withheld to erase residents, accept them with --withheld."
        )
    print(f"Checked {len(verifier.hashes)} seals: signatures, chain, days, roots, counts and totals.")
    print(f"Checked {verifier.txn_count} transactions: their order, their leaves, {withheld} of them withheld.")
    print(f"Checked {verifier.counters.posting_count} postings and {verifier.counters.describe()}.")
    if published is not None:
        print(f"Compared {len(published)} published seals.")
    for note in findings.notes:
        print(f"Note: {note}")
    if not findings.count:
        print("Everything holds.")
        return HOLDS
    print(f"Violations: {findings.count}.")
    for sentence in findings.first:
        print(f"- {sentence}")
    if findings.count > len(findings.first):
        print(f"- and {findings.count - len(findings.first)} more.")
    return VIOLATED


def main(arguments: list[str]) -> int:
    """Verify, report, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m rules.ledger.verify", description="Verify an export of the ledger."
    )
    parser.add_argument("export", type=Path, help="the export, JSON Lines")
    parser.add_argument("public_keys", type=Path, help="the public keys, saved from /.well-known/jwks.json")
    parser.add_argument("--seals", type=Path, help="published seals, saved from GET /ledger/seals")
    parser.add_argument("--withheld", type=int, default=0, help="how many withheld transactions to accept (0)")
    asked = parser.parse_args(arguments)
    try:
        keys = read_keys(asked.public_keys)
        published = read_published(asked.seals) if asked.seals else None
        with asked.export.open("rb") as export:
            verifier = verify(export, keys, published)
    except Unreadable as error:
        sys.stderr.write(f"{error}.\n")
        return UNREADABLE
    except OSError as error:
        sys.stderr.write(f"the export can't be read: {error.strerror}.\n")
        return UNREADABLE
    return _report(verifier, published, asked.withheld)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
