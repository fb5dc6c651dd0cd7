"""Dead letters from the command line: what is shown of them, and who may have them tried again or drop them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.administration import AdminDeed
from models.jobs import Outbox
from models.notices import SendState, SubscriptionSend
from models.residents import Role
from rules import delivery
from rules.notices.delivering import SEND
from rules.outbox import Message
from rules.work import SYSTEM, Work
from tests.admin.conftest import Call
from tests.build import TownBuilder
from tests.notices.helpers import (
    LEASE,
    courier_of,
    deliver,
    fake_wechat,
    grant,
    left,
    never_quiet,
    session_message,
    tell,
)

SECRET = "13800001111"
TOPICS = ("first.told", "first.told", "second.told")


@pytest.fixture
def letters(own_town: TownBuilder) -> list[str]:
    """The ids of dead letters, one for each of TOPICS."""
    tell(own_town, *(Message(topic, f"key-{n}", {"phone": SECRET}) for n, topic in enumerate(TOPICS)))
    for message in own_town.database.write(own_town.id, SYSTEM, delivery.claim_due, 10, LEASE):
        own_town.act(None, delivery.give_up, message, "wechat.template_wrong")
    return [str(row.id) for row in sorted(own_town.rows(Outbox.id))]


def fates(town: TownBuilder) -> list[str]:
    """What is to become of each message."""
    rows = sorted(town.rows(Outbox.id, Outbox.failed_at, Outbox.dismissed_at))
    return ["dropped" if row.dismissed_at else "dead" if row.failed_at else "waits" for row in rows]


def recorded(town: TownBuilder) -> list[tuple[str, str, int | None]]:
    rows = town.rows(AdminDeed.id, AdminDeed.deed, AdminDeed.subject, AdminDeed.staff_id)
    return [(row.deed, row.subject, row.staff_id) for row in sorted(rows)]


def test_what_is_shown_of_a_dead_letter_is_not_what_it_says(
    call: Call, own_town: TownBuilder, letters: list[str]
) -> None:
    asked = ("letters", "list", "--town", own_town.code, "--by", own_town.staff(Role.MANAGER).name)
    said = call(*asked)
    assert said.exit_code == 0, said.output
    assert [line.split()[0] for line in said.output.splitlines()] == letters[::-1]
    assert "first.told key-0: wechat.template_wrong after 1 tries" in said.output
    assert SECRET not in said.output
    assert len(call(*asked, "--topic", "second.told").output.splitlines()) == 1


def test_letters_are_tried_again_or_dropped_and_the_record_has_each(
    call: Call, own_town: TownBuilder, letters: list[str]
) -> None:
    manager = own_town.staff(Role.MANAGER)
    where = ("--town", own_town.code, "--by", manager.name)
    assert call("letters", "retry", "--all", "--dry-run", *where).output.count("would be tried again") == len(letters)
    assert (fates(own_town), recorded(own_town)) == (["dead"] * 3, [])
    assert call("letters", "retry", "--topic", "first.told", *where).exit_code == 0
    assert fates(own_town) == ["waits", "waits", "dead"]
    assert call("letters", "drop", letters[2], *where).exit_code == 0
    assert fates(own_town) == ["waits", "waits", "dropped"]
    deeds = [("letters.retry", id_, manager.id) for id_ in letters[1::-1]] + [("letters.drop", letters[2], manager.id)]
    assert recorded(own_town) == deeds
    claimed = own_town.database.write(own_town.id, SYSTEM, delivery.claim_due, 10, LEASE)
    assert [(str(message.id), message.attempts) for message in claimed] == [(id_, 1) for id_ in letters[:2]]


def test_one_that_is_gone_keeps_no_other_and_is_said(call: Call, own_town: TownBuilder, letters: list[str]) -> None:
    where = ("--town", own_town.code, "--by", own_town.staff(Role.MANAGER).name)
    assert call("letters", "drop", letters[0], *where).exit_code == 0
    again = call("letters", "retry", letters[0], "1", letters[1], *where)
    assert again.exit_code == 1
    assert again.output.count("no such dead letter") == 2
    assert fates(own_town) == ["dropped", "waits", "dead"]
    assert [subject for _, subject, _ in recorded(own_town)] == letters[:2]


def test_who_does_not_manage_the_whole_town_may_not(call: Call, own_town: TownBuilder, letters: list[str]) -> None:
    elsewhere = own_town.staff(Role.MANAGER, at=own_town.community_id)
    for staff in (own_town.staff(Role.AUDITOR), elsewhere):
        for deed in (("list",), ("retry", letters[0]), ("drop", letters[0]), ("drop", "--all")):
            assert call("letters", *deed, "--town", own_town.code, "--by", staff.name).exit_code == 1
    assert (fates(own_town), recorded(own_town)) == (["dead"] * 3, [])


def test_which_letters_must_be_said_once(call: Call, own_town: TownBuilder) -> None:
    where = ("--town", own_town.code, "--by", own_town.staff(Role.MANAGER).name)
    for which in ((), ("--all", "--topic", "x"), ("1", "--all"), ("0",), ("x",), (str(2**63),)):
        assert call("letters", "drop", *which, *where).exit_code == 2, which


def test_a_grant_that_was_kept_for_a_dropped_letter_is_the_residents_again(call: Call, own_town: TownBuilder) -> None:
    fake, resident = fake_wechat(own_town), own_town.resident()
    never_quiet(own_town, resident)
    grant(own_town, fake, resident)
    courier = courier_of(own_town, fake)
    courier.wechat.access_token()
    fake.is_dead = True
    session_id = own_town.session(begins_in=timedelta(days=2))
    tell(own_town, session_message(resident, session_id, "reservation.promoted"))
    deliver(own_town, courier)
    assert left(own_town, resident) == 0, "it is kept for the message"

    def give_up(work: Work) -> None:
        dead = update(Outbox).where(Outbox.town_id == own_town.id, Outbox.topic == SEND)
        work.core.execute(dead.values(failed_at=work.now, failure="busy"))

    own_town.act(None, give_up)
    manager = own_town.staff(Role.MANAGER)
    done = call("letters", "drop", "--topic", SEND, "--town", own_town.code, "--by", manager.name)
    assert done.exit_code == 0, done.output
    assert [row.state for row in own_town.rows(SubscriptionSend.state)] == [SendState.DROPPED]
    assert left(own_town, resident) == 1
