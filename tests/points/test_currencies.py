"""Several currencies: each in a book of its own, turned into the next, added up where a rule looks at all of them."""

from __future__ import annotations

from blueprints.edge.house import House
from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.ledger import Book, Txn, TxnKind
from models.residents import Role
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, give, manager
from tests.points.staff_events import BOOKS, HEAD, VOID, at, books, under
from tests.rulebook.live import lines, organiser, put_in_force, recorded, usage


def test_each_currency_is_in_a_book_of_its_own_and_turns_into_the_next(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "reading")
    assert (outcome["awarded"], outcome["balance"]) == (2, 2)
    assert lines(outcome) == [
        ("award", "reading", 3),
        ("conversion", "to-lebi", 3),
        ("award", "to-lebi", 15),
        ("award", "reciting", 5),
        ("conversion", "to-lebi", 5),
        ("award", "to-lebi", 25),
        ("award", "presence", 2),
    ]
    assert books(api, resident) == {"points": 2, "culture": 0, "lebi": 4}
    recorded(staff, resident, "reading")
    assert books(api, resident) == {"points": 4, "culture": 6, "lebi": 5}, "10 of them turn, and no more"
    assert usage(town) == {("to-lebi", "ever"): (10, 10)}
    by_book = {row.code: row.id for row in town.rows(Book.id, Book.code)}
    moved = town.rows(Txn.book_id, Txn.kind, Txn.rule_id)
    assert {row.rule_id for row in moved if row.book_id == by_book["culture"]} == {"reading", "reciting", "to-lebi"}
    assert {row.rule_id for row in moved if row.book_id == by_book["lebi"]} == {"to-lebi"}
    assert balance_of(api, resident) == 4
    audit(town)


def test_an_event_that_is_void_gives_back_what_it_turned_into(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS, VOID)
    resident, staff = town.resident(), organiser(town, api)
    for ref in ("first", "second"):
        recorded(staff, resident, "reading", ref=ref)
    recorded(staff, resident, "complaint", care="first")
    assert books(api, resident) == {"points": 2, "culture": 6, "lebi": 1}
    assert usage(town) == {("to-lebi", "ever"): (2, 10)}
    audit(town)


def test_staff_take_back_an_award_of_any_book_in_that_book(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    resident, staff, boss = town.resident(), organiser(town, api), manager(town, api)
    recorded(staff, resident, "reading")
    awards = town.rows(Txn.id, Txn.kind, rule_id="to-lebi", kind=TxnKind.EARN)
    for txn in awards:
        assert boss.post(f"/ledger/transactions/{txn.id}/reversal", {"reason": "登记有误"}).status_code == 201
    assert books(api, resident) == {"points": 2, "culture": 0, "lebi": 0}
    audit(town)


def test_what_is_beyond_the_ceiling_goes_to_the_next_book_and_counts_under_the_limit_once(
    town: TownBuilder, api: ApiClient
) -> None:
    under(
        town,
        """
[[currency]]
id = "points"
name = "积分"
ceiling = 10
overflow = "fund"
[[currency]]
id = "fund"
name = "公益基金"
[[earn]]
id = "good"
event = "good"
title = "好事"
amount = 6
limits = [{ points = 20, per = "ever" }]
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    for n, (points, fund) in enumerate(((6, 0), (10, 2), (10, 8), (10, 10), (10, 10))):
        recorded(staff, resident, "good")
        assert books(api, resident) == {"points": points, "fund": fund}, n
    assert usage(town) == {("good", "ever"): (20, 20)}
    audit(town)


def test_the_nightly_run_books_what_has_lapsed_in_every_book(house: House, town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, HEAD.replace("years = 1", 'months = 1\nround_up_to = "day"') + BOOKS)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with at(0):
        for _ in range(2):
            recorded(api.as_(someone), resident, "reading")
        assert books(api, resident) == {"points": 4, "culture": 6, "lebi": 5}
    assert books(api, resident) == {"points": 0, "culture": 0, "lebi": 0}, "whether the run has come or not"
    errand = Errand(Means(town.database, house.keys), town.id, utc_now())
    done = [JOBS_BY_NAME["ledger-expiry"].deed(errand) for _ in range(2)]
    assert [each.result for each in done] == [
        {"wallets": 3, "lots": 3, "points": 4 + 6 + 50},
        {"wallets": 0, "lots": 0, "points": 0},
    ]
    assert len({row.book_id for row in town.rows(Txn.book_id, kind=TxnKind.EXPIRE)}) == 3
    audit(town)


TOTAL = """
[[total]]
id = "all"
title = "两种积分合计"
currencies = ["points", "culture"]
"""


def test_a_condition_on_a_total_finds_what_is_held_of_all_its_currencies(town: TownBuilder, api: ApiClient) -> None:
    """No other rule of this book asks for a balance."""
    culture = '[[earn]]\nid = "reading"\nevent = "reading"\ntitle = "阅读"\namount = 4\ncurrency = "culture"\n'
    visit = '[[earn]]\nid = "visit"\nevent = "visit"\ntitle = "到访"\namount = 3\nwhere = { total.all = { min = 7 } }\n'
    two = '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "culture"\nname = "文化积分"\n'
    under(town, two, TOTAL, culture, visit)
    resident, staff = town.resident(), organiser(town, api)
    give(town, resident, 3)
    assert lines(recorded(staff, resident, "visit")) == []
    recorded(staff, resident, "reading")
    assert lines(recorded(staff, resident, "visit")) == [("award", "visit", 3)]
    audit(town)


def test_a_way_out_sets_the_balance_to_what_it_says_whatever_was_held(town: TownBuilder, api: ApiClient) -> None:
    """No other rule of this book asks for a balance."""
    under(
        town,
        """
[[tally]]
id = "faults"
title = "违规"
events = ["fault"]
[[freeze]]
id = "borrowing"
title = "暂停借阅"
where = { tally.faults = { min = 2 } }
blocks = ["borrow"]
[[freeze.exit]]
title = "通过测验"
event = "quiz"
balance_becomes = 50
""",
    )
    staff, poor, rich = organiser(town, api), town.resident(), town.resident()
    for resident, before in ((poor, 10), (rich, 70)):
        give(town, resident, before)
        for _ in range(2):
            recorded(staff, resident, "fault")
        outcome = recorded(staff, resident, "quiz")
        assert (outcome["awarded"], outcome["taken"]) == (max(50 - before, 0), max(before - 50, 0))
        assert balance_of(api, resident) == 50
    audit(town)
