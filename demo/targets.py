"""What the demo town wishes its numbers of a month to be, so that the monitoring has lights to show."""

from __future__ import annotations

from datetime import date, datetime

from demo.making import RisingIds, Rows
from models.monitor import WHOLE_TOWN
from models.monitor_wishes import MonitorTarget, TargetPeriod
from rules.clock import local_day

#: Of a month, for the whole town: measure, target, and what is still nearly enough.
WISHES: tuple[tuple[str, float, float], ...] = (
    ("sessions.held", 900, 750),
    ("reservations.attended", 12_000, 9_000),
    ("reservations.fill_rate", 0.6, 0.5),
    ("reservations.no_show_rate", 0.08, 0.12),
    ("venues.utilisation", 0.35, 0.25),
    ("venues.idle_rooms", 0, 2),
    ("points.redeemed", 5_000, 2_000),
    ("service.hours", 1_000, 800),
    ("repairs.on_time_share", 0.95, 0.9),
    ("repairs.rating", 4.5, 4),
)


def make_targets(town_id: int, opened_at: datetime) -> Rows:
    """Targets that hold from the town's first day on."""
    ids = RisingIds()
    from_day: date = local_day(opened_at)
    return {
        MonitorTarget: [
            {
                "town_id": town_id,
                "id": ids.at(opened_at),
                "measure": measure,
                "territory_id": WHOLE_TOWN,
                "period_kind": TargetPeriod.MONTH,
                "from_day": from_day,
                "target": target,
                "amber": amber,
                "recorded_at": opened_at,
            }
            for measure, target, amber in WISHES
        ]
    }
