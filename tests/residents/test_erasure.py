"""Protects erasure: nothing of a person is left but rows that name nobody, and the books hold."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import Table, select, update

from models.activities import Session
from models.adjustments import Adjustment, DecisionStatus
from models.base import Base
from models.groups import Group, GroupStatus
from models.ledger import Txn
from models.reservations import Reservation, ReservationStatus
from models.residents import Erasure, Resident, Role
from models.rewards import Redemption, RedemptionStatus
from models.seals import ResidentSalt
from models.venues import BookingStatus, VenueBooking
from rules.clock import local_day, utc_now
from rules.ledger.sealing import seal_day
from rules.rights.erasing import Erased, begin, erase_due, erase_one, finish
from rules.rights.holdings import HOLDINGS, OTHERS
from rules.rights.unwinding import find_open
from rules.work import SYSTEM, ActorKind, Work
from tests.build import ApiClient, Person, TownBuilder, add
from tests.edge.helpers import problem_of
from tests.groups.neighbours import group_of, join
from tests.ledger.keeping import audit
from tests.residents.everything import Known, fill_everything
from tests.residents.people import register_child
from tests.residents.rights import ask_erasure, erase_now, everything_in, signed_in
from tests.rewards.mall import balances, open_mall, redeemed, reward, rich
from tests.venues.halls import booked, hall, tomorrow

#: Columns that may hold a resident's id without a foreign key that says so.
NAMING = {
    "principal_id",
    "agent_id",
    "subject_id",
    "actor_id",
    "owner_id",
    "holder_id",
    "uploader_id",
    "founded_by_id",
    "reporter_id",
    "blocker_id",
    "blocked_id",
    "undone_by_id",
    "member_id",
    "made_by",
    "by_author",
}


def add_adjustment(town: TownBuilder, resident_id: int) -> None:
    staff = town.staff(Role.MANAGER)
    row = {"resident_id": resident_id, "amount": 5, "reason": "补发", "needs_second_person": True}
    waiting = {"status": DecisionStatus.PENDING, "requested_by": staff.id}
    town.act(None, lambda work: add(work, Adjustment, requested_at=work.now, **row, **waiting))


def add_reservation(town: TownBuilder, session_id: int, resident_id: int) -> None:
    """A place that is taken, as a request would have left it."""

    def deed(work: Work) -> None:
        row = {"session_id": session_id, "resident_id": resident_id, "party_size": 1}
        add(work, Reservation, reserved_at=work.now, status=ReservationStatus.CONFIRMED, **row)
        work.core.execute(update(Session).where(Session.town_id == town.id, Session.id == session_id).values(taken=1))

    town.act(None, deed)


def as_known(town: TownBuilder, api: ApiClient, known: Known) -> ApiClient:
    return api.as_(Person(known.id, ActorKind.RESIDENT, known.name))


def rows_of(town: TownBuilder, known: Known) -> dict[str, int]:
    """How many rows each holding has of somebody."""

    def deed(work: Work) -> dict[str, int]:
        asked = {"town": town.id, "resident": known.id, "now": work.now, "resident_text": str(known.id)}
        return {
            holding.table.__tablename__: len(
                work.core.execute(select(*holding.table.__table__.primary_key).where(holding.whose), asked).all()
            )
            for holding in HOLDINGS
        }

    return town.database.read(town.id, SYSTEM, deed)


def test_of_a_resident_with_something_in_every_table_nothing_is_left_that_names_them(
    town: TownBuilder, api: ApiClient
) -> None:
    known = fill_everything(town)
    before = rows_of(town, known)
    assert not [h.table.__tablename__ for h in HOLDINGS if not h.kept and before[h.table.__tablename__] == 0]
    assert any(known.secret in text for text in everything_in(town).values())
    assert ask_erasure(as_known(town, api, known)).status_code == 201
    assert erase_now(town, known.id).residents == 1
    left = {(name, word) for name, text in everything_in(town).items() for word in known.words if word in text}
    assert left == set()
    after = rows_of(town, known)
    assert not [h.table.__tablename__ for h in HOLDINGS if h.is_deleted and after[h.table.__tablename__]]


def names_residents(table: Table) -> bool:
    """Whether a table has a column that may name a resident."""
    by_key = any(key.referred_table.name == "resident" for key in table.foreign_key_constraints)
    return by_key or any(column.name.endswith("resident_id") or column.name in NAMING for column in table.c)


def test_every_table_that_names_residents_says_what_a_copy_shows_and_what_an_erasure_does() -> None:
    told = {holding.table.__tablename__ for holding in HOLDINGS}
    naming = {table.name for table in Base.metadata.tables.values() if names_residents(table)}
    assert naming - told == set(OTHERS)
    assert not told & set(OTHERS)
    for holding in HOLDINGS:
        columns = set(holding.table.__table__.c.keys())
        assert {*holding.hidden, *holding.people, *holding.written} <= columns, holding.table
        assert (holding.room is None) == bool(holding.why_not_shown), holding.table
        assert holding.is_deleted + bool(holding.written) + bool(holding.kept) == 1, holding.table


def test_what_is_open_ends_first_and_the_points_lapse_by_an_ordinary_transaction(
    town: TownBuilder, api: ApiClient
) -> None:
    open_mall(town)
    person = rich(town, 100)
    me, heir = api.as_(person), town.resident("接班")
    session, prize = town.session(begins_in=timedelta(minutes=1), reservable_for=timedelta(seconds=30)), reward(town)
    reserved = me.post(f"/sessions/{session}/reservations", {"party_size": 3}).json["id"]
    redeemed(me, prize)
    booking = booked(me, hall(town), tomorrow(10))
    alone, shared = group_of(town, api, person, name="独自一人"), group_of(town, api, person, name="大家一起")
    join(api, heir, shared)
    sealed = town.act(None, seal_day, town.house.keys, local_day(utc_now() - timedelta(days=1)))
    assert ask_erasure(me).status_code == 201
    assert erase_now(town, person.id) == Erased(1, 0)
    assert erase_now(town, person.id) == Erased(0, 0)  # a second run finds nothing to do
    [(reservation,)] = town.rows(Reservation, id=int(reserved))
    assert (reservation.status, town.rows(Session.taken, id=session)[0].taken) == (ReservationStatus.CANCELLED, 0)
    assert town.rows(Redemption.status, resident_id=person.id)[0].status is RedemptionStatus.CANCELLED
    assert town.rows(VenueBooking.status, id=int(booking["id"]))[0].status is BookingStatus.CANCELLED
    assert town.rows(Group.status, id=int(alone["id"]))[0].status is GroupStatus.CLOSED
    assert api.as_(heir).get(f"/groups/{shared['id']}").json["my_role"] == "owner"
    assert town.rows(Erasure.points_forfeited, resident_id=person.id)[0].points_forfeited == 100
    assert balances(town, person) == (0, 0)
    [(lapsed,)] = town.rows(Txn, reason="erasure")
    assert lapsed.actor_id is None
    audit(town)
    assert town.act(None, seal_day, town.house.keys, sealed.day).hash == sealed.hash
    assert town.rows(ResidentSalt, resident_id=person.id) == []


def test_it_waits_seven_days_in_which_it_is_taken_back(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident("反悔")
    me = api.as_(person)
    problem_of(ask_erasure(me, confirmation="好"), 422, "erasure.confirmation_wrong")
    problem_of(me.get("/me/erasure"), 404, "erasure.none")
    asked = ask_erasure(me).json
    waits = datetime.fromisoformat(asked["due_at"]) - datetime.fromisoformat(asked["asked_at"])
    assert waits == timedelta(days=7)
    problem_of(ask_erasure(me), 409, "erasure.already_asked")
    assert erase_due(town.database, town.id).residents == 0
    assert me.delete("/me/erasure").status_code == 204
    assert erase_now(town, person.id).residents == 0
    assert me.get("/me").json["name"] == "反悔"
    assert ask_erasure(me).status_code == 201
    [(erasure_id,)] = town.rows(Erasure.id, resident_id=person.id, withdrawn_at=None)
    assert town.act(None, begin, erasure_id) == person.id
    assert me.get("/me").status_code == 401  # nobody is them any more
    problem_of(api.as_(person, token_version=2).delete("/me/erasure"), 409, "erasure.begun")


def test_who_signs_in_afterwards_is_somebody_new(town: TownBuilder, api: ApiClient) -> None:
    openid = f"demo:{uuid.uuid4().hex}"
    me, old_id = signed_in(api, openid)
    me.call("PATCH", "/me", {"name": "旧我"})
    assert ask_erasure(me).status_code == 201
    erase_now(town, old_id)
    assert me.get("/me").status_code == 401
    again, new_id = signed_in(api, openid)
    assert new_id != old_id
    assert again.get("/me").json["name"] == ""


def test_it_is_refused_while_somebody_has_to_decide_or_a_child_would_be_left_alone(
    town: TownBuilder, api: ApiClient
) -> None:
    person = town.resident("妈妈", born_on=date(1990, 1, 1))
    me = api.as_(person)
    child = register_child(me).json
    assert "监护人" in problem_of(ask_erasure(me), 409, "erasure.blocked")["detail"]
    problem_of(ask_erasure(api.as_(town.resident("旁人")), resident_id=child["id"]), 403, "proxy.none")
    assert ask_erasure(me, resident_id=child["id"]).status_code == 201
    erase_now(town, int(child["id"]))
    assert town.rows(Resident.name, id=int(child["id"]))[0].name == ""
    add_adjustment(town, person.id)
    assert "调整" in problem_of(ask_erasure(me), 409, "erasure.blocked")["detail"]


def test_what_is_opened_while_it_runs_is_ended_too_and_without_the_second_look_it_would_stay(
    town: TownBuilder, api: ApiClient
) -> None:
    person, session = town.resident(), town.session()
    ask_erasure(api.as_(person))
    [(erasure_id,)] = town.rows(Erasure.id, resident_id=person.id)
    town.act(None, begin, erasure_id)
    assert town.database.read(town.id, SYSTEM, find_open, person.id) == []
    add_reservation(
        town, session, person.id
    )  # committed between the look and the end, by a request that was on its way
    assert town.act(None, finish, erasure_id, person.id) is False
    assert erase_one(town.database, town.id, erasure_id)
    assert town.rows(Reservation.status, resident_id=person.id)[0].status is ReservationStatus.CANCELLED
