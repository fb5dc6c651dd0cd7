"""docs/measures.md and docs/monitoring.md say what is so."""

from __future__ import annotations

import re
from pathlib import Path

from models.monitor import Slice
from rules.errors import RuleError
from rules.monitor.definitions import Kind
from rules.monitor.describing import describe_measures
from rules.monitor.keeping import SETTLES_IN
from rules.monitor.measures import FAMILIES, MEASURES
from rules.monitor.overview import FUNNEL, OVERVIEW
from rules.monitor.reading import STEP_SECONDS
from rules.monitor.snapshots import READY_IN

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_measures_is_what_the_definitions_say() -> None:
    found = (DOCS / "measures.md").read_text(encoding="utf-8")
    assert found == describe_measures(), "write it anew: flask --app app monitor measures"


def test_every_definition_is_whole() -> None:
    columns = ["id", "day", "territory_id", "scene", "operator_id", "detail"]
    for family in FAMILIES:
        assert {*columns, *family.counters} <= set(family.facts.selected_columns.keys()), family.name
        assert family.changes is None or {*columns, *family.counters} <= set(family.changes.selected_columns.keys())
        assert family.touched is None or family.touched.selected_columns.keys() == ["day"]
        assert family.is_state or (family.changes is None and not family.window_days), family.name
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for measure in MEASURES.values():
        assert Slice.ALL in measure.slices, measure.name
        if measure.over is not None:
            assert measure.kind is Kind.RATIO, measure.name
            for side in (MEASURES[name] for name in measure.over):
                assert side.family is not None, measure.name
                assert measure.slices <= side.slices, measure.name
                assert (measure.town_only, measure.confidential) >= (side.town_only, side.confidential), measure.name
            continue
        assert measure.family is not None, measure.name
        assert measure.counter in measure.family.counters, measure.name
        assert (measure.kind is Kind.STATE) == measure.family.is_state, measure.name
    assert {*OVERVIEW, *FUNNEL} <= MEASURES.keys()


def test_the_page_about_monitoring_names_what_is_there() -> None:
    page = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", page))
    known = MEASURES.keys() | RuleError.registry.keys() | {"monitor_snapshot_value"}
    assert quoted - known == set()
    seconds = SETTLES_IN.total_seconds()
    assert f"{seconds:.0f} to {seconds + STEP_SECONDS:.0f} seconds ago" in page
    assert READY_IN.total_seconds() == 120
    assert "two minutes after" in page
    for link in re.findall(r"\]\(([a-z]+\.md)\)", page):
        assert (DOCS / link).exists(), link
