"""Protects the seals: each day once, every transaction once, in one form, and without anybody's name."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from models.ledger import Account, Lot
from models.residents import Role
from models.seals import ResidentSalt, Seal, SealedTxn
from rules.ids import first_id_at
from rules.ledger import sealing
from rules.ledger.canonical import (
    FIRST_PREVIOUS_HASH,
    POSTING_FIELDS,
    SIGNATURE_PREFIX,
    TXN_FIELDS,
    Kind,
    RecordInvalid,
    mark,
    seal_bytes,
    txn_bytes,
)
from rules.ledger.merkle import EMPTY_ROOT, hash_leaf, is_included, root_of
from rules.ledger.sealing import DayNotOver, NotSealedYet, Proof, SealUnknown
from rules.ledger.transactions import TxnUnknown
from tests.build import Person, TownBuilder, new_town
from tests.ledger.sealed_days import FIRST_DAY, Days, at, day, work_at

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def days(town: TownBuilder) -> Days:
    return Days(town)


def sealed_ids(days: Days, seq: int) -> list[int]:
    """The transactions of a seal by leaf."""
    [(seal_id,)] = days.town.rows(Seal.id, seq=seq)
    rows = days.town.rows(SealedTxn.leaf, SealedTxn.txn_id, seal_id=seal_id)
    assert sorted(leaf for leaf, _ in rows) == list(range(len(rows)))
    return [txn_id for _, txn_id in sorted(rows)]


def roots_of_records(days: Days) -> list[str]:
    """The roots that the exported records give, seal by seal."""
    leaves: list[list[bytes]] = []
    for record in days.records():
        if record["type"] == "seal":
            leaves.append([])
        else:
            leaves[-1].append(hash_leaf(txn_bytes(record)))
    return [root_of(of_seal).hex() for of_seal in leaves]


def is_proof(proof: Proof) -> bool:
    return is_included(proof.leaf_hash, proof.leaf, proof.seal.txn_count, proof.path, proof.seal.root)


# What a seal covers


def test_a_seal_covers_what_was_begun_before_the_end_of_its_day_and_nothing_later(days: Days) -> None:
    before = days.grant(at(1, "00:00"))
    last = days.grant(at(2, "00:00"), id=first_id_at(at(2, "00:00")) - 1)
    days.grant(at(2, "00:00"))
    assert days.seal(1).day == day(1)
    assert sealed_ids(days, 1)[-2:] == [before, last]


def test_each_transaction_is_in_one_seal_in_the_order_of_ids(days: Days, town: TownBuilder) -> None:
    resident = town.resident()
    later, earlier = days.earn(resident, 5, at(1, "18:00")), days.earn(resident, 5, at(1, "08:00"))
    others = [days.grant(at(n)) for n in (2, 3)]
    for n in (1, 2, 3):
        days.seal(n)
    assert sealed_ids(days, 1)[-2:] == [earlier, later]
    assert [sealed_ids(days, n) for n in (2, 3)] == [[others[0]], [others[1]]]
    assert roots_of_records(days) == [root.hex() for _, root in sorted(town.rows(Seal.seq, Seal.root))]


def test_a_transaction_that_comes_late_is_in_the_next_seal(days: Days) -> None:
    days.seal(1)
    late = days.grant(at(1, "23:59"))
    punctual = days.grant(at(2))
    days.seal(2)
    assert sealed_ids(days, 2) == [late, punctual]


def test_a_transaction_that_comes_more_than_two_days_late_is_not_looked_for(days: Days) -> None:
    days.seal(5)
    days.grant(at(2, "23:59"))
    within = days.grant(at(3, "00:00"))
    days.seal(6)
    assert sealed_ids(days, 2) == [within]


def test_days_that_nobody_sealed_are_covered_by_the_next_seal(days: Days) -> None:
    days.seal(1)
    txn_ids = [days.grant(at(n)) for n in (2, 5, 9)]
    seal = days.seal(9)
    assert (seal.seq, seal.day, sealed_ids(days, 2)) == (2, day(9), txn_ids)


def test_a_day_without_a_transaction_is_sealed_too(days: Days) -> None:
    first, second = days.seal(1), days.seal(2)
    assert (second.seq, second.txn_count, second.posting_count, second.amount_total) == (2, 0, 0, 0)
    assert (second.root, second.previous_hash) == (EMPTY_ROOT, first.hash)


def test_a_seal_counts_what_is_in_it(days: Days, town: TownBuilder) -> None:
    days.seal(1)
    days.earn(town.resident(), 7, at(2))
    days.grant(at(2), 100)
    seal = days.seal(2)
    assert (seal.txn_count, seal.posting_count, seal.amount_total) == (2, 2, 107)


def test_the_seals_of_another_town_are_its_own(days: Days, town: TownBuilder) -> None:
    other = Days(new_town(town.house))
    others = other.grant(at(1, "13:00"))
    mine = days.grant(at(1))
    days.seal(1)
    assert mine in sealed_ids(days, 1)
    assert others not in sealed_ids(days, 1)
    assert other.town.rows(Seal) == []
    with pytest.raises(TxnUnknown):
        town.act(None, sealing.prove, others)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_chunks_of_any_size_give_the_same_seal_and_the_same_export(
    days: Days, town: TownBuilder, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    for n in range(1, 6):
        days.earn(town.resident(), n, at(1))
    days.seal(1)
    exported = days.export()
    monkeypatch.setattr(sealing, "CHUNK", chunk)
    assert days.export() == exported
    for n in range(1, 6):
        days.earn(town.resident(), n, at(2))
    days.seal(2)
    assert roots_of_records(days) == [root.hex() for _, root in sorted(town.rows(Seal.seq, Seal.root))]


# Once a day


def test_a_day_that_is_sealed_stays_as_it_is(days: Days, town: TownBuilder) -> None:
    days.grant(at(1))
    first = days.seal(1)
    days.grant(at(1, "23:00"))
    before = town.contents()
    assert days.seal(1, at(9)) == first
    assert town.contents() == before


def test_a_day_before_the_last_sealed_one_is_covered_by_the_seal_that_came_after_it(days: Days) -> None:
    first, third = days.seal(1), days.seal(3)
    days.grant(at(2))
    assert days.seal(2) == third
    assert days.seal(0) == first


def test_a_day_is_sealed_from_its_end_on_and_not_a_moment_earlier(days: Days, town: TownBuilder) -> None:
    days.grant(at(1))
    before = town.contents()
    for moment in (at(1), at(2, "00:00") - MICROSECOND):
        with pytest.raises(DayNotOver):
            days.seal(1, moment)
    assert town.contents() == before
    assert days.seal(1, at(2, "00:00")).seq == 1


def test_the_end_of_time_is_not_over(days: Days, town: TownBuilder) -> None:
    with pytest.raises(DayNotOver, match=r"ledger\.day_not_over"):
        town.act(None, sealing.seal_day, town.house.keys, date.max)


def seal_at_once(days: Days, monkeypatch: pytest.MonkeyPatch, *which: int) -> list[Any]:
    """Seal these days at the same time. On PostgreSQL all have gathered their leaves before one writes its seal."""
    engine = days.town.house.transactions.engine
    barrier, add_up = threading.Barrier(len(which)), sealing._gather
    met = threading.local()

    def gather(*args: Any) -> Any:
        leaves = add_up(*args)
        if engine.dialect.name == "postgresql" and not hasattr(met, "once"):
            met.once = True
            barrier.wait(timeout=10)
        return leaves

    monkeypatch.setattr(sealing, "_gather", gather)
    with ThreadPoolExecutor(len(which)) as pool:
        return list(pool.map(days.seal, which))


def test_two_that_seal_a_day_at_once_get_the_same_seal(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    txn_id = days.grant(at(1))
    one, other = seal_at_once(days, monkeypatch, 1, 1)
    assert one == other
    assert [seal_id for (seal_id,) in days.town.rows(Seal.id)] == [one.id]
    assert sealed_ids(days, 1)[-1] == txn_id


def test_two_that_seal_different_days_at_once_leave_one_chain(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    txn_ids = [days.grant(at(n)) for n in (1, 2)]
    one, other = seal_at_once(days, monkeypatch, 1, 2)
    assert (one.day >= day(1), other.day) == (True, day(2))
    seals = sorted(days.town.rows(Seal.seq, Seal.previous_hash, Seal.hash))
    assert [previous for _, previous, _ in seals] == [FIRST_PREVIOUS_HASH, *(hash_ for _, _, hash_ in seals[:-1])]
    assert sorted(txn for (txn,) in days.town.rows(SealedTxn.txn_id))[-2:] == txn_ids


# Its signature


def test_a_seal_is_signed_by_the_first_key_over_its_header_and_for_no_other_use(days: Days, town: TownBuilder) -> None:
    days.grant(at(1))
    seal, key = days.seal(1), town.house.keys.codes[0]
    content = seal_bytes(days.records()[0])
    assert (seal.key_id, seal.hash) == (key.id, hashlib.sha256(content).digest())
    key.public.verify(seal.signature, SIGNATURE_PREFIX + content)
    with pytest.raises(InvalidSignature):
        key.public.verify(seal.signature, content)


# Persons


def test_an_export_holds_no_id_and_no_text_of_a_resident(days: Days, town: TownBuilder) -> None:
    resident = town.resident("王小明")
    earned = days.earn(resident, 5, at(1), explanation="王小明来了", reason="看病", idempotency_key="openid-of-ming")
    days.spend(resident, 2, at(1))
    days.seal(1)
    text = days.export().decode()
    assert str(earned) in text
    [(wallet_id,)] = town.rows(Account.id, owner_id=resident.id)
    [(lot_id,)] = town.rows(Lot.id, account_id=wallet_id)
    for secret in (resident.id, wallet_id, lot_id, "王小明", "看病", "openid-of-ming", "王", "7:"):
        assert str(secret) not in text
    for guessable in ("王小明来了", "看病", "openid-of-ming"):
        for name in ("", "explanation:", "reason:", "idempotency_key:"):
            assert hashlib.sha256(f"{name}{guessable}".encode()).hexdigest() not in text


def test_a_resident_has_the_same_marks_in_every_seal_and_nobody_elses(days: Days, town: TownBuilder) -> None:
    one, other = town.resident(), town.resident()
    for n in (1, 2):
        for resident in (one, other):
            days.earn(resident, 5, at(n))
        days.spend(one, 1, at(n))
        days.seal(n)
    [(salt,)] = town.rows(ResidentSalt.salt, resident_id=one.id)
    earned = [record for record in days.records() if record.get("kind") == "earn"]
    marks = [record["event_subject_mark"] for record in earned]
    assert marks == [mark(salt, "resident", one.id), marks[1]] * 2
    assert len({posting["dst_account_mark"] for record in earned for posting in record["postings"]}) == 2
    spent = [record for record in days.records() if record.get("kind") == "spend"]
    assert {(record["actor_mark"], record["actor_id"]) for record in spent} == {(marks[0], None)}


def test_who_is_staff_is_named_and_a_text_about_nobody_can_be_checked_by_everyone(
    days: Days, town: TownBuilder
) -> None:
    staff = town.staff(Role.MANAGER)
    days.grant(at(1), actor_id=staff.id, explanation="年度预算")
    days.seal(1)
    record = days.records()[-1]
    assert (record["actor_id"], record["actor_mark"]) == (str(staff.id), None)
    assert record["explanation_hash"] == hashlib.sha256("explanation:年度预算".encode()).hexdigest()


def test_the_same_text_of_two_transactions_has_two_hashes(days: Days, town: TownBuilder) -> None:
    resident = town.resident()
    for _ in range(2):
        days.earn(resident, 5, at(1), explanation="同样的话")
    days.seal(1)
    hashes = [record["explanation_hash"] for record in days.records() if record.get("kind") == "earn"]
    assert len(set(hashes)) == 2


def test_who_is_erased_is_withheld_and_the_proof_still_leads_to_the_seal(days: Days, town: TownBuilder) -> None:
    erased, other = town.resident(), town.resident()
    txn_id = days.earn(erased, 5, at(1))
    days.earn(other, 5, at(1))
    days.seal(1)
    before = days.records()
    days.erase_salt(erased)
    after = days.records()
    assert [record.get("leaf_hash") for record in after if record.get("kind") == "earn"] == [
        hash_leaf(txn_bytes(before[-2])).hex(),
        None,
    ]
    assert after[-1] == before[-1]
    assert after[-2]["event_subject_mark"] != before[-2]["event_subject_mark"]
    assert after[-2]["explanation_hash"] != before[-2]["explanation_hash"]
    proof = town.act(None, sealing.prove, txn_id)
    assert proof.is_withheld
    assert is_proof(proof)


def test_who_is_erased_never_gets_a_salt_again(days: Days, town: TownBuilder) -> None:
    resident = town.resident()
    days.earn(resident, 5, at(1))
    days.seal(1)
    days.erase_salt(resident)
    days.spend(resident, 5, at(2))
    seal = days.seal(2)
    assert town.rows(ResidentSalt, resident_id=resident.id) == []
    record = days.records()[-1]
    assert root_of([bytes.fromhex(record["leaf_hash"])]) == seal.root


# Proofs


def test_every_transaction_of_a_seal_is_proved(days: Days, town: TownBuilder) -> None:
    resident = town.resident()
    txn_ids = [days.earn(resident, n, at(1)) for n in range(1, 8)]
    days.seal(1)
    for txn_id in txn_ids:
        proof = town.act(None, sealing.prove, txn_id)
        assert proof.record["id"] == str(txn_id)
        assert proof.leaf_hash == hash_leaf(txn_bytes(proof.record))
        assert is_proof(proof)


def test_what_is_not_sealed_or_not_there_is_not_proved(days: Days, town: TownBuilder) -> None:
    txn_id = days.grant(at(1))
    with pytest.raises(NotSealedYet):
        town.act(None, sealing.prove, txn_id)
    with pytest.raises(TxnUnknown):
        town.act(None, sealing.prove, 1)


def test_a_resident_proves_own_transactions_only(days: Days, town: TownBuilder) -> None:
    resident, other = town.resident(), town.resident()
    txn_ids = [days.earn(resident, 5, at(1)), days.spend(resident, 1, at(1))]
    grant = days.grant(at(1))
    days.seal(1)
    for txn_id in txn_ids:
        assert is_proof(town.act(resident, sealing.prove_own, txn_id))
    refused: list[tuple[Person | None, int]] = [(other, txn_ids[0]), (resident, grant), (None, txn_ids[0])]
    for person, txn_id in [*refused, (town.staff(Role.AUDITOR), txn_ids[0])]:
        with pytest.raises(TxnUnknown):
            town.act(person, sealing.prove_own, txn_id)


def test_an_unknown_seal_is_unknown(days: Days, town: TownBuilder) -> None:
    days.seal(1)
    assert town.act(None, sealing.read_seal, 1).day == FIRST_DAY
    with pytest.raises(SealUnknown):
        town.act(None, sealing.read_seal, 2)


def test_seals_are_listed_the_newest_first(days: Days, town: TownBuilder) -> None:
    for n in (1, 2, 3):
        days.seal(n)
    page = town.act(None, sealing.list_seals, None, 2)
    assert ([seal.seq for seal in page.items], page.next_after) == ([3, 2], (2,))
    page = town.act(None, sealing.list_seals, page.next_after, 2)
    assert ([seal.seq for seal in page.items], page.next_after) == ([1], None)


def test_an_export_needs_no_right_to_write(days: Days, town: TownBuilder) -> None:
    days.earn(town.resident(), 5, at(1))
    days.seal(1)
    read: Callable[..., bytes] = lambda work: b"".join(sealing.export(work_at(work, at(2))))  # noqa: E731
    assert town.database.read(town.id, town.actor(None), read) == days.export()


# The canonical form


def a_record(days: Days) -> dict[str, Any]:
    days.earn(days.town.resident(), 5, at(1))
    days.seal(1)
    return days.records()[-1]


def changed(value: Any, kind: Kind) -> list[Any]:
    """Other values of a kind."""
    others: dict[Kind, list[Any]] = {
        Kind.NUMBER: [0, -1, 10**15],
        Kind.ID: ["1", "9223372036854775807"],
        Kind.MOMENT: [0, -1],
        Kind.DAY: ["2000-02-29"],
        Kind.WORD: ["", "n", "另外"],
        Kind.HASH: ["0" * 64],
        Kind.DOCUMENT: [[], {}, "", 0, False],
    }
    return [other for other in others[kind] if other != value]


def test_every_field_counts_and_null_is_not_empty(days: Days) -> None:
    record = a_record(days)
    forms = [txn_bytes(record)]
    [posting] = record["postings"]
    for fields, whole, put in (
        (TXN_FIELDS, record, lambda part: part),
        (POSTING_FIELDS, posting, lambda part: {**record, "postings": [part]}),
    ):
        for name, kind, may_be_null in fields:
            values = changed(whole[name], kind) + ([None] if may_be_null and whole[name] is not None else [])
            forms += [txn_bytes(put({**whole, name: value})) for value in values]
    forms.append(txn_bytes({**record, "postings": []}))
    forms.append(txn_bytes({**record, "postings": [posting, posting]}))
    assert len(set(forms)) == len(forms)


def test_the_order_of_members_does_not_count(days: Days) -> None:
    record = a_record(days)
    assert txn_bytes(dict(reversed(record.items()))) == txn_bytes(record)
    usages = [dict(reversed(usage.items())) for usage in record["usages"]]
    assert txn_bytes({**record, "usages": usages}) == txn_bytes(record)


BAD = {
    Kind.NUMBER: ["5", 5.0, True, 2**63, -(2**63) - 1],
    Kind.ID: [5, "", "0", "05", "-5", "５", " 5", str(2**63)],
    Kind.MOMENT: ["2040-05-01T00:00:00Z", 1.5],
    Kind.DAY: ["", "2040-5-1", "20400501", "2040-02-30", 20400501],
    Kind.WORD: [5, ["x"]],
    Kind.HASH: ["", "0" * 63, "A" * 64, "0" * 65, "g" * 64, 0],
    Kind.DOCUMENT: [],
}


def test_a_value_of_another_type_has_no_form(days: Days) -> None:
    record = a_record(days)
    [posting] = record["postings"]
    for fields, whole, put in (
        (TXN_FIELDS, record, lambda part: part),
        (POSTING_FIELDS, posting, lambda part: {**record, "postings": [part]}),
    ):
        for name, kind, may_be_null in fields:
            bad = [*BAD[kind], *([] if may_be_null else [None])]
            without = {key: value for key, value in whole.items() if key != name}
            for part in ({**whole, name: value} for value in bad):
                with pytest.raises(RecordInvalid, match=name):
                    txn_bytes(put(part))
            with pytest.raises(RecordInvalid, match=name):
                txn_bytes(put(without))
        with pytest.raises(RecordInvalid):
            txn_bytes(put({**whole, "note": "shown and not sealed"}))
    for postings in (None, {}, "x", [None], ["x"]):
        with pytest.raises(RecordInvalid):
            txn_bytes({**record, "postings": postings})


# What docs/seals.md says


def by_the_document(names: str, whole: dict[str, Any]) -> bytes:
    """The bytes of these fields, made only with what the document says of the types."""
    content: dict[str, Callable[[Any], bytes]] = {
        "i": lambda value: str(value).encode(),
        "k": str.encode,
        "t": lambda value: str(value).encode(),
        "d": str.encode,
        "s": str.encode,
        "h": bytes.fromhex,
        "j": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
    }
    parts = []
    for name, type_, _ in re.findall(r"`(\w+)` ([a-z])(\??)", names):
        bytes_ = b"" if whole[name] is None else content[type_](whole[name])
        parts.append(struct.pack(">cI", b"n" if whole[name] is None else type_.encode(), len(bytes_)) + bytes_)
    return b"".join(parts)


def word(text: str) -> bytes:
    return struct.pack(">cI", b"s", len(text)) + text.encode()


def test_the_document_says_enough_to_make_every_byte(days: Days) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/seals.md").read_text(encoding="utf-8")
    [(of_txn, of_posting)] = re.findall(
        r"word `binfen-txn-1`; then (.*?); then the number.*?posting (.*?)\. A", text, re.S
    )
    [of_seal] = re.findall(r"word `binfen-seal-1`; then (.*?)\.\n", text, re.S)
    record = a_record(days)
    for each in days.records():
        if each["type"] == "seal":
            assert word("binfen-seal-1") + by_the_document(of_seal, each) == seal_bytes(each)
            continue
        count = str(len(each["postings"])).encode()
        postings = b"".join(by_the_document(of_posting, posting) for posting in each["postings"])
        number = struct.pack(">cI", b"i", len(count)) + count
        assert word("binfen-txn-1") + by_the_document(of_txn, each) + number + postings == txn_bytes(each)
    nullable = {name: may_be_null for name, _, may_be_null in TXN_FIELDS + POSTING_FIELDS}
    said = re.findall(r"`(\w+)` ([a-z])(\??)", of_txn + of_posting)
    assert {name: mark_ == "?" for name, _, mark_ in said} == nullable
    assert record["kind"] == "earn"
