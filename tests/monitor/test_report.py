"""Protects the monthly report: made of what is stored, the same file each time, with words that can be read and searched."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pypdfium2
import pytest

from blueprints.monitor import report_page
from blueprints.monitor.report_page import _span_of
from models.monitor import Slice
from models.residents import Role
from models.territory import Scene
from rules.clock import ZONE
from rules.monitor.report import find_report
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.monitor.boards import operator, snapshot, store

MONTH, FIRST, LAST = "2026-03", date(2026, 3, 1), date(2026, 3, 31)
STORED_AT = datetime(2026, 4, 1, 0, 40, tzinfo=ZONE)
DAY = timedelta(days=1)


def march(town: TownBuilder) -> None:
    """What was stored of a month: sessions every day, points in and out, two operators, two scenes, two communities."""
    rival = operator(town, "<邻里> & 社")
    for n in range(31):
        snapshot(town, FIRST + n * DAY, STORED_AT)
        numbers = {"sessions.held": 2, "reservations.attended": 20 + n, "points.issued": 100 + 5 * n}
        store(town, FIRST + n * DAY, STORED_AT, numbers | {"points.redeemed": 40 + n, "points.expired": 3})
    for key, slice_, held in (
        (Scene.EDUCATION, Slice.SCENE, 40),
        (Scene.HEALTH, Slice.SCENE, 22),
        (str(town.operator_id), Slice.OPERATOR, 40),
        (str(rival), Slice.OPERATOR, 22),
    ):
        numbers = {"sessions.held": held, "reservations.attended": 10 * held}
        store(town, LAST, STORED_AT, numbers, key=key, slice=slice_)
    for place, held in ((town.community_id, 50), (town.other_community_id, 12)):
        store(town, LAST, STORED_AT, {"sessions.held": held, "residents.registered": 900}, territory_id=place)


def words_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_bounded() for page in document)


def test_a_report_tells_a_month_in_words_and_is_the_same_file_until_a_day_is_corrected(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = api.as_(town.staff(Role.AUDITOR))
    problem_of(auditor.get(f"/monitor/reports/{MONTH}.pdf"), 409, "report.not_ready")
    march(town)
    first = auditor.get(f"/monitor/reports/{MONTH}.pdf")
    assert (first.status_code, first.content_type) == (200, "application/pdf"), first.text
    words = words_of(first.data)
    for said in (
        "测试街道运营月报",
        "2026 年 3 月 1 日至 3 月 31 日",
        "2026-04-01 00:40",
        "九大场景",
        "教育",
        "测试运营",
    ):
        assert said in words, (said, words)
    assert "<邻里> & 社" in words
    assert ("星民社区" in words, "水电社区" in words) == (True, True)
    again = auditor.get(f"/monitor/reports/{MONTH}.pdf")
    assert again.data == first.data
    tag = {"If-None-Match": first.headers["ETag"]}
    assert auditor.call("GET", f"/monitor/reports/{MONTH}.pdf", headers=tag).status_code == 304
    snapshot(town, LAST + DAY, STORED_AT + DAY)  # the next night's, of a day that isn't in it
    assert auditor.call("GET", f"/monitor/reports/{MONTH}.pdf", headers=tag).status_code == 304
    snapshot(town, LAST, STORED_AT + DAY, 2)
    store(town, LAST, STORED_AT + DAY, {"sessions.held": 1})
    corrected = auditor.call("GET", f"/monitor/reports/{MONTH}.pdf", headers=tag)
    assert (corrected.status_code, corrected.data != first.data) == (200, True)
    monkeypatch.setattr(report_page, "ROWS_MAX", 1)
    words = words_of(auditor.get(f"/monitor/reports/{MONTH}.pdf").data)
    assert ("共 2 个运营方" in words, "共 2 个社区" in words, "<邻里> & 社" in words) == (True, True, False)


@pytest.mark.parametrize("month", ["2026-13", "2026-3", "march", "1999-01", "2026-03-01"])
def test_a_month_that_isnt_one_has_no_report(town: TownBuilder, api: ApiClient, month: str) -> None:
    problem_of(api.as_(town.staff(Role.AUDITOR)).get(f"/monitor/reports/{month}.pdf"), 404, "report.unknown")


def test_a_report_is_for_auditors_and_managers_of_its_place(town: TownBuilder, api: ApiClient) -> None:
    snapshot(town, LAST, STORED_AT)
    local = town.staff(Role.MANAGER, at=town.community_id)
    problem_of(api.as_(local).get(f"/monitor/reports/{MONTH}.pdf"), 403, "monitor.forbidden")
    assert town.act(local, find_report, town.community_id, MONTH).last == LAST
    other = {"territory_id": town.other_community_id}
    problem_of(api.as_(local).get(f"/monitor/reports/{MONTH}.pdf", **other), 403, "monitor.forbidden")
    clerk = town.staff(Role.OPERATOR)
    of_operator = f"/operators/{town.operator_id}/staff"
    assert api.as_(town.staff(Role.MANAGER)).post(of_operator, {"staff_id": str(clerk.id)}).status_code == 204
    problem_of(api.as_(clerk).get(f"/monitor/reports/{MONTH}.pdf"), 403, "monitor.forbidden")


def test_a_day_on_which_more_points_came_back_than_went_out_is_drawn_below_zero() -> None:
    assert _span_of([5.0, -20.0, 10.0]) == pytest.approx((-22.0, 11.0))
    assert _span_of([]) == (0.0, 1.1)
