"""The nine scenes of a future community, side by side, each number with its light."""

from __future__ import annotations

from models.monitor import Slice
from models.territory import Scene
from rules.errors import InBoth
from rules.monitor.asking import Question, ask
from rules.monitor.periods import previous
from rules.monitor.reading import read_values
from rules.monitor.tables import Row, Table, cells_of, columns_of
from rules.monitor.targets import find_targets
from rules.work import Work

TITLES = {
    Scene.NEIGHBOURHOOD: InBoth("邻里", "Neighbourhood"),
    Scene.EDUCATION: InBoth("教育", "Education"),
    Scene.HEALTH: InBoth("健康", "Health"),
    Scene.ENTERPRISE: InBoth("创业", "Enterprise"),
    Scene.ARCHITECTURE: InBoth("建筑", "Architecture"),
    Scene.TRANSPORT: InBoth("交通", "Transport"),
    Scene.LOW_CARBON: InBoth("低碳", "Low carbon"),
    Scene.SERVICES: InBoth("服务", "Services"),
    Scene.GOVERNANCE: InBoth("治理", "Governance"),
}
COLUMNS = (
    "sessions.held",
    "sessions.places_offered",
    "reservations.reserved",
    "reservations.attended",
    "reservations.attendance_rate",
    "reservations.no_show_rate",
    "points.issued",
    "service.hours",
)


def show_scenes(work: Work, question: Question) -> Table:
    """A row for each scene, in their published order, also where nothing happened. Raises what `ask` does."""
    asked = ask(work, question)
    values = read_values(work, asked.reach, COLUMNS, asked.period, asked.as_of, slice=Slice.SCENE)
    before = read_values(work, asked.reach, COLUMNS, previous(asked.period), asked.as_of, slice=Slice.SCENE)
    targets = find_targets(work, asked.reach, asked.period, asked.as_of)
    rows = []
    for scene in Scene:
        now, past = cells_of(COLUMNS, values.get(scene)), cells_of(COLUMNS, before.get(scene))
        found = [targets.light(name, now[name], scene) for name in COLUMNS]
        rows.append(Row(scene, TITLES[scene], now, past, [light for light in found if light is not None]))
    return Table(asked.as_of, asked.reach, asked.period, columns_of(COLUMNS), rows)
