"""Every measure of the house, by its name. A room's measures stand in a module of their own; another one is added here."""

from __future__ import annotations

from collections.abc import Mapping

from rules.monitor.definitions import Family, Measure
from rules.monitor.measures import (
    activities,
    budgets,
    estates,
    notices,
    operations,
    outstanding,
    patterns,
    points,
    residents,
    rewards,
    venues,
    volunteering,
    waiting,
)

MODULES: tuple[tuple[Measure, ...], ...] = (
    residents.MEASURES,
    activities.MEASURES,
    waiting.MEASURES,
    points.MEASURES,
    outstanding.MEASURES,
    budgets.MEASURES,
    rewards.MEASURES,
    volunteering.MEASURES,
    venues.MEASURES,
    estates.MEASURES,
    notices.MEASURES,
    operations.MEASURES,
    patterns.MEASURES,
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for of_room in MODULES for measure in of_room}
FAMILIES: tuple[Family, ...] = tuple(
    dict.fromkeys(measure.family for measure in MEASURES.values() if measure.family is not None)
)
