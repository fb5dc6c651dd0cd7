"""My inbox, what I granted for messages by WeChat, when I want them; what staff are told, and what couldn't be delivered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.language import caller_language
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.notices.schemas import (
    DeadLetterArguments,
    DeadLetterView,
    InboxArguments,
    NoticeSettingsRequest,
    NoticeSettingsView,
    NoticeView,
    OutboxQueueView,
    ReadAllRequest,
    StaffNoticeArguments,
    StaffNoticeView,
    SubscriptionAnswers,
    SubscriptionView,
    UnreadCountView,
)
from models.residents import Role
from rules import delivery
from rules.notices import delivering, grants, inbox, preferences, staff
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("notices", __name__, description="The inbox, messages by WeChat, and what couldn't be delivered")

Wish = dict[str, Any]
SubscriptionList = all_of(SubscriptionView)


@room.does("GET", "/me/inbox", needs=RESIDENT)
@room.arguments(InboxArguments, location="query")
@room.response(200, page_of(NoticeView, "inbox"))
def list_inbox(work: Work, wish: Wish) -> Any:
    """What I was told, the latest first."""
    return inbox.list_inbox(work, wish["cursor"], wish["limit"], caller_language(), unread=wish["unread"])


@room.does("POST", "/me/inbox/read-all", needs=RESIDENT)
@room.arguments(ReadAllRequest)
@room.response(200, UnreadCountView)
def read_all_notices(work: Work, wish: Wish) -> Any:
    """I have read everything up to a notice."""
    return SimpleNamespace(unread=inbox.read_all(work, wish["up_to"]))


@room.does("POST", "/me/inbox/<id:notice_id>/read", needs=RESIDENT, refuses=[inbox.NoticeUnknown])
@room.response(204)
def read_notice(work: Work, notice_id: int) -> None:
    """I have read a notice."""
    inbox.read_notice(work, notice_id)


@room.does("DELETE", "/me/inbox/<id:notice_id>", needs=RESIDENT, refuses=[inbox.NoticeUnknown])
@room.response(204)
def remove_notice(work: Work, notice_id: int) -> None:
    """Take a notice out of my inbox."""
    inbox.remove_notice(work, notice_id)


@room.does("GET", "/me/subscriptions", needs=RESIDENT)
@room.response(200, SubscriptionList)
def list_subscriptions(work: Work) -> Any:
    """The templates that I may be asked to accept, and how many messages of each I have left."""
    return SimpleNamespace(items=grants.list_my_subscriptions(work, house().settings.wechat_templates))


@room.does("POST", "/me/subscriptions", needs=RESIDENT, once=True, refuses=[grants.TemplateUnknown])
@room.arguments(SubscriptionAnswers)
@room.response(200, SubscriptionList)
def answer_subscriptions(work: Work, wish: Wish) -> Any:
    """What I answered to wx.requestSubscribeMessage: each accept is one message."""
    answers = {template: answer.startswith("accept") for template, answer in wish["answers"].items()}
    return SimpleNamespace(items=grants.record_my_answers(work, house().settings.wechat_templates, answers))


@room.does("GET", "/me/notice-settings", needs=RESIDENT)
@room.response(200, NoticeSettingsView)
def show_notice_settings(work: Work) -> Any:
    """When and of what I am told by WeChat."""
    return preferences.show_my_preferences(work)


@room.does("PUT", "/me/notice-settings", needs=RESIDENT, refuses=[preferences.QuietHoursInvalid])
@room.arguments(NoticeSettingsRequest)
@room.response(200, NoticeSettingsView)
def change_notice_settings(work: Work, wish: Wish) -> Any:
    """Say when and of what I want to be told by WeChat."""
    return preferences.change_my_preferences(work, **wish)


@room.does("GET", "/staff/notices", needs=SIGNED_IN)
@room.arguments(StaffNoticeArguments, location="query")
@room.response(200, page_of(StaffNoticeView, "staff-notices"))
def list_staff_notices(work: Work, wish: Wish) -> Any:
    """What there is to decide or to look after at the places where I work, the latest first."""
    return staff.list_staff_notices(work, wish["cursor"], wish["limit"], caller_language())


@room.does("GET", "/notices/queue", needs=Role.AUDITOR, refuses=[Forbidden])
@room.response(200, OutboxQueueView)
def show_queue(work: Work) -> Any:
    """How the outbox stands, for monitors: auditors of the whole town."""
    return delivery.show_queue(work)


@room.does("GET", "/notices/dead-letters", needs=Role.MANAGER, refuses=[Forbidden])
@room.arguments(DeadLetterArguments, location="query")
@room.response(200, page_of(DeadLetterView, "dead-letters"))
def list_dead_letters(work: Work, wish: Wish) -> Any:
    """What couldn't be delivered, the latest first."""
    return delivery.list_dead_letters(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/notices/dead-letters/<id:message_id>/retry",
    needs=Role.MANAGER,
    refuses=[Forbidden, delivery.DeadLetterUnknown],
)
@room.response(204)
def retry_dead_letter(work: Work, message_id: int) -> None:
    """Have it tried again."""
    delivery.retry(work, message_id)


@room.does(
    "POST",
    "/notices/dead-letters/<id:message_id>/dismissal",
    needs=Role.MANAGER,
    refuses=[Forbidden, delivery.DeadLetterUnknown],
)
@room.response(204)
def dismiss_dead_letter(work: Work, message_id: int) -> None:
    """Leave it as it is."""
    delivering.dismiss_letter(work, message_id)
