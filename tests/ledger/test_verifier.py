"""Protects the verifier: it lets the true export pass, notices every forgery, and never stumbles over its input.

It runs as a process of its own, as it will run at an auditor's. Each forgery stands beside the true export, which passes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from blueprints.edge.house import House
from rules.keys import CodeKey
from rules.ledger import verify
from rules.ledger.canonical import FIRST_PREVIOUS_HASH, SIGNATURE_PREFIX, seal_bytes, txn_bytes
from rules.ledger.merkle import hash_leaf, root_of
from tests.build import new_town
from tests.ledger.keeping import earn_points
from tests.ledger.sealed_days import Days, at

ROOT = Path(__file__).resolve().parents[2]
FLIPS = 300
SEALS = 4

Record = dict[str, Any]
Forge = Callable[[list[Record]], Any]


@dataclass(frozen=True)
class Verdict:
    """What the verifier said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Bureau:
    """An auditor's desk: the export, the public keys, the seals as they were published, and a folder to work in."""

    folder: Path
    export: bytes
    keys: Record
    key: CodeKey

    @property
    def records(self) -> list[Record]:
        return [orjson.loads(line) for line in self.export.splitlines()]

    @property
    def published(self) -> Record:
        """As GET /ledger/seals shows them, the newest first."""
        seals = [record for record in self.records if record["type"] == "seal"]
        return {"items": seals[::-1], "next_cursor": None}

    def verify(self, records: list[Record] | bytes, *options: str, keys: Any = None, published: Any = None) -> Verdict:
        """Run the verifier on these records."""
        content = records if isinstance(records, bytes) else b"".join(orjson.dumps(each) + b"\n" for each in records)
        files = {"export": content, "keys": as_bytes(keys or self.keys), "published": as_bytes(published)}
        for name, bytes_ in files.items():
            (self.folder / name).write_bytes(bytes_)
        asked = [str(self.folder / "export"), str(self.folder / "keys"), *options]
        return run(*asked, *(["--seals", str(self.folder / "published")] if published is not None else []))


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def run(*arguments: str) -> Verdict:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "rules.ledger.verify", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Verdict(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def days(house: House) -> Days:
    """Four sealed days of two residents."""
    town = new_town(house)
    days, one, other = Days(town), town.resident(), town.resident()
    for n in range(1, SEALS + 1):
        days.grant(at(n, "08:00"), 500)
        for hour in ("09:00", "10:00", "11:00"):
            days.earn(one, 10 + n, at(n, hour))
            days.earn(other, 7, at(n, hour))
        days.spend(one, 4, at(n, "15:00"))
        days.seal(n)
    return days


@pytest.fixture(scope="module")
def bureau(days: Days, tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    keys = days.town.house.keys
    return Bureau(tmp_path_factory.mktemp("bureau"), days.export(), keys.jwks(), keys.codes[0])


def seals_of(records: list[Record]) -> list[Record]:
    return [record for record in records if record["type"] == "seal"]


def days_of(records: list[Record]) -> list[list[Record]]:
    """The records seal by seal: the header and its transactions."""
    parts: list[list[Record]] = []
    for record in records[1:]:
        if record["type"] == "seal":
            parts.append([])
        parts[-1].append(record)
    return parts


def sign_anew(records: list[Record], key: CodeKey, *, key_id: str | None = None) -> list[Record]:
    """Make every root, count, hash and signature right again, as somebody would who has this key."""
    forged, previous_hash = [records[0]], FIRST_PREVIOUS_HASH.hex()
    for seq, (seal, *txns) in enumerate(days_of(records), 1):
        postings = [posting for txn in txns for posting in txn["postings"]]
        header = seal | {
            "seq": seq,
            "txn_count": len(txns),
            "posting_count": len(postings),
            "amount_total": sum(posting["amount"] for posting in postings),
            "root": root_of(hash_leaf(txn_bytes(txn)) for txn in txns).hex(),
            "previous_hash": previous_hash,
            "key_id": key_id or key.id,
        }
        content = seal_bytes(header)
        previous_hash = hashlib.sha256(content).hexdigest()
        signature = key.private.sign(SIGNATURE_PREFIX + content).hex()
        forged += [header | {"hash": previous_hash, "signature": signature}, *txns]
    return forged


def a_thief() -> CodeKey:
    return CodeKey.from_seed(b"t" * 32)


def first(records: list[Record], kind: str) -> Record:
    return next(record for record in records if record.get("kind") == kind)


# The true export


def test_the_true_export_holds(bureau: Bureau) -> None:
    verdict = bureau.verify(bureau.export, published=bureau.published)
    assert (verdict.code, verdict.err) == (0, ""), verdict.out
    txns = len(bureau.records) - 1 - SEALS
    assert verdict.out.splitlines() == [
        f"Checked {SEALS} seals: signatures, chain, days, roots, counts and totals.",
        f"Checked {txns} transactions: their order, their leaves, 0 of them withheld.",
        f"Checked {txns} postings and the counters of 7 accounts and 2 lots.",
        f"Compared {SEALS} published seals.",
        "Everything holds.",
    ]


def test_it_needs_no_database_and_nothing_of_ours_but_the_form_and_the_tree() -> None:
    script = "import sys, rules.ledger.verify; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in modules if name.split(".")[0] in {"rules", "models", "blueprints", "settings"}}
    assert ours == {
        "rules",
        "rules.ledger",
        "rules.ledger.canonical",
        "rules.ledger.merkle",
        "rules.ledger.verify",
    }
    assert not {"sqlalchemy", "flask", "psycopg", "sqlite3"} & set(modules)


def test_what_the_ledger_itself_books_holds(house: House, bureau: Bureau) -> None:
    """Not only rows that a test made up: earnings booked by the rules, by two residents, sealed the day after."""
    town = new_town(house)
    resident, other = town.resident(), town.resident()
    for amount in (5, 7, 11):
        earn_points(town, resident, amount)
        earn_points(town, other, amount)
    days = Days(town)
    days.seal(1)
    verdict = bureau.verify(days.export())
    assert verdict.code == 0, verdict.out
    assert "7 transactions" in verdict.out


# Forgeries


def edit_an_amount(records: list[Record]) -> None:
    first(records, "earn")["postings"][0]["amount"] += 1


def edit_a_balance(records: list[Record]) -> None:
    first(records, "spend")["postings"][0]["src_credited"] += 1


def edit_an_explanation(records: list[Record]) -> None:
    first(records, "earn")["explanation_hash"] = "0" * 64


def give_the_points_to_another(records: list[Record]) -> None:
    one, other = [record["postings"][0] for record in records if record.get("kind") == "earn"][:2]
    one["dst_account_mark"], other["dst_account_mark"] = other["dst_account_mark"], one["dst_account_mark"]


def delete_a_transaction(records: list[Record]) -> None:
    records.remove([record for record in records if record["type"] == "txn"][5])


def insert_a_transaction(records: list[Record]) -> None:
    at_ = records.index(first(records, "spend"))
    records.insert(at_, {**records[at_], "id": str(int(records[at_]["id"]) - 1)})


def repeat_a_transaction(records: list[Record]) -> None:
    at_ = records.index(first(records, "spend"))
    records.insert(at_, records[at_])


def reorder_two_leaves(records: list[Record]) -> None:
    at_ = records.index(first(records, "spend"))
    records[at_ - 1], records[at_] = records[at_], records[at_ - 1]


def delete_a_seal_with_its_records(records: list[Record]) -> None:
    gone = days_of(records)[1]
    records[:] = [record for record in records if record not in gone]


def delete_the_first_seal_with_its_records(records: list[Record]) -> None:
    gone = days_of(records)[0]
    records[:] = [record for record in records if record not in gone]


def delete_a_header(records: list[Record]) -> None:
    records.remove(seals_of(records)[1])


def swap_two_days(records: list[Record]) -> None:
    parts = days_of(records)
    (one, *ones), (other, *others) = parts[1], parts[2]
    records[:] = [records[0], *parts[0], one, *others, other, *ones, *parts[3]]


def swap_two_seals_with_their_days(records: list[Record]) -> None:
    parts = days_of(records)
    records[:] = [records[0], *parts[0], *parts[2], *parts[1], *parts[3]]


def change_a_signature(records: list[Record]) -> None:
    signature = seals_of(records)[2]["signature"]
    seals_of(records)[2]["signature"] = ("1" if signature[0] == "0" else "0") + signature[1:]


def take_another_seals_signature(records: list[Record]) -> None:
    seals_of(records)[2]["signature"] = seals_of(records)[1]["signature"]


def change_a_total(records: list[Record]) -> None:
    seals_of(records)[0]["amount_total"] += 1


def change_a_day(records: list[Record]) -> None:
    seals_of(records)[3]["day"] = "2040-06-01"


def change_a_hash(records: list[Record]) -> None:
    seals_of(records)[3]["hash"] = "0" * 64


def drop_a_signature(records: list[Record]) -> None:
    del seals_of(records)[3]["signature"]


def withhold_and_edit(records: list[Record]) -> None:
    txn = first(records, "earn")
    txn |= {"leaf_hash": hash_leaf(txn_bytes(txn)).hex(), "explanation_hash": "0" * 64}


def move_to_another_town(records: list[Record]) -> None:
    first(records, "earn")["town_id"] = "1"


FORGERIES: dict[Forge, str] = {
    edit_an_amount: "they give another root",
    edit_a_balance: "they give another root",
    edit_an_explanation: "they give another root",
    give_the_points_to_another: "they give another root",
    delete_a_transaction: "Seal 1 (2040-05-01) says txn_count",
    insert_a_transaction: "repeats itself",
    repeat_a_transaction: "was there before",
    reorder_two_leaves: "is not in the order of ids",
    delete_a_seal_with_its_records: "Seal 3 (2040-05-03) stands where seal 2 should be",
    delete_the_first_seal_with_its_records: "Seal 2 (2040-05-02) stands where seal 1 should be",
    delete_a_header: "Seal 3 (2040-05-03) does not hold the hash of the seal before it",
    swap_two_days: "they give another root",
    swap_two_seals_with_their_days: "is not of a later day",
    change_a_signature: "Seal 3 (2040-05-03) has a signature that is not valid",
    take_another_seals_signature: "Seal 3 (2040-05-03) has a signature that is not valid",
    change_a_total: "says amount_total",
    change_a_day: "has a signature that is not valid",
    change_a_hash: "states a hash that is not its own",
    drop_a_signature: "has a signature that is not valid",
    withhold_and_edit: "1 transactions are withheld, 0 accepted",
    move_to_another_town: "is of another town",
}


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forgery_is_noticed(bureau: Bureau, forge: Forge) -> None:
    records = copy.deepcopy(bureau.records)
    assert bureau.verify(records).code == 0
    forge(records)
    verdict = bureau.verify(records)
    assert verdict.code == 1
    assert FORGERIES[forge] in verdict.out, verdict.out
    assert "Everything holds" not in verdict.out


@pytest.mark.parametrize("forge", [None, edit_an_amount, delete_a_transaction, delete_a_seal_with_its_records])
def test_who_signs_everything_anew_with_another_key_is_noticed(bureau: Bureau, forge: Forge | None) -> None:
    records = copy.deepcopy(bureau.records)
    assert bureau.verify(sign_anew(records, bureau.key)).code == 0
    if forge is not None:
        forge(records)
    verdict = bureau.verify(sign_anew(records, a_thief()))
    assert verdict.code == 1
    assert "which is none of the public keys" in verdict.out
    verdict = bureau.verify(sign_anew(records, a_thief(), key_id=bureau.key.id))
    assert verdict.code == 1
    assert "has a signature that is not valid" in verdict.out


def test_who_slips_in_a_key_is_noticed_by_the_published_seals(bureau: Bureau) -> None:
    records, thief = sign_anew(copy.deepcopy(bureau.records), a_thief()), a_thief()
    keys = {"keys": [thief.jwk()]}
    assert bureau.verify(records, keys=keys).code == 0, "with the thief's key alone it can't be seen"
    verdict = bureau.verify(records, keys=keys, published=bureau.published)
    assert verdict.code == 1
    assert f"Seal {SEALS} is not the one that was published" in verdict.out


def test_a_tail_that_was_cut_off_is_noticed_by_the_published_seals(bureau: Bureau) -> None:
    records = copy.deepcopy(bureau.records)
    assert bureau.verify(records, published=bureau.published).code == 0
    tail = days_of(records)[-1]
    cut = records[: -len(tail)]
    assert bureau.verify(cut).code == 0, "without them it can't be seen"
    verdict = bureau.verify(cut, published=bureau.published)
    assert verdict.code == 1
    assert f"Seal {SEALS} was published and is missing in the export" in verdict.out


@pytest.mark.parametrize("cut", [1, 3])
def test_a_tail_that_was_cut_off_within_a_seal_is_noticed_by_itself(bureau: Bureau, cut: int) -> None:
    verdict = bureau.verify(bureau.records[:-cut])
    assert verdict.code == 1
    assert f"Seal {SEALS} (2040-05-04) says txn_count 8; the records give {8 - cut}" in verdict.out


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (edit_an_amount, "repeats itself"),
        (delete_a_transaction, "has a gap"),
        (delete_a_seal_with_its_records, "has a gap"),
        (repeat_a_transaction, "repeats itself"),
        (insert_a_transaction, "repeats itself"),
        (reorder_two_leaves, "is not in the order of ids"),
        (give_the_points_to_another, "is not what it was before"),
    ],
)
def test_what_was_changed_before_it_was_sealed_shows_in_the_counters(bureau: Bureau, forge: Forge, said: str) -> None:
    """Who can write to the tables gets even the town's own signature."""
    records = copy.deepcopy(bureau.records)
    forge(records)
    verdict = bureau.verify(sign_anew(records, bureau.key))
    assert verdict.code == 1
    assert said in verdict.out, verdict.out


def test_a_wallet_that_gives_more_than_it_got_is_noticed(bureau: Bureau) -> None:
    records = copy.deepcopy(bureau.records)
    first(records, "spend")["postings"][0]["src_credited"] = 3
    verdict = bureau.verify(sign_anew(records, bureau.key))
    assert "gives more than it has got" in verdict.out
    assert verdict.code == 1


def test_the_first_violations_are_named_and_all_are_counted(bureau: Bureau) -> None:
    records = copy.deepcopy(bureau.records)
    for record in records:
        for posting in record.get("postings", []):
            posting["amount"] += 1
    lines = bureau.verify(records).out.splitlines()
    shown = [line for line in lines if line.startswith("- ")]
    assert len(shown) == 21
    [count] = [int(line.removeprefix("Violations: ").rstrip(".")) for line in lines if line.startswith("Violations")]
    assert shown[-1] == f"- and {count - 20} more."


# What may be right although it looks odd


def test_a_transaction_that_the_next_seal_must_hold_leaves_an_open_end(house: House, bureau: Bureau) -> None:
    """One began before midnight and waited at an account for one that began after it."""
    days = Days(new_town(house))
    days.grant(at(1))
    began_later = days.grant(at(2, "00:00"))
    days.grant(at(1, "23:00"), recorded_at=at(2, "00:00"))
    days.seal(1)
    verdict = bureau.verify(days.export())
    assert verdict.code == 0, verdict.out
    assert "Note: 2 counters wait for a transaction that the next seal must hold." in verdict.out
    days.seal(2)
    verdict = bureau.verify(days.export())
    assert (verdict.code, "Note" in verdict.out) == (0, False), verdict.out
    assert str(began_later) in days.export().decode()


def test_what_was_recorded_before_midnight_can_not_have_waited_for_the_next_day(house: House, bureau: Bureau) -> None:
    days = Days(new_town(house))
    days.grant(at(1))
    days.grant(at(2, "00:00"))
    days.grant(at(1, "23:00"))
    days.seal(1)
    verdict = bureau.verify(days.export())
    assert verdict.code == 1
    assert "has a gap" in verdict.out


def test_what_is_withheld_is_accepted_only_when_it_is_said_how_much(house: House, bureau: Bureau) -> None:
    town = new_town(house)
    days, erased, other = Days(town), town.resident(), town.resident()
    days.grant(at(1, "08:00"))
    for n in (1, 2):
        days.earn(erased, 5, at(n))
        days.earn(other, 5, at(n))
        days.seal(n)
    assert bureau.verify(days.export()).code == 0
    days.erase_salt(erased)
    days.spend(erased, 10, at(3))
    days.seal(3)
    verdict = bureau.verify(days.export())
    assert verdict.code == 1
    assert "3 transactions are withheld, 0 accepted" in verdict.out
    verdict = bureau.verify(days.export(), "--withheld", "3")
    assert verdict.code == 0, verdict.out
    assert "3 of them withheld" in verdict.out
    records = [orjson.loads(line) for line in days.export().splitlines()]
    withheld = next(record for record in records if "leaf_hash" in record)
    withheld["postings"][0]["amount"] += 1
    assert bureau.verify(records, "--withheld", "3").code == 1
    delete = [record for record in records if record is not withheld]
    assert bureau.verify(delete, "--withheld", "3").code == 1


def test_seals_of_an_older_key_hold_as_long_as_its_public_half_is_known(days: Days, bureau: Bureau) -> None:
    later = a_thief()  # now an honest successor
    records = copy.deepcopy(bureau.records)
    both = {"keys": [later.jwk(), bureau.key.jwk()]}
    assert bureau.verify(records, keys=both).code == 0
    assert bureau.verify(records, keys={"keys": [later.jwk()]}).code == 1


# Input that can't be read


def spoiled(bureau: Bureau) -> Iterator[tuple[str, bytes]]:
    export = bureau.export
    lines = export.splitlines(keepends=True)
    yield "nothing", b""
    yield "blank lines", b"\n\n\n"
    yield "garbage", b"garbage\n"
    yield "binary", bytes(range(256)) * 64
    yield "zeros", bytes(10_000)
    yield "cut off in a line", export[:-20]
    yield "a header alone", lines[0]
    yield "no header", b"".join(lines[1:])
    yield "another format", lines[0].replace(b"binfen-export-1", b"binfen-export-2") + b"".join(lines[1:])
    yield "a transaction first", lines[0] + lines[2]
    yield "a list", b"[]\n" + export
    yield "a number", lines[0] + b"5\n"
    yield "deep", lines[0] + b"[" * 100_000 + b"\n"
    yield "latin", lines[0] + '{"type": "é"}\n'.encode("latin-1")
    yield "another type", lines[0] + b'{"type": "note"}\n'
    yield "a type of another type", lines[0] + b'{"type": ["seal"]}\n'
    yield "an empty seal", lines[0] + b'{"type": "seal"}\n'
    yield "an empty transaction", lines[0] + lines[1] + b'{"type": "txn", "postings": []}\n'
    for name, value in (("seq", "1"), ("day", 5), ("day", "yesterday"), ("root", "xyz"), ("txn_count", None)):
        seal = orjson.loads(lines[1]) | {name: value}
        yield f"{name} is {value!r}", lines[0] + orjson.dumps(seal) + b"\n" + b"".join(lines[2:])
    for name, value in (("id", 5), ("postings", {}), ("postings", [5]), ("leaf_hash", "x"), ("leaf_hash", None)):
        txn = orjson.loads(lines[2]) | {name: value}
        yield f"{name} is {value!r}", b"".join(lines[:2]) + orjson.dumps(txn) + b"\n" + b"".join(lines[3:])


def test_an_export_that_can_not_be_read_is_refused_in_words(bureau: Bureau, capsys: pytest.CaptureFixture[str]) -> None:
    keys, export = bureau.folder / "true-keys", bureau.folder / "spoiled"
    keys.write_bytes(as_bytes(bureau.keys))
    for name, content in spoiled(bureau):
        export.write_bytes(content)
        assert verify.main([str(export), str(keys)]) == 2, name
        said = capsys.readouterr()
        assert said.out == "", name
        assert re.fullmatch(r"the export [^\n]+\.\n", said.err), name


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(range(256)), b"[" * 100_000, b"{}\n"])
def test_a_process_that_can_not_read_its_export_says_so_and_ends_with_2(bureau: Bureau, content: bytes) -> None:
    verdict = bureau.verify(content)
    assert (verdict.code, verdict.out) == (2, "")
    assert verdict.err.startswith("the export ")


@pytest.mark.parametrize(
    "keys",
    [
        b"\xff\x00",
        b"[]",
        b"5",
        {"keys": []},
        {"keys": {}},
        {"keys": [5]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "short"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": 5}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "é"}]},
        {"keys": [{"kty": "RSA", "crv": "Ed25519", "kid": "x", "x": "x"}]},
    ],
)
def test_keys_that_can_not_be_read_are_refused_in_words(bureau: Bureau, keys: Any) -> None:
    verdict = bureau.verify(bureau.export, keys=keys)
    assert (verdict.code, verdict.out) == (2, "")
    assert verdict.err.startswith("the public keys can't be read")


@pytest.mark.parametrize(
    "published",
    [
        b"",
        b"\xff",
        [],
        5,
        {"items": []},
        {"items": 5},
        {"items": [5]},
        [{"seq": "1", "hash": "0" * 64}],
        [{"seq": 1, "hash": "0"}],
        [{"seq": 1, "hash": "0" * 64}, {"seq": 1, "hash": "1" * 64}],
    ],
)
def test_published_seals_that_can_not_be_read_are_refused_in_words(bureau: Bureau, published: Any) -> None:
    verdict = bureau.verify(bureau.export, published=published)
    assert (verdict.code, verdict.out) == (2, "")
    assert "published seals" in verdict.err


def test_published_seals_may_come_in_pages(bureau: Bureau) -> None:
    seals = bureau.published["items"]
    pages = [{"items": seals[:2], "next_cursor": "x"}, {"items": seals[2:], "next_cursor": None}]
    for published in (pages, seals, seals[0]):
        assert bureau.verify(bureau.export, published=published).code == 0


def test_files_that_are_not_there_are_refused_in_words(bureau: Bureau) -> None:
    bureau.verify(bureau.export, published=bureau.published)
    there = [str(bureau.folder / name) for name in ("export", "keys", "published")]
    for n, nowhere in ((0, "no-such-file"), (0, str(bureau.folder)), (1, "no-such-file"), (2, "no-such-file")):
        export, keys, published = [*there[:n], nowhere, *there[n + 1 :]]
        verdict = run(export, keys, "--seals", published)
        assert (verdict.code, verdict.out) == (2, "")
        assert "can't be read: " in verdict.err


def test_a_byte_that_is_changed_anywhere_after_the_first_line_is_noticed(
    bureau: Bureau, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, export = bureau.folder / "true-keys", bureau.folder / "flipped"
    keys.write_bytes(as_bytes(bureau.keys))
    random, begin = Random(6962), bureau.export.index(b"\n") + 1
    for _ in range(FLIPS):
        content = bytearray(bureau.export)
        place = random.randrange(begin, len(content) - 1)
        content[place] ^= 1 << random.randrange(8)
        export.write_bytes(content)
        assert verify.main([str(export), str(keys)]) in (1, 2), bytes(content[place - 40 : place + 40])
        assert "Everything holds" not in capsys.readouterr().out
    export.write_bytes(bureau.export)
    assert verify.main([str(export), str(keys)]) == 0
