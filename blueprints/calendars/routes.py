"""Calendars as iCalendar files: mine, with a token or by a secret address; a centre's; a room's."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from flask import Response, url_for

from blueprints.calendars.schemas import FeedAddressView, MyCalendarArguments
from blueprints.edge.caller import ANYONE, RESIDENT
from blueprints.edge.files import CALENDAR, PRIVATE, PUBLIC, file_response, send_version
from blueprints.edge.room import Room
from rules.calendars import feeds
from rules.calendars.ical import Feed, render
from rules.residents import acting
from rules.venues.refusals import CentreUnknown, VenueUnknown
from rules.work import Work

room = Room("calendars", __name__, description="Calendars that other programs read")

Wish = dict[str, Any]


@room.does("GET", "/me/calendar.ics", needs=RESIDENT, refuses=acting.REFUSALS)
@room.arguments(MyCalendarArguments, location="query")
@file_response(room, CALENDAR)
def show_my_calendar(work: Work, wish: Wish) -> Response:
    """What I have booked, as a calendar."""
    return _send(feeds.my_calendar(work, wish["resident_id"]), PRIVATE)


@room.does("POST", "/me/calendar-feed", needs=RESIDENT)
@room.response(201, FeedAddressView)
def issue_calendar_feed(work: Work) -> Any:
    """A secret address of my calendar, for calendar apps; the one before ends."""
    address = feeds.issue_address(work)
    return SimpleNamespace(path=url_for("calendars.show_feed", secret=address.secret, town=address.town_code))


@room.does("DELETE", "/me/calendar-feed", needs=RESIDENT)
@room.response(204)
def revoke_calendar_feed(work: Work) -> None:
    """End the secret address of my calendar."""
    feeds.revoke_address(work)


@room.does("GET", "/calendars/<string:secret>.ics", needs=ANYONE, refuses=[feeds.CalendarUnknown])
@file_response(room, CALENDAR)
def show_feed(work: Work, secret: str) -> Response:
    """The calendar of whose secret address this is."""
    return _send(feeds.calendar_by_secret(work, secret), PRIVATE)


@room.does("GET", "/service-centres/<id:centre_id>/calendar.ics", needs=ANYONE, refuses=[CentreUnknown])
@file_response(room, CALENDAR)
def show_centre_calendar(work: Work, centre_id: int) -> Response:
    """What is on in a service centre, 30 days back and 90 ahead."""
    return _send(feeds.calendar_of_centre(work, centre_id), PUBLIC)


@room.does("GET", "/venues/<id:venue_id>/calendar.ics", needs=ANYONE, refuses=[VenueUnknown])
@file_response(room, CALENDAR)
def show_venue_calendar(work: Work, venue_id: int) -> Response:
    """What is on in a room, and when it is booked, 30 days back and 90 ahead."""
    return _send(feeds.calendar_of_venue(work, venue_id), PUBLIC)


def _send(feed: Feed, caching: str) -> Response:
    return send_version(feed.version, partial(render, feed), CALENDAR, name=f"{feed.name}.ics", caching=caching)
