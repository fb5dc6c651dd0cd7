"""What a process keeps of a town is never older than the town's last committed change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from blueprints.edge.house import House
from models.ledger import Book
from models.residents import Role, RoleGrant, Staff, StaffStatus
from models.revisions import TownRevision
from models.territory import HostKind, Territory, TerritoryKind, Town
from rules.bounded import Bounded
from rules.ledger.pools import open_book
from rules.residents.identity import TokenRevoked, identify
from rules.residents.tokens import Owner
from rules.revisions import forget, keep
from rules.rulebook.versions import publish, rulebook_in_force
from rules.work import SYSTEM, VISITOR, ActorKind, Transactions, Work
from tests.build import RULEBOOK, Person, TownBuilder, new_town


@pytest.fixture
def elsewhere(town: TownBuilder) -> Transactions:
    """Another worker on the same database: what it keeps is its own."""
    return Transactions(town.database.engine)


def roles_of(transactions: Transactions, town: TownBuilder, person: Person, version: int = 1) -> set[Role]:
    owner = Owner(ActorKind.STAFF, town.id, person.id, version)
    return {grant.role for grant in transactions.read(town.id, VISITOR, identify, owner).grants}


def change(town: TownBuilder, statement: Any) -> None:
    town.act(None, lambda work: work.core.execute(statement))


def revision_of(town: TownBuilder) -> int:
    return town.database.read(
        town.id, SYSTEM, lambda work: work.core.scalar(select(TownRevision.revision).filter_by(town_id=town.id)) or 0
    )


def take_away(town: TownBuilder, person: Person) -> None:
    change(town, delete(RoleGrant).where(RoleGrant.town_id == town.id, RoleGrant.staff_id == person.id))


@pytest.fixture
def without_triggers(town: TownBuilder) -> Iterator[None]:
    """The control: nothing raises the revision when a role goes."""
    if town.database.engine.dialect.name == "sqlite":
        name = "role_grant_delete_raises_revision"
        found = town.act(
            None, lambda work: work.core.scalar(text("SELECT sql FROM sqlite_master WHERE name = :n"), {"n": name})
        )
        assert found is not None
        off, on = f"DROP TRIGGER {name}", found.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1)
    else:
        off, on = (f"ALTER TABLE role_grant {way} TRIGGER role_grant_raises_revision" for way in ("DISABLE", "ENABLE"))
    change(town, text(off))
    yield
    change(town, text(on))


def test_a_role_that_was_taken_away_is_gone_at_once_in_every_worker(town: TownBuilder, elsewhere: Transactions) -> None:
    person = town.staff(Role.SCANNER)
    workers = (town.database, elsewhere)
    assert [roles_of(worker, town, person) for worker in workers] == [{Role.SCANNER}] * 2
    take_away(town, person)
    assert [roles_of(worker, town, person) for worker in workers] == [set()] * 2


def test_without_its_trigger_a_role_that_was_taken_away_would_live_on(
    town: TownBuilder, elsewhere: Transactions, without_triggers: None
) -> None:
    person = town.staff(Role.SCANNER)
    assert roles_of(elsewhere, town, person) == {Role.SCANNER}
    take_away(town, person)
    assert roles_of(elsewhere, town, person) == {Role.SCANNER}


def test_a_role_is_asked_for_once_as_long_as_nothing_changes(town: TownBuilder, elsewhere: Transactions) -> None:
    person, other = town.staff(Role.SCANNER), town.staff(Role.MANAGER)
    roles_of(elsewhere, town, person)
    asked: list[str] = []
    for who in (person, person, other):
        elsewhere.read(town.id, VISITOR, lambda work, who=who: keep(work, ("staff", who.id), lambda: asked.append("")))
    assert len(asked) == 1, "the other's role alone wasn't known yet"


def test_a_server_that_lost_the_last_changes_gives_out_no_revision_for_the_second_time(
    town: TownBuilder, elsewhere: Transactions
) -> None:
    person, other = town.staff(Role.SCANNER), town.staff(Role.MANAGER)
    before = revision_of(town)
    change(town, update(RoleGrant).where(RoleGrant.staff_id == person.id).values(role=Role.MANAGER))
    assert roles_of(elsewhere, town, person) == {Role.MANAGER}
    # The standby that takes over never heard of it; `elsewhere` asks again only after the next change.
    change(town, update(RoleGrant).where(RoleGrant.staff_id == person.id).values(role=Role.SCANNER))
    change(town, update(TownRevision).where(TownRevision.town_id == town.id).values(revision=before))
    change(town, update(Staff).where(Staff.id == other.id).values(token_version=2))
    # A file has no standby, so SQLite counts: the control.
    counts = town.database.engine.dialect.name == "sqlite"
    assert roles_of(elsewhere, town, person) == {Role.MANAGER if counts else Role.SCANNER}


def test_a_process_that_loses_a_connection_forgets_what_it_kept(
    town: TownBuilder, elsewhere: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.work.PAUSE_SECONDS_MIN", 0.0)
    person = town.staff(Role.SCANNER)
    assert roles_of(elsewhere, town, person) == {Role.SCANNER}
    answers = iter([DBAPIError("SELECT", None, Exception(), connection_invalidated=True), None])

    def deed(_work: Work) -> None:
        if (lost := next(answers)) is not None:
            raise lost

    elsewhere.read(town.id, SYSTEM, deed)
    found = elsewhere.read(town.id, VISITOR, lambda work: keep(work, ("staff", person.id), lambda: "looked anew"))
    assert found == "looked anew"


def test_staff_who_are_closed_or_whose_tokens_are_revoked_are_nobody_at_once(
    town: TownBuilder, elsewhere: Transactions
) -> None:
    closed, revoked = town.staff(Role.ADMIN), town.staff(Role.ADMIN)
    for person in (closed, revoked):
        assert roles_of(elsewhere, town, person)
    change(town, update(Staff).where(Staff.id == closed.id).values(status=StaffStatus.CLOSED))
    change(town, update(Staff).where(Staff.id == revoked.id).values(token_version=2))
    for person in (closed, revoked):
        with pytest.raises(TokenRevoked):
            roles_of(elsewhere, town, person)
    assert roles_of(elsewhere, town, revoked, version=2) == {Role.ADMIN}


def test_a_published_rulebook_is_in_force_at_once_in_every_worker(town: TownBuilder, elsewhere: Transactions) -> None:
    def number(worker: Transactions, later: timedelta) -> int:
        found = worker.read(town.id, SYSTEM, lambda work: rulebook_in_force(work, work.now + later))
        return found.number if found else 0

    hour = timedelta(hours=1)
    before = [number(worker, hour) for worker in (town.database, elsewhere)]
    town.act(None, lambda work: publish(work, RULEBOOK, work.now + hour / 2))
    assert [number(worker, hour) for worker in (town.database, elsewhere)] == [before[0] + 1] * 2
    assert [number(worker, timedelta(0)) for worker in (town.database, elsewhere)] == before


def test_who_publishes_a_rulebook_sees_it_in_the_same_work(town: TownBuilder) -> None:
    def deed(work: Work) -> tuple[int, int]:
        before = rulebook_in_force(work, work.now)
        number = publish(work, RULEBOOK, work.now)
        after = rulebook_in_force(work, work.now)
        assert before is not None
        assert after is not None
        return after.number - before.number, after.number - number

    assert town.act(None, deed) == (1, 0)


def test_what_an_undone_work_found_is_not_kept(town: TownBuilder, elsewhere: Transactions) -> None:
    person = town.staff(Role.SCANNER)

    def deed(work: Work) -> None:
        work.core.execute(delete(RoleGrant).where(RoleGrant.town_id == town.id, RoleGrant.staff_id == person.id))
        assert identify(work, Owner(ActorKind.STAFF, town.id, person.id, 1)).grants == ()
        raise LookupError

    with pytest.raises(LookupError):
        elsewhere.write(town.id, SYSTEM, deed)
    assert roles_of(elsewhere, town, person) == {Role.SCANNER}


def test_a_work_that_forgets_looks_itself_and_leaves_nothing_behind(town: TownBuilder, elsewhere: Transactions) -> None:
    def deed(work: Work) -> list[int]:
        first = keep(work, "number", lambda: 1)
        forget(work)
        return [first, keep(work, "number", lambda: 2)]

    assert elsewhere.write(town.id, SYSTEM, deed) == [1, 2]
    assert elsewhere.read(town.id, SYSTEM, lambda work: keep(work, "number", lambda: 3)) == 3


def test_every_change_of_what_is_kept_raises_the_revision_of_its_own_town_alone(
    town: TownBuilder, house: House
) -> None:
    neighbour = new_town(house)
    person = town.staff(Role.SCANNER)
    calm = revision_of(neighbour)
    node = {"town_id": town.id, "id": 77, "parent_id": town.street_id, "kind": TerritoryKind.COMMUNITY, "name": "新"}
    changes = [
        update(Staff).where(Staff.id == person.id).values(token_version=5),
        update(Staff).where(Staff.id == person.id).values(status=StaffStatus.CLOSED),
        update(RoleGrant).where(RoleGrant.staff_id == person.id).values(role=Role.AUDITOR),
        insert(Territory).values(**node, path=f"{town.street_id}/77/", homes=0),
        update(Territory).where(Territory.town_id == town.id, Territory.id == 77).values(path=f"{town.street_id}/78/"),
        delete(Territory).where(Territory.town_id == town.id, Territory.id == 77),
        update(Book).where(Book.town_id == town.id).values(pool_shards=2),
        update(Town).where(Town.id == town.id).values(host_kind=HostKind.OPERATOR),
    ]
    for statement in changes:
        before = revision_of(town)
        change(town, statement)
        assert revision_of(town) > before, str(statement)
    before = revision_of(town)
    town.act(None, open_book, "hours", "时长")
    with_book = revision_of(town)
    town.act(None, lambda work: publish(work, RULEBOOK, work.now))
    assert before < with_book < revision_of(town)
    assert revision_of(neighbour) == calm


def test_to_sign_in_and_to_be_renamed_raises_nothing(town: TownBuilder) -> None:
    person = town.staff(Role.SCANNER)
    before = revision_of(town)
    change(town, update(Staff).where(Staff.id == person.id).values(name="李工", password_hash="x", token_version=1))
    change(town, update(Territory).where(Territory.town_id == town.id).values(homes=Territory.homes + 1))
    town.resident()
    assert revision_of(town) == before


def test_the_code_of_a_town_never_changes(town: TownBuilder) -> None:
    with pytest.raises(DBAPIError):
        change(town, update(Town).where(Town.id == town.id).values(code="another"))
    assert town.rows(RoleGrant.id) == []


def test_what_is_bounded_forgets_what_was_asked_for_longest_ago() -> None:
    things: Bounded[int, str] = Bounded(2)
    things.put(1, "one")
    things.put(2, "two")
    assert things.get(1) == "one"
    things.put(3, "three")
    assert (things.get(1), things.get(2), things.get(3), len(things)) == ("one", None, "three", 2)
