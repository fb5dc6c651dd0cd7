"""Calendars that other programs read (iCalendar, RFC 5545): a resident's, a centre's, a room's."""
