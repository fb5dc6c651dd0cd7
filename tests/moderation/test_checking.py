"""From what somebody wrote to what others see: handed in, checked by WeChat or without it, shown or not."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import aliased

from jobs.delivery.courier import TryLater
from models.moderation import Content, ContentDecision, ContentKind, ContentState, ContentTrace, DecisionSource
from models.residents import Role
from rules.clock import utc_now
from rules.moderation.checking import hand_over_unanswered, remember_question, take_pushed_answer
from rules.moderation.deciding import decide, picture_checked
from rules.moderation.refusals import ContentRefused
from rules.moderation.traces import keep_trace, town_of_trace
from rules.moderation.visibility import passed, visible_to
from rules.residents.sign_in import openid_context
from rules.wechat_push import forget_events, receive_event
from rules.work import Work
from tests.build import Person, TownBuilder, new_town
from tests.moderation.hands import Checks, messages, state_of, write
from tests.races import from_threads


@pytest.fixture
def checks(town: TownBuilder) -> Checks:
    return Checks.of(town)


def seen_by(town: TownBuilder, person: Person | None) -> list[int]:
    content = aliased(Content)

    def deed(work: Work) -> list[int]:
        found = select(content.id).where(content.town_id == work.town_id, visible_to(content, work))
        return list(work.db.scalars(found))

    return town.act(person, deed)


def openid_of(town: TownBuilder, person: Person) -> str:
    return f"openid-{person.id}"


def test_a_post_is_the_authors_alone_until_wechat_passes_it(town: TownBuilder, checks: Checks) -> None:
    author, neighbour = town.resident(), town.resident()
    content_id = write(town, author)
    assert (seen_by(town, author), seen_by(town, neighbour), seen_by(town, None)) == ([content_id], [], [])

    checks.deliver(content_id)
    assert (seen_by(town, neighbour), seen_by(town, None)) == ([content_id], [content_id])
    [asked] = checks.fake.checked
    assert (asked["openid"], asked["scene"], asked["content"]) == (openid_of(town, author), 3, "周末一起打羽毛球")
    assert messages(town, "content.refused") == []

    checks.deliver(content_id)
    assert len(checks.fake.checked) == 1, "what is decided isn't asked again"


@pytest.mark.parametrize(("word", "state"), [("违规", ContentState.REFUSED), ("待审", ContentState.REVIEW)])
def test_what_wechat_doubts_nobody_else_sees_and_a_refusal_is_told(
    town: TownBuilder, checks: Checks, word: str, state: ContentState
) -> None:
    author = town.resident()
    content_id = write(town, author, f"一起{word}吧")
    checks.deliver(content_id)
    assert state_of(town, content_id) is state
    assert (seen_by(town, town.resident()), seen_by(town, author)) == ([], [content_id])
    told = messages(town, "content.refused")
    assert [(each["resident_id"], each["kind"]) for each in told] == (
        [(str(author.id), "post")] if state is ContentState.REFUSED else []
    )
    [logged] = town.rows(ContentDecision, content_id=content_id)
    assert (logged[0].source, logged[0].state) == (DecisionSource.WECHAT, state)


def test_what_is_forbidden_is_refused_at_once_with_what_to_change_and_leaves_nothing(town: TownBuilder) -> None:
    author = town.resident()
    before = town.contents()
    with pytest.raises(ContentRefused) as refused:
        write(town, author, "办假证，电话13800138000")
    assert "办假证" in refused.value.sentence("zh")
    assert "电话号码" in refused.value.sentence("zh")
    assert "a telephone number" in refused.value.sentence("en")
    assert town.contents() == before


def test_what_is_doubtful_waits_for_staff_and_costs_no_check(town: TownBuilder) -> None:
    content_id = write(town, town.resident(), "兼职日结，速来")
    assert state_of(town, content_id) is ContentState.REVIEW
    assert messages(town, "content.check") == []
    [(written, due)] = town.rows(Content.written_at, Content.due_at, id=content_id)
    assert due == written + timedelta(hours=24)


def test_what_staff_write_passes_at_once_and_so_does_nothing_at_all(town: TownBuilder) -> None:
    assert state_of(town, write(town, town.resident(), "")) is ContentState.PASSED
    content_id = write(town, town.staff(Role.MANAGER), "办假证的骗子又来了，请拨打13800138000")
    assert state_of(town, content_id) is ContentState.PASSED
    assert messages(town, "content.check") == []


@pytest.mark.parametrize("has_openid", [True, False])
def test_whom_wechat_cant_check_meets_the_second_filter(town: TownBuilder, checks: Checks, has_openid: bool) -> None:
    author = town.resident() if has_openid else town.resident(openid_sealed=None)
    checks.fake.inactive.add(openid_of(town, author))
    plain, odd = write(town, author, "周六打羽毛球，缺两人"), write(town, author, "群号 887654")
    picture = write(town, author, "", kind=ContentKind.PICTURE, upload_id=1)
    for content_id in (plain, odd):
        checks.deliver(content_id)
    assert (state_of(town, plain), state_of(town, odd)) == (ContentState.PASSED, ContentState.REVIEW)
    if not has_openid:
        checks.deliver(picture)
        assert state_of(town, picture) is ContentState.REVIEW


def test_a_dead_wechat_puts_the_check_off_and_decides_nothing(town: TownBuilder, checks: Checks) -> None:
    author = town.resident()
    checks.deliver(write(town, author))  # so that there is an access token
    content_id = write(town, author)
    checks.fake.is_dead = True
    with pytest.raises(TryLater):
        checks.deliver(content_id)
    assert state_of(town, content_id) is ContentState.PENDING
    checks.fake.is_dead = False
    checks.deliver(content_id)
    assert state_of(town, content_id) is ContentState.PASSED


def test_a_picture_is_fetched_by_a_link_and_the_answer_about_it_finds_it(town: TownBuilder, checks: Checks) -> None:
    content_id = write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=7)
    checks.deliver(content_id)
    [asked] = checks.fake.checked
    assert asked["media_url"].startswith("https://binfen.example/api/v1/uploads/7/")
    assert state_of(town, content_id) is ContentState.PENDING
    [event] = checks.fake.events
    assert town.rows(ContentTrace.trace_id, content_id=content_id) == [(event["trace_id"],)]
    town.act(None, picture_checked, event["trace_id"], "out_of_reach", 0)
    assert state_of(town, content_id) is ContentState.REVIEW


def test_a_pictures_answer_is_pushed_later_and_finds_its_town(town: TownBuilder) -> None:
    content_id = write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=7)
    trace = f"trace-{content_id}"
    town.act(None, keep_trace, trace, content_id)
    assert town.act(None, town_of_trace, trace) == town.id
    assert town.act(None, town_of_trace, "of nobody") is None
    town.act(None, picture_checked, "of nobody", "risky", 20002)
    assert state_of(town, content_id) is ContentState.PENDING
    town.act(None, picture_checked, trace, "pass", 100)
    assert state_of(town, content_id) is ContentState.PASSED
    town.act(None, picture_checked, trace, "risky", 20002)
    assert state_of(town, content_id) is ContentState.PASSED, "the first answer decides"


@pytest.mark.parametrize("is_early", [True, False])
def test_an_answer_that_is_pushed_before_its_question_is_written_down_is_not_lost(
    town: TownBuilder, checks: Checks, monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    author = town.resident()
    content_id = write(town, author, "", kind=ContentKind.PICTURE, upload_id=7)
    trace = f"trace-{content_id}"
    risky = {"Event": "wxa_media_check", "trace_id": trace, "result": {"suggest": "risky", "label": 20002}}

    def push() -> bool:
        return receive_event(town.database, town.house.keys, risky)

    def ask(*_question: object) -> str:
        if is_early:
            assert push() is False, "nobody knows yet whose it is"
        return trace

    monkeypatch.setattr(type(checks.courier.wechat), "check_image", ask)
    checks.deliver(content_id)
    assert state_of(town, content_id) is (ContentState.REFUSED if is_early else ContentState.PENDING)
    assert [push(), push()] == [True, False]
    assert state_of(town, content_id) is ContentState.REFUSED
    assert len(messages(town, "content.refused")) == 1
    assert len(town.rows(ContentDecision.id, content_id=content_id)) == 1


def test_question_and_answer_that_are_written_at_once_find_each_other(town: TownBuilder) -> None:
    ids = [write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=n + 1) for n in range(10)]

    def event(content_id: int) -> dict[str, object]:
        return {"Event": "wxa_media_check", "trace_id": f"t-{content_id}", "result": {"suggest": "pass", "label": 100}}

    deeds = [lambda id_=id_: receive_event(town.database, town.house.keys, event(id_)) for id_ in ids]
    deeds += [lambda id_=id_: town.act(None, remember_question, id_, f"t-{id_}") for id_ in ids]
    from_threads(lambda deed: deed(), [(deed,) for n in range(10) for deed in (deeds[n], deeds[n + 10])], 20)
    assert [state_of(town, content_id) for content_id in ids] == [ContentState.PASSED] * 10


def test_an_answer_that_nobody_asked_for_is_forgotten_after_some_days(town: TownBuilder) -> None:
    asked, trace = f"asked-{town.id}", f"early-{town.id}"
    content_id = write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=7)
    town.act(None, keep_trace, asked, content_id)
    for label in (True, 10**30, "x"):  # no label of WeChat's
        result = {"suggest": "risky\0", "label": label}
        receive_event(town.database, town.house.keys, {"Event": "wxa_media_check", "trace_id": trace, "result": result})
    early = select(ContentTrace.trace_id).where(ContentTrace.trace_id.in_([asked, trace])).order_by("trace_id")
    for days, left in ((2, [asked, trace]), (4, [asked])):
        with time_machine.travel(utc_now() + timedelta(days=days), tick=False):
            town.act(None, forget_events)
        assert town.act(None, lambda work: list(work.core.scalars(early))) == left


def test_what_no_check_answered_in_half_an_hour_waits_for_staff_until_the_answer_or_staff_come(
    town: TownBuilder,
) -> None:
    staff = town.staff(Role.MANAGER)
    ids = [write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=n) for n in (1, 2)]
    for content_id in ids:
        town.act(None, keep_trace, f"trace-{content_id}", content_id)
    with time_machine.travel(utc_now() + timedelta(minutes=29), tick=False):
        assert town.act(None, hand_over_unanswered, 10) == 0
    with time_machine.travel(utc_now() + timedelta(minutes=31), tick=False):
        assert town.act(None, hand_over_unanswered, 1) == 1
        assert town.act(None, hand_over_unanswered, 10) == 1
        assert town.act(None, hand_over_unanswered, 10) == 0
        assert [state_of(town, content_id) for content_id in ids] == [ContentState.REVIEW] * 2
        town.act(staff, decide, ids[0], False, "看不清")
        for content_id in ids:
            town.act(None, picture_checked, f"trace-{content_id}", "pass", 100)
    assert [state_of(town, content_id) for content_id in ids] == [ContentState.REFUSED, ContentState.PASSED]
    [(due,)] = town.rows(Content.due_at, id=ids[1])
    assert due is None


def test_an_answer_is_taken_in_its_own_town_only(town: TownBuilder) -> None:
    other = new_town(town.house)
    content_id = write(town, town.resident(), "", kind=ContentKind.PICTURE, upload_id=7)
    town.act(None, keep_trace, f"trace-{content_id}", content_id)
    assert other.act(None, take_pushed_answer, f"trace-{content_id}", "pass", 100) is False
    assert state_of(town, content_id) is ContentState.PENDING


def test_no_text_is_logged(town: TownBuilder, checks: Checks, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    content_id = write(town, town.resident(), "一句独一无二的话违规")
    checks.deliver(content_id)
    assert "独一无二" not in caplog.text
    assert openid_context(town.id, 1).split(":")[0] not in caplog.text
    content = aliased(Content)
    found = town.act(
        None, lambda work: list(work.db.scalars(select(content.id).where(content.town_id == town.id, passed(content))))
    )
    assert found == []
