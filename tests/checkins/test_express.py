"""The express way of a scan (rules.checkins.express) does what the general way does, and all of it or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.checkins import Direction, Scan, Visit
from models.ledger import Account, AccountKind, Event, Posting, Txn
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.rulebook import Standing
from rules.checkins import express, scans
from rules.checkins.scans import ScanAnswer, ScanRequest
from rules.checkins.undoing import undo_scan
from rules.clock import utc_now
from rules.errors import RuleError
from rules.ledger import earning_fused, pools
from rules.ledger.earning import Earning, earn
from rules.ledger.pools import read_pool_balance, set_shards
from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import Cause
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook import standings
from rules.rulebook.standings import take_turn
from rules.rulebook.versions import publish, rulebook_in_force
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder, fresh_key, new_town
from tests.checkins.crowd import body_of, scan, with_place
from tests.checkins.doors import at
from tests.ledger.keeping import audit
from tests.races import from_processes, from_threads

DEMO = (Path(__file__).parents[2] / "demo" / "rulebook.toml").read_text("utf-8")
#: What the demo's rules don't say of a check-in: limits that share, a level that brings points, points that go.
STRICT = """
name = "严格积分规则"
[expiry]
years = 1
[calculation]
round = "down"
order = "document"
[[earn]]
id = "visit"
title = "到场"
event = "checkin"
amount = 5
limits = [{ points = 7, per = "day" }, { times = 2, per = "month" }]
[[limit]]
id = "week"
title = "每周"
rules = ["visit"]
points = 12
per = "week"
[[tally]]
id = "visits"
title = "到场次数"
events = ["checkin"]
by = "count"
[[deduct]]
id = "noise"
title = "喧哗"
event = "checkin"
where = { "tally.visits" = { min = 3 } }
amount = 3
[[ladder]]
id = "star"
title = "星级"
falls = true
[[ladder.level]]
id = "first"
title = "一星"
at = { "tally.visits" = 3 }
rights = [{ title = "奖励", points = 3 }]
"""
NOON = datetime.fromisoformat("2026-05-06T12:00:00+08:00")
PEOPLE, SESSIONS = 2, 3
WRITTEN = (
    *("reservation", "visit", "event", "standing", "standing_count", "standing_level", "standing_trace"),
    *("txn", "account", "lot", "rule_usage", "posting", "hold", "reversal", "scan", "scan_undo"),
)
MOMENTS_AND_HASHES = r"datetime\.datetime\(.*?tzinfo=.*?\)|b'.*?'(?=[,)])|b\".*?\"(?=[,)])"
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "in", "in", "out", "undo", "spend", "drain", "split"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, SESSIONS - 1),
    ),
    max_size=8,
)


@pytest.fixture
def postgresql(town: TownBuilder) -> TownBuilder:
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has the general way alone")
    return town


@contextmanager
def counting(*, fuses: bool) -> Iterator[list[object]]:
    """What was booked the express way; with `fuses` off nothing is."""
    booked: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        if not fuses:
            patch.setattr(express, "can_fuse", lambda _: False)
        for room in (pools, earning_fused, express):  # a key's hash would be another one in another town
            patch.setattr(room, "shard_of", lambda _, shards: shards - 1)
        send = scans.send_booking
        patch.setattr(scans, "send_booking", lambda *args: (booked.append(args), send(*args)))
        yield booked


class Story:
    """The same people at the same doors, in a town of their own; the doors open at once, or one after the other."""

    def __init__(self, town: TownBuilder, document: str | None, days_apart: int) -> None:
        self.town = town
        self.days = [timedelta(days=days_apart * n) for n in range(SESSIONS)]
        self.scanner = town.staff(Role.SCANNER)
        self.numbers = count()
        if document is not None:
            town.act(None, publish, document, NOON - timedelta(days=100))
        self.sessions = [
            town.session(
                activity_id=town.activity(title=f"亲子早教 {n}", allows_reentry=n == 1),
                starts_at=NOON + later,
                checkin_opens_at=NOON + later - timedelta(hours=1),
                ends_at=NOON + later + timedelta(hours=2),
                reservable_until=NOON + later + timedelta(hours=1),
            )
            for n, later in enumerate(self.days)
        ]
        self.people = [town.resident() for _ in range(PEOPLE)]
        for n, resident in enumerate(self.people):
            for session in self.sessions:
                town.act(resident, reserve_place, session, Wish(1))
            if n == 0:  # the other one has no wallet
                self.earn(resident, 50)
        self.nonces: list[str] = []

    def earn(self, resident: Person, amount: int) -> None:
        cause = Cause("test", "测试", utc_now())
        self.town.act(
            None, earn, f"story:{next(self.numbers)}", Earning(resident.id, amount, date(2099, 12, 31), cause)
        )

    def perform(self, step: Step) -> Any:
        deed, person, session = step
        resident = self.people[person]
        match deed:
            case "in" | "out":
                with at(NOON + self.days[session]):
                    return self.scan(resident, self.sessions[session], Direction(deed))
            case "undo" if self.nonces:
                return self.town.act(self.scanner, undo_scan, self.nonces[-1], "看错了").answer
            case "spend":
                spending = Spending(resident.id, 2, Cause("test", "测试", utc_now()), redeemer_id=self.town.id)
                try:
                    self.town.act(None, spend, f"story:{next(self.numbers)}", spending)
                except RuleError as refusal:
                    return type(refusal).__name__
            case "drain":
                left = self.town.database.read(self.town.id, SYSTEM, read_pool_balance)
                if left > 7:
                    self.earn(self.people[0], left - 7)
            case "split":
                self.town.act(None, set_shards, session + 1)
        return None

    def scan(self, resident: Person, session: int, direction: Direction) -> dict[str, Any]:
        nonce = f"nonce-{next(self.numbers):04}"
        self.nonces.append(nonce)
        request = ScanRequest(self.town.code_of(resident), session, direction, nonce)
        answer: ScanAnswer = self.town.act(self.scanner, scans.scan, self.town.house.keys, request)
        return answer.answer


def tell(
    town: TownBuilder, document: str | None, steps: list[Step], *, fuses: bool, days_apart: int = 0
) -> tuple[Any, ...]:
    """What everybody was told, what the tables hold, and how many scans went the express way."""
    with at(NOON), counting(fuses=fuses) as booked:
        story = Story(town, document, days_apart)
        answers = [story.perform(step) for step in steps]
        contents = town.contents()
        audit(town)
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"#{len(names)}")

    def plain(row: str) -> str:
        return re.sub(r"\d{12,}", name, re.sub(MOMENTS_AND_HASHES, "…", row))

    told = [f"{table} {plain(row)}" for table in WRITTEN for row in contents[table]]
    return told, [plain(repr(answer)) for answer in answers], len(booked)


@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(document=st.sampled_from([None, DEMO, STRICT]), steps=STEPS)
def test_both_ways_tell_the_same_and_write_the_same(
    postgresql: TownBuilder, document: str | None, steps: list[Step]
) -> None:
    house = postgresql.house
    *express_way, _ = tell(new_town(house), document, [("in", 0, 0), *steps], fuses=True)
    *general_way, booked = tell(new_town(house), document, [("in", 0, 0), *steps], fuses=False)
    assert_same(express_way, general_way)
    assert booked == 0


def assert_same(express_way: list[Any], general_way: list[Any]) -> None:
    for written, meant in zip(express_way, general_way, strict=True):
        assert [row for row in written if row not in meant] == [row for row in meant if row not in written]
        assert written == meant


@pytest.mark.parametrize("document", [None, DEMO, STRICT])
def test_day_after_day_both_ways_use_up_the_same_limits_and_count_the_same(
    postgresql: TownBuilder, document: str | None
) -> None:
    """The second day finds what the first one has used and counted; on the third, STRICT has a level and a deduction."""
    house = postgresql.house
    steps: list[Step] = [
        (deed, person, session) for session in range(SESSIONS) for person in range(PEOPLE) for deed in ("in", "out")
    ]
    *express_way, booked = tell(new_town(house), document, steps, fuses=True, days_apart=1)
    *general_way, _ = tell(new_town(house), document, steps, fuses=False, days_apart=1)
    assert_same(express_way, general_way)
    assert booked == (3 if document == STRICT else 5), "the first time of one of them has no wallet yet"


@pytest.mark.parametrize("document", [None, DEMO, STRICT])
def test_who_has_points_already_is_booked_the_express_way(postgresql: TownBuilder, document: str | None) -> None:
    steps: list[Step] = [("in", 0, 0), ("in", 1, 0)]
    *_, booked = tell(new_town(postgresql.house), document, steps, fuses=True)
    assert booked == 1, "the other one has no wallet yet"


def scanner_of(town: TownBuilder) -> Person:
    """Somebody with a scanner's role, and a process that has read the town since: what it presumes holds."""
    scanner = town.staff(Role.SCANNER)
    town.act(None, rulebook_in_force, utc_now())
    return scanner


def with_points(town: TownBuilder, session: int) -> Person:
    """Somebody with a place, who has earned before."""
    resident = with_place(town, session)
    cause = Cause("test", "测试", utc_now())
    town.act(None, earn, fresh_key(), Earning(resident.id, 1, date(2099, 12, 31), cause))
    return resident


def test_people_with_points_at_one_door_at_once_are_all_paid_and_the_books_agree(race_town: TownBuilder) -> None:
    """They meet at the pool's row, where each has to look at it again."""
    town, session, crowd = race_town, race_town.session(capacity=24), 24
    scanner = town.staff(Role.SCANNER)
    bodies = [body_of(town.code_of(with_points(town, session)), session) for _ in range(crowd)]
    answers = from_processes(town, scan, [(town.id, scanner.id, body) for body in bodies])
    assert {(answer["result"], answer["points"]["awarded"], answer["points"]["balance"]) for answer in answers} == {
        ("admitted", 5, 6)
    }
    assert len(town.rows(Posting.amount, amount=5)) == crowd
    audit(town)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_who_spends_between_the_questions_and_the_statement_is_told_the_balance_of_afterwards(
    postgresql: TownBuilder, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """Control arm: with the wallet taken as it is, whatever was read of it, the answer would be of before."""
    town = postgresql
    session = town.session()
    resident = with_points(town, session)
    send, spent = scans.send_booking, []

    def spend_first(work: Work, booking: express.Booking, entry: dict[str, Any]) -> None:
        if not spent:
            spent.append(True)
            cause = Cause("test", "测试", utc_now())
            spending = Spending(resident.id, 1, cause, redeemer_id=town.id)
            from_threads(lambda key: town.act(None, spend, key, spending), [(fresh_key(),)], threads=1)
        if not is_guarded:
            monkeypatch.setattr(express, "earning_parameters", as_it_is)
        send(work, booking, entry)

    def as_it_is(work: Work, key: str, earning: Earning, wallet: Any) -> dict[str, Any]:
        [row] = town.rows(Account.credited, Account.debited, id=wallet.id)
        seen = type(wallet)(wallet.id, row.credited, row.debited)
        return original(work, key, earning, seen)

    original: Callable[..., dict[str, Any]] = express.earning_parameters
    monkeypatch.setattr(scans, "send_booking", spend_first)
    scanner = scanner_of(town)
    request = ScanRequest(town.code_of(resident), session, Direction.IN, fresh_key())
    answer = town.act(scanner, scans.scan, town.house.keys, request).answer
    [wallet] = town.rows(Account.credited, Account.debited, kind=AccountKind.WALLET)
    assert wallet.credited - wallet.debited == 5
    assert answer["points"]["balance"] == (5 if is_guarded else 6)
    audit(town)


@pytest.mark.parametrize("how", ["nonce", "pool", "wallet"])
def test_what_comes_short_leaves_nothing_and_is_tried_again(
    postgresql: TownBuilder, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The COMMIT is on its way already, and commits nothing."""
    town = postgresql
    session = town.session()
    resident = with_points(town, session)
    spoils = {
        "nonce": {"scan_nonce": "taken-1234"},
        "pool": {"pool_shard": 9},
        "wallet": {"debited_before": 77},
    }[how]
    if how == "nonce":
        other = with_points(town, session)
        scanner = town.staff(Role.SCANNER)
        request = ScanRequest(town.code_of(other), session, Direction.IN, "taken-1234")
        town.act(scanner, scans.scan, town.house.keys, request)
        spoils["scan_scanner_id"] = scanner.id  # type: ignore[assignment]
    before = {table: len(town.rows(table.id)) for table in (Event, Txn, Visit, Scan)}
    tries: list[dict[str, Any]] = []
    ask_door, work_send = scans.ask_door, Work.send

    def look_first(*args: Any) -> Any:
        tries.append({table: len(town.rows(table.id)) for table in (Event, Txn, Visit, Scan)})
        return ask_door(*args)

    def send(work: Work, statement: Any, parameters: Any) -> Any:
        return work_send(
            work, statement, {**parameters, **spoils} if statement in express._ADMIT.values() else parameters
        )

    monkeypatch.setattr(scans, "ask_door", look_first)
    monkeypatch.setattr(Work, "send", send)
    request = ScanRequest(town.code_of(resident), session, Direction.IN, fresh_key())
    answer = town.act(scanner_of(town), scans.scan, town.house.keys, request).answer
    assert answer["points"] == {"awarded": 5, "balance": 6, "explanation": answer["points"]["explanation"]}
    assert tries == [before, before], "nothing was left of the first try"
    assert {table: len(town.rows(table.id)) for table in before} == {table: n + 1 for table, n in before.items()}
    [status] = {row.status for row in town.rows(Reservation.status, resident_id=resident.id)}
    assert status is ReservationStatus.CHECKED_IN
    audit(town)


def test_who_earns_again_and_again_meanwhile_is_let_in_and_paid(
    postgresql: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came short once goes the general way, which keeps others from the wallet before it reads."""
    town = postgresql
    session = town.session()
    resident = with_points(town, session)
    send, earned = scans.send_booking, []

    def earn_first(work: Work, booking: express.Booking, entry: dict[str, Any]) -> None:
        earned.append(booking)
        earning = Earning(resident.id, 1, date(2099, 12, 31), Cause("test", "测试", utc_now()))
        from_threads(lambda key: town.act(None, earn, key, earning), [(fresh_key(),)], threads=1)
        send(work, booking, entry)

    monkeypatch.setattr(scans, "send_booking", earn_first)
    request = ScanRequest(town.code_of(resident), session, Direction.IN, fresh_key())
    answer = town.act(scanner_of(town), scans.scan, town.house.keys, request).answer
    assert (answer["points"]["awarded"], answer["points"]["balance"]) == (5, 7)
    assert len(earned) == 1
    audit(town)


@pytest.mark.parametrize("after", ["what is guarded", "what was counted"])
def test_an_event_that_counts_meanwhile_is_heard_before_the_rules_are_asked(
    postgresql: TownBuilder, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Whichever of the questions it comes after: the counts may be of before it, and its turn isn't."""
    town = postgresql
    town.act(None, publish, DEMO, utc_now() - timedelta(days=1))
    session = town.session()
    resident = with_points(town, session)
    town.act(None, take_turn, resident.id)
    scanner = scanner_of(town)
    works: list[Work] = []
    send, ask_door = Work.send, scans.ask_door
    last = express._GUARDED if after == "what is guarded" else standings._counts

    def ask(work: Work, *args: Any) -> Any:
        works.append(work)
        return ask_door(work, *args)

    def send_and_be_late(work: Work, statement: Any, parameters: Any) -> Any:
        reply = send(work, statement, parameters)
        if statement is last and works == [work]:
            reply.all()
            from_threads(lambda resident_id: town.act(None, take_turn, resident_id), [(resident.id,)], threads=1)
        return reply

    monkeypatch.setattr(scans, "ask_door", ask)
    monkeypatch.setattr(Work, "send", send_and_be_late)
    request = ScanRequest(town.code_of(resident), session, Direction.IN, fresh_key())
    assert town.act(scanner, scans.scan, town.house.keys, request).answer["result"] == "admitted"
    assert [work.came_short for work in works] == [False, True], "the second try went the general way"
    assert [row.events for row in town.rows(Standing.events)] == [3]


def test_who_is_known_around_a_session_or_was_paid_for_it_goes_the_general_way_at_once(
    postgresql: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At two doors of one hour, and again after an undo: nothing is written and undone for it."""
    town = postgresql
    session, at_the_same_time = town.session(), town.session()
    resident = with_points(town, session)
    town.act(resident, reserve_place, at_the_same_time, Wish(1))
    scanner = scanner_of(town)
    works: list[Work] = []
    ask_door = scans.ask_door

    def ask(work: Work, *args: Any) -> Any:
        works.append(work)
        return ask_door(work, *args)

    monkeypatch.setattr(scans, "ask_door", ask)

    def come(where: int) -> Any:
        request = ScanRequest(town.code_of(resident), where, Direction.IN, fresh_key())
        assert town.act(scanner, scans.scan, town.house.keys, request).answer["result"] == "admitted"
        return request.nonce

    nonce = come(session)
    town.act(scanner, undo_scan, nonce, "看错了")
    come(session)
    come(at_the_same_time)
    assert [work.came_short for work in works] == [False] * 3
    audit(town)
