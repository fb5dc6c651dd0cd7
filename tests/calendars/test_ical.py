"""Protects the text of a calendar: what goes in comes out again in another program, character by character."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from rules.calendars.ical import Entry, EntryStatus, Feed, render

NINE = datetime(2026, 5, 1, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
ENTRY = Entry(
    uid="session-7@xingmin.binfen",
    starts_at=NINE,
    ends_at=NINE + timedelta(hours=2),
    summary="亲子早教",
    location="党群服务中心 多功能厅，测试路 1 号",
    status=EntryStatus.CONFIRMED,
    stamped_at=NINE - timedelta(days=3),
    sequence=4,
    description="第一行\n第二行",
    category="亲子,早教",
)
#: What people may write (`blueprints.edge.fields.Words`).
WORDS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t,;:\\\"'"), min_size=1, max_size=200
).filter(lambda text: text == text.strip())


def read(entry: Entry) -> Event:
    (event,) = Calendar.from_ical(render(Feed("日程", (entry,)))).walk("VEVENT")
    return event


def unescaped(text: str) -> str:
    """A TEXT value of a property that the library doesn't know (RFC 5545, section 3.3.11)."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text)


def test_an_entry_says_when_where_and_how_sure() -> None:
    event = read(ENTRY)
    assert event["UID"] == ENTRY.uid
    assert event["STATUS"] == "CONFIRMED"
    assert event["SEQUENCE"] == 4
    assert event["LOCATION"] == ENTRY.location
    assert event["DESCRIPTION"] == ENTRY.description
    assert event["CATEGORIES"].cats == ["亲子,早教"]
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt == ENTRY.stamped_at


def test_moments_are_written_in_the_zone_which_the_file_defines() -> None:
    content = render(Feed("日程", (ENTRY,))).decode()
    assert "DTSTART;TZID=Asia/Shanghai:20260501T090000\r\n" in content
    assert "DTEND;TZID=Asia/Shanghai:20260501T110000\r\n" in content
    assert "DTSTAMP:20260428T010000Z\r\n" in content
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in content
    (zone,) = Calendar.from_ical(content).walk("VTIMEZONE")
    assert zone.to_tz().utcoffset(datetime(2026, 5, 1, 9, 0)) == timedelta(hours=8)  # noqa: DTZ001  a local time
    event = read(ENTRY)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (ENTRY.starts_at, ENTRY.ends_at)


def test_no_method_is_claimed_that_would_ask_for_an_organiser() -> None:
    """RFC 5546: METHOD:PUBLISH without ORGANIZER is no valid file; a calendar that is fetched needs no METHOD."""
    assert b"METHOD" not in render(Feed("日程", (ENTRY,)))


@given(WORDS, WORDS, WORDS, WORDS)
def test_any_words_come_back_as_they_were(summary: str, location: str, description: str, name: str) -> None:
    entry = replace(ENTRY, summary=summary, location=location, description=description)
    content = render(Feed(name, (entry,)))
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    assert str(event["SUMMARY"]) == summary
    assert str(event["LOCATION"]) == location
    assert str(event["DESCRIPTION"]) == description
    assert {unescaped(str(calendar[key])) for key in ("NAME", "X-WR-CALNAME")} == {name}
    assert len(calendar.walk()) == 1 + len(calendar.walk("VTIMEZONE")[0].walk()) + 1


@pytest.mark.parametrize(
    "text", ["x\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:假", "a\\nb", "；,;:\\", "👨‍👩‍👧" * 40, "的" * 300]
)
def test_words_can_not_write_lines_of_their_own(text: str) -> None:
    content = render(Feed("日程", (replace(ENTRY, summary=text),)))
    assert content.count(b"BEGIN:VEVENT\r\n") == content.count(b"END:VEVENT\r\n") == 1
    assert max(map(len, content.split(b"\r\n"))) <= 75
    content.decode()
    assert str(read(replace(ENTRY, summary=text))["SUMMARY"]) == text


def test_a_version_is_the_contents_own() -> None:
    feed = Feed("日程", (ENTRY,))
    assert feed.version == Feed("日程", (replace(ENTRY),)).version
    others = [
        Feed("另", (ENTRY,)),
        Feed("日程", ()),
        *(
            Feed("日程", (replace(ENTRY, **change),))
            for change in (
                {"sequence": 5},
                {"status": EntryStatus.CANCELLED},
                {"summary": "早教"},
                {"starts_at": NINE - timedelta(minutes=1)},
                {"location": "别处"},
            )
        ),
    ]
    assert len({feed.version, *(other.version for other in others)}) == len(others) + 1


def test_a_calendar_without_entries_is_a_calendar() -> None:
    calendar = Calendar.from_ical(render(Feed("日程", ())))
    assert calendar.walk("VEVENT") == []
    assert calendar["PRODID"]
