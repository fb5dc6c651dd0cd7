"""Protects that the demo town announces something, and that resident-00001 has something to read."""

from __future__ import annotations

from demo.seed import TOWN_ID
from rules.notices.announcements import list_for
from rules.notices.inbox import count_unread, list_inbox
from tests.demo.conftest import Demo


def test_the_first_resident_has_announcements_and_an_inbox_in_words(demo: Demo) -> None:
    announcements = demo.transactions.read(TOWN_ID, demo.first(), list_for)
    assert [each.title for each in announcements.items if each.pinned] == ["缤纷积分使用办法（试行）施行"]
    assert len(announcements.items) >= 3
    notices = demo.transactions.read(TOWN_ID, demo.first(), list_inbox, None, 20, "zh").items
    assert len(notices) >= 2
    assert all("{" not in each.text and each.text for each in notices)
    assert demo.transactions.read(TOWN_ID, demo.first(), count_unread) == len(notices) - 1
