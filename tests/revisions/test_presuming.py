"""What a work presumed is looked at before anything of it counts (rules.work)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from models.residents import Resident, Role, RoleGrant
from models.territory import Operator
from rules.errors import Busy
from rules.residents.identity import Forbidden, TokenRevoked, identify
from rules.residents.tokens import Owner
from rules.work import VISITOR, ActorKind, Transaction, Transactions, TryAgain, Work
from tests.build import Person, TownBuilder

Deed = Callable[[Work], Any]
WRITTEN = "试写的机构"
_add = insert(Operator)


class NotHere(Busy):
    """A refusal of these tests. It has no code of its own, so the product's list of codes stays as it is."""


@pytest.fixture
def elsewhere(town: TownBuilder) -> Transactions:
    """Another worker on the same database: what it keeps is its own."""
    return Transactions(town.database.engine)


def as_staff(town: TownBuilder, person: Person, deed: Deed) -> Deed:
    """The deed by whoever a token of staff names, who must hold a scanner's role."""

    def perform(work: Work) -> Any:
        actor = identify(work, Owner(ActorKind.STAFF, town.id, person.id, 1))
        if not actor.holds(Role.SCANNER):
            raise Forbidden
        return deed(replace(work, actor=actor))

    return perform


def as_resident(town: TownBuilder, person: Person, deed: Deed) -> Deed:
    return lambda work: deed(replace(work, actor=identify(work, Owner(ActorKind.RESIDENT, town.id, person.id, 1))))


def take_role_away(town: TownBuilder, person: Person) -> None:
    gone = delete(RoleGrant).where(RoleGrant.town_id == town.id, RoleGrant.staff_id == person.id)
    town.act(None, lambda work: work.core.execute(gone))


def end_tokens(town: TownBuilder, person: Person) -> None:
    ended = update(Resident).where(Resident.town_id == town.id, Resident.id == person.id).values(token_version=2)
    town.act(None, lambda work: work.core.execute(ended))


def write(work: Work) -> str:
    operator = {"town_id": work.town_id, "id": work.new_id(), "name": WRITTEN}
    work.core.execute(_add, operator)
    return "written"


def refuse(_work: Work) -> None:
    raise NotHere


def fail(_work: Work) -> None:
    raise LookupError("there is no such row any more")


def break_a_rule_of_the_database(work: Work) -> None:
    """Nobody waits for what was sent: on PostgreSQL the error comes while the presumption is looked at."""
    operator = {"town_id": work.town_id, "id": work.new_id(), "name": WRITTEN}
    work.send(_add, operator)
    work.send(_add, operator)


def give_way(_work: Work) -> None:
    raise TryAgain


def is_written(town: TownBuilder) -> bool:
    found = select(Operator.id).where(Operator.town_id == town.id, Operator.name == WRITTEN)
    return town.act(None, lambda work: work.core.scalar(found)) is not None


DEEDS = pytest.mark.parametrize("deed", [write, refuse, fail, break_a_rule_of_the_database, give_way])


@DEEDS
def test_whose_role_is_gone_does_nothing_and_learns_nothing(
    town: TownBuilder, elsewhere: Transactions, deed: Deed
) -> None:
    person = town.staff(Role.SCANNER)
    assert elsewhere.write(town.id, VISITOR, as_staff(town, person, lambda _work: "known")) == "known"
    take_role_away(town, person)
    with pytest.raises(Forbidden):
        elsewhere.write(town.id, VISITOR, as_staff(town, person, deed))
    assert not is_written(town)


@DEEDS
def test_whose_token_has_ended_does_nothing_and_learns_nothing(
    town: TownBuilder, elsewhere: Transactions, deed: Deed
) -> None:
    person = town.resident()
    end_tokens(town, person)
    with pytest.raises(TokenRevoked):
        elsewhere.write(town.id, VISITOR, as_resident(town, person, deed))
    assert not is_written(town)


@pytest.mark.parametrize(("deed", "told"), [(write, None), (refuse, NotHere), (fail, LookupError)])
def test_without_the_look_at_the_end_they_would(
    town: TownBuilder,
    elsewhere: Transactions,
    monkeypatch: pytest.MonkeyPatch,
    deed: Deed,
    told: type[Exception] | None,
) -> None:
    """The control arm of both."""
    monkeypatch.setattr(Transaction, "confirm", lambda _self: None)
    person = town.resident()
    end_tokens(town, person)
    if told is None:
        assert elsewhere.write(town.id, VISITOR, as_resident(town, person, deed)) == "written"
        assert is_written(town)
        return
    with pytest.raises(told):
        elsewhere.write(town.id, VISITOR, as_resident(town, person, deed))


def test_what_turns_out_to_be_of_before_costs_one_second_try(town: TownBuilder, elsewhere: Transactions) -> None:
    person, other = town.staff(Role.SCANNER), town.staff(Role.SCANNER)
    tries: list[Work] = []

    def deed(work: Work) -> int:
        tries.append(work)
        return len(tries)

    for who in (person, other):
        elsewhere.read(town.id, VISITOR, as_staff(town, who, deed))
    take_role_away(town, town.staff(Role.MANAGER))
    tries.clear()
    assert elsewhere.read(town.id, VISITOR, as_staff(town, person, deed)) == 2
    assert [work.presumes for work in tries] == [True, False]
    assert elsewhere.read(town.id, VISITOR, as_staff(town, other, deed)) == 3, "what it keeps of the other is older"
    assert elsewhere.read(town.id, VISITOR, as_staff(town, other, deed)) == 4


def test_a_survey_presumes_nothing(town: TownBuilder, elsewhere: Transactions) -> None:
    assert not elsewhere.survey(town.id, VISITOR, lambda work: work.presumes)
