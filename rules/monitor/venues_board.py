"""The board of rooms: the hours of the week, and a row for each room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.errors import InBoth
from rules.monitor.asking import Question, ask
from rules.monitor.tables import Column, Row, Table, columns_of
from rules.monitor.venues import HourCell, RoomRow, show_venues
from rules.work import Work

UTILISATION = "venues.utilisation"
MEASURED = ("venues.open_hours", "venues.used_hours", UTILISATION, "venues.outside_hours", "venues.closed_hours")
IS_IDLE = Column("is_idle", InBoth("闲置", "Idle"), "flag")


@dataclass(frozen=True, slots=True)
class RoomsBoard:
    """All hours of the week, Monday's first; and the rooms, the least used first."""

    heat: Sequence[HourCell]
    table: Table


def show_rooms(work: Work, question: Question) -> RoomsBoard:
    """How rooms are used. Raises what `ask` does, MeasureUnknown for staff of an operator."""
    asked = ask(work, question)
    board = show_venues(work, asked.reach, asked.period, asked.as_of)
    columns = [*columns_of(MEASURED), IS_IDLE]
    rows = [_row(room) for room in board.rooms]
    return RoomsBoard(board.heat, Table(asked.as_of, asked.reach, asked.period, columns, rows))


def _row(room: RoomRow) -> Row:
    numbers = (room.open_hours, room.used_hours, room.share, room.outside_hours, room.closed_hours)
    cells = {
        **dict(zip(MEASURED, numbers, strict=True)),
        IS_IDLE.name: None if room.is_idle is None else int(room.is_idle),
    }
    before = {**dict.fromkeys(cells), UTILISATION: room.previous_share}
    return Row(str(room.venue_id), f"{room.name} · {room.centre}", cells, before)
