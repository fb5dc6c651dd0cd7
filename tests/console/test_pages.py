"""Protects what staff see under /console, in a real browser: on recorded answers, and once on the real API.

All tests of the browser stand in this module, whose browser ends with it: its loop would be in the way of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, expect

from models.residents import Role
from tests.build import PASSWORD, TownBuilder
from tests.console import recorded
from tests.console.helpers import Desk, Recording, browsing, recorded_app, serving

AT_A_DESK: Any = {"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN", "color_scheme": "light"}
WALL = {"width": 1920, "height": 1080}
SECOND = 1000
#: How many times brighter the one must be than the other, for text (WCAG 2.2, 1.4.3).
CONTRAST_MIN = 4.5


@dataclass
class Stage:
    """What the tests share: a browser that keeps the pages' files, and what the API answers just now."""

    context: BrowserContext
    address: str
    recording: Recording


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with browsing() as browser, browser.new_context(**AT_A_DESK) as context:
        stage = Stage(context, "", Recording())
        with serving(recorded_app(lambda: stage.recording)) as stage.address:
            yield stage


@pytest.fixture
def desk(stage: Stage) -> Iterator[Desk]:
    """Somebody's page on recorded answers. Whatever a test does, no page complains and none asks elsewhere."""
    stage.recording = Recording()
    with stage.context.new_page() as page:
        desk = Desk(page, stage.address, stage.recording)
        desk.page.set_default_timeout(10 * SECOND)
        yield desk
    assert desk.complaints == []
    assert desk.strangers == []


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_page_they_wished_for(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.address}/console/monitor?period=week")
    page.wait_for_url("**/console/sign-in?*")
    desk.answers["/auth/staff"] = 401
    page.get_by_label("用户名").fill("manager")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_have_text("测试拒绝 401")
    del desk.answers["/auth/staff"]
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/console/monitor?period=week")
    expect(page.locator(".tile").first).to_be_visible()
    assert "period=week" in next(one for one in desk.asked if one.startswith("/monitor/overview"))


def test_nobody_is_led_elsewhere_by_the_address_of_the_form(desk: Desk) -> None:
    for elsewhere in ("//example.com/console/monitor", "/docs"):
        desk.page.goto(f"{desk.address}/console/sign-in?next={elsewhere}")
        desk.page.get_by_label("用户名").fill("manager")
        desk.page.get_by_label("密码").fill("right")
        desk.page.get_by_role("button", name="登录").click()
        desk.page.wait_for_url("**/console/monitor")
        expect(desk.page.locator(".tile").first).to_be_visible()


def test_the_page_shows_every_panel_in_chinese_with_a_table_behind_every_chart(desk: Desk) -> None:
    desk.sign_in()
    page = desk.page
    expect(page.locator("#estates tbody tr")).to_have_count(5)
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(len(recorded.TILES))
    expect(page.locator(".tile svg .spark-line")).to_have_count(len(recorded.TILES))
    assert desk.texts(".funnel-value") == ["12,480 人次", "8,362 人次占上一步 67.0%", "6,840 人次占上一步 81.8%"]
    expect(page.locator(".scene")).to_have_count(9)
    assert desk.texts(".ranking-place") == ["1", "2", "3", "4", "5", "6", "7", "—"]
    assert desk.texts("#rooms tbody tr:nth-child(-n+3) .tag-idle") == ["闲置", "闲置"]
    expect(page.locator(".chart:has(canvas)")).to_have_count(2)
    for figure in page.locator("figure:has(.chart)").all():
        assert figure.locator("[role=img]").get_attribute("aria-label")
        assert figure.locator("details table tbody tr").count() > 0
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert "缤纷未来社区" in page.title()
    titles = desk.texts("h2")
    assert all(re.search("[一-鿿]", title) for title in titles), titles


def test_nothing_is_told_by_colour_alone(desk: Desk) -> None:
    desk.sign_in()
    page = desk.page
    expect(page.locator("#heat .chart:has(canvas)")).to_be_visible()
    said = {"green": "● 达标", "amber": "▲ 临近", "red": "■ 未达", "none": None}
    for tile in page.locator(".tile").all():
        words = said[tile.get_attribute("data-light") or "none"]
        assert [words] == ([None] if words is None else tile.locator(".light").all_inner_texts())
        assert tile.locator(".tile-foot .moved").inner_text()[0] in "▲▼＝无"
        assert tile.get_attribute("aria-label")
    labels = page.evaluate(
        "echarts.getInstanceByDom(document.querySelector('#heat .chart')).getOption().series[0].label.show"
    )
    decals = page.evaluate(
        "echarts.getInstanceByDom(document.querySelector('#flows .chart'))"
        ".getOption().series.map(one => one.itemStyle.decal.symbol)"
    )
    assert labels is True
    assert len(set(decals)) == len(decals) == 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_its_ground(desk: Desk, theme: str) -> None:
    desk.page.emulate_media(color_scheme=theme)
    desk.page.goto(f"{desk.address}/console/sign-in")
    colours = desk.page.evaluate(
        """names => {
            const style = getComputedStyle(document.documentElement);
            return Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
        }""",
        [name for pair in PAIRS for name in pair],
    )
    faint = {(ink, ground): contrast(colours[ink], colours[ground]) for ink, ground in PAIRS}
    assert {pair: found for pair, found in faint.items() if found < CONTRAST_MIN} == {}


PAIRS = [
    ("ink", "panel"),
    ("ink", "ground"),
    ("muted", "panel"),
    ("muted", "ground"),
    ("muted", "raised"),
    ("good", "panel"),
    ("good", "good-soft"),
    ("warn", "panel"),
    ("warn", "warn-soft"),
    ("bad", "panel"),
    ("bad", "bad-soft"),
    ("main-ink", "main"),
    *((f"heat-ink-{step}", f"heat-{step}") for step in range(5)),
]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_number_opens_its_meaning_and_the_rows_that_it_counts(desk: Desk) -> None:
    desk.sign_in()
    page = desk.page
    page.locator("[data-measure='reservations.attended']").click()
    drill = page.locator("dialog")
    expect(drill.locator("h2")).to_have_text("到场人次")
    expect(drill.locator(".meaning")).to_contain_text("按当日记录计")
    expect(drill.locator(".drill-rows tbody tr")).to_have_count(50)
    expect(drill.locator("canvas")).to_be_visible()
    assert "一致" not in drill.locator(".drill-foot").inner_text()
    drill.get_by_role("button", name="更多").click()
    expect(drill.locator(".drill-foot")).to_have_text("共 90 行，合计 6,840 人次，与上面的数一致 ✓")
    page.keyboard.press("Escape")
    expect(drill).to_be_hidden()
    page.locator("[data-measure='reservations.no_show_rate']").click()
    expect(drill.get_by_role("tab")).to_have_text(["分子：爽约人次", "分母：应到人次"])
    drill.get_by_role("tab").last.click()
    expect(drill.locator(".drill-rows tbody tr")).to_have_count(50)
    assert "part=below" in desk.asked[-1]
    page.keyboard.press("Escape")
    page.locator("#communities .link-number").first.click()
    expect(drill.locator(".drill-head .note")).to_have_text("缤纷社区")
    expect(drill.locator(".drill-rows tbody tr")).to_have_count(50)
    assert "territory_id=11" in desk.asked[-1]


def test_what_was_wished_stands_in_the_address_and_in_every_question(desk: Desk) -> None:
    desk.sign_in()
    page = desk.page
    expect(page.locator("#places option")).to_have_count(5)
    page.get_by_label("地点").select_option("12")
    page.get_by_text("自选").click()
    page.get_by_label("从", exact=True).fill("2026-02-01")
    desk.asked.clear()
    page.get_by_label("到", exact=True).fill("2026-02-28")
    expect(page.locator("#estates tbody tr")).to_have_count(5)
    expect(page.locator("body")).not_to_have_class(re.compile("is-loading"))
    wished = "territory_id=12&period=custom&first_day=2026-02-01&last_day=2026-02-28"
    assert urlsplit(page.url).query == wished
    about_numbers = [one for one in desk.asked if one.startswith("/monitor/")]
    assert len(about_numbers) == 8
    assert all(wished in one for one in about_numbers)
    later = [one for one in about_numbers if not one.startswith("/monitor/overview")]
    assert all("as_of=2026-03-18T04" in one for one in later), "all panels speak of the overview's moment"


def test_numbers_come_anew_every_minute_and_old_ones_are_marked_as_old(desk: Desk) -> None:
    desk.page.clock.install()
    desk.sign_in()
    page = desk.page
    expect(page.locator("#estates tbody tr")).to_have_count(5)
    before = desk.count("/monitor/overview")
    desk.answers.update({"/monitor/venues": 503})
    page.clock.run_for(61 * SECOND)
    expect(page.locator("#heat")).to_have_class(re.compile("is-stale"))
    assert desk.count("/monitor/overview") == before + 1
    expect(page.locator("#heat .chart:has(canvas)")).to_be_visible()
    page.clock.run_for(181 * SECOND)
    expect(page.locator("#freshness")).to_contain_text("之后没有取到新数据")
    desk.answers.clear()
    page.clock.run_for(61 * SECOND)
    expect(page.locator("#heat")).not_to_have_class(re.compile("is-stale"))
    expect(page.locator("#freshness")).not_to_contain_text("之后没有取到新数据")


def test_a_panel_that_cannot_be_had_says_why_and_one_that_is_not_for_them_is_not_there(desk: Desk) -> None:
    desk.answers.update({"/monitor/scenes": 500, "/monitor/patterns": 403})
    desk.sign_in()
    page = desk.page
    expect(page.locator("#scenes [role=alert]")).to_contain_text("测试拒绝 500")
    expect(page.locator("#patterns")).to_be_hidden()
    expect(page.locator("#funnel .funnel-step")).to_have_count(3)
    desk.answers.clear()
    page.locator("#scenes").get_by_role("button", name="重试").click()
    expect(page.locator(".scene")).to_have_count(9)
    expect(page.locator("#patterns")).to_be_visible()


def test_who_sees_only_a_place_starts_there(desk: Desk) -> None:
    desk.answers["/monitor/places"] = {"items": recorded.places()["items"][2:], "next_cursor": None}
    desk.sign_in()
    expect(desk.page.locator("#estates tbody tr")).to_have_count(5)
    assert all(
        "territory_id=12" in one for one in desk.asked if one.startswith(("/monitor/overview", "/monitor/points"))
    )
    expect(desk.page.get_by_label("地点")).to_have_value("12")


def test_who_acts_for_operators_sees_them_one_at_a_time(desk: Desk) -> None:
    desk.answers["/monitor/places"] = {"items": [], "next_cursor": None}
    desk.answers["/monitor/own-operators"] = {"items": [{"id": "105", "name": "甲"}, {"id": "106", "name": "乙"}]}
    desk.answers.update({"/monitor/venues": 404, "/monitor/communities": 403, "/monitor/scenes": 422})
    desk.sign_in()
    expect(desk.page.locator("#operators-choice")).to_have_value("105")
    expect(desk.page.locator("#estates tbody tr")).to_have_count(5)
    assert {"heat", "rooms", "communities", "scenes"}.isdisjoint(visible_panels(desk))
    desk.page.locator("#operators-choice").select_option("106")
    expect(desk.page.locator("body")).not_to_have_class(re.compile("is-loading"))
    assert "operator_id=106" in desk.asked[-1]


def test_what_looks_suspicious_is_told_with_what_was_done(desk: Desk) -> None:
    desk.answers["/monitor/patterns"] = recorded.ring()
    desk.sign_in()
    row = desk.page.locator("#patterns tbody tr")
    expect(row).to_contain_text("积分转圈")
    row.locator("summary").click()
    expect(row.locator("li")).to_have_count(2)
    expect(row.locator("li").first).to_contain_text("王**→李* 50")


def test_where_there_is_nothing_the_page_says_so(desk: Desk) -> None:
    overview, points, venues = recorded.overview(), recorded.points(), recorded.venues()
    for tile in overview["tiles"]:
        tile |= {"value": None, "previous": None, "light": None, "trend": []}
    overview["funnel"] = [step | {"value": 0} for step in overview["funnel"]]
    for one in points["flows"]["series"]:
        one["values"] = []
    venues["heat"], venues["table"]["rows"] = [], []
    empty = recorded.scenes() | {"rows": []}
    desk.answers.update({"/monitor/overview": overview, "/monitor/points": points, "/monitor/venues": venues})
    desk.answers.update({f"/monitor/{name}": empty for name in ("scenes", "communities", "estates")})
    desk.answers.update({"/monitor/operators": empty | {"weights": []}})
    desk.sign_in()
    for panel in ("funnel", "scenes", "heat", "rooms", "flows", "operators", "communities", "estates", "patterns"):
        expect(desk.page.locator(f"#{panel} .empty")).to_be_visible()
    assert set(desk.texts(".tile-value")) == {"—"}


def test_a_session_is_renewed_once_for_all_questions_and_ends_with_the_way_back(desk: Desk) -> None:
    page = desk.page
    desk.api.expired = "a"
    desk.sign_in()
    expect(page.locator("#estates tbody tr")).to_have_count(5)
    assert desk.count("/auth/refresh") == 1
    desk.answers.update({"/monitor/overview": 401, "/auth/refresh": 401})
    page.get_by_role("button", name="刷新").click()
    page.wait_for_url("**/console/sign-in?*")
    expect(page.locator("#reason")).to_have_text("登录已过期，请重新登录。")
    assert page.evaluate("sessionStorage.length") == 0


def test_signing_out_forgets_the_tokens(desk: Desk) -> None:
    desk.sign_in()
    desk.page.get_by_role("button", name="退出").click()
    desk.page.wait_for_url("**/console/sign-in?*")
    assert desk.count("/auth/sign-out") == 1
    assert desk.page.evaluate("sessionStorage.length") == 0


def test_a_table_is_saved_under_its_name(desk: Desk, tmp_path: Path) -> None:
    desk.answers["/monitor/communities"] = recorded.communities()
    desk.sign_in()
    expect(desk.page.locator("#communities tbody tr")).to_have_count(3)
    desk.answers["/monitor/communities"] = b"\xef\xbb\xbfa,b\r\n"
    with desk.page.expect_download() as download:
        desk.page.get_by_role("button", name="社区对比导出为 CSV").click()
    download.value.save_as(tmp_path / "saved")
    assert (download.value.suggested_filename, (tmp_path / "saved").read_bytes()) == ("表.csv", b"\xef\xbb\xbfa,b\r\n")
    assert "format=csv" in desk.asked[-1]


def test_the_wall_is_dark_large_and_turns_its_pages_by_itself(desk: Desk) -> None:
    page = desk.page
    page.set_viewport_size(WALL)
    page.clock.install()
    desk.sign_in("/console/monitor?wall=1&seconds=10")
    expect(page.locator(".tile")).to_have_count(len(recorded.TILES))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    seen = [visible_panels(desk)]
    size = float(page.locator(".tile-value").first.evaluate("one => parseFloat(getComputedStyle(one).fontSize)"))
    assert size >= WALL["height"] / 16  # six centimetres on a screen of a metre's height
    for _ in range(4):
        page.clock.run_for(10 * SECOND)
        seen.append(visible_panels(desk))
        box = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
        assert box == [WALL["height"], WALL["width"]], "nothing is out of the screen"
    assert seen == [
        ["overview"],
        ["funnel", "scenes"],
        ["heat", "rooms"],
        ["flows", "point-tables"],
        ["operators", "communities", "estates"],
    ]
    page.keyboard.press(" ")
    page.clock.run_for(30 * SECOND)
    assert visible_panels(desk) == seen[-1]
    page.keyboard.press("ArrowRight")
    assert visible_panels(desk) == seen[0]


def test_a_wall_has_a_second_page_of_tiles_and_none_for_what_is_not_for_them(desk: Desk) -> None:
    overview = recorded.overview()
    overview["tiles"] = 2 * overview["tiles"][:9]
    desk.answers.update({"/monitor/overview": overview, "/monitor/venues": 404})
    desk.page.set_viewport_size(WALL)
    desk.sign_in("/console/monitor?wall=1")
    expect(desk.page.locator("#estates tbody tr")).to_have_count(3)
    seen = []
    for _ in range(5):
        seen.append(visible_panels(desk)[0])
        desk.page.keyboard.press("ArrowRight")
    assert seen == ["overview", "overview-more", "funnel", "flows", "operators"]
    assert visible_panels(desk) == ["overview"]
    assert desk.page.locator(".tile:visible").count() == 12


def visible_panels(desk: Desk) -> list[str]:
    return desk.page.locator(".panel:visible").evaluate_all("found => found.map(one => one.id)")


def test_the_page_of_the_jobs_shows_what_needs_a_hand_first(desk: Desk) -> None:
    desk.sign_in("/console/jobs")
    page = desk.page
    expect(page.locator("#list tbody tr")).to_have_count(5)
    assert desk.texts("#list tbody tr td:nth-child(2)") == ["■ 错过了", "■ 失败", "● 正常", "● 正常", "○ 还没运行过"]
    expect(page.locator("#leader")).to_contain_text("2 项需要处理")
    desk.answers["/jobs/runs"] = {"items": [recorded.jobs()["items"][0]], "next_cursor": None}
    page.get_by_role("button", name="积分到期").click()
    expect(page.locator("#runs tbody tr")).to_have_count(1)
    assert "job=ledger-expiry" in desk.asked[-1]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True, scope="session")
def test_the_pages_work_on_the_real_api(stage: Stage, app: Flask, town: TownBuilder) -> None:
    town.session()
    auditor = town.staff(Role.AUDITOR)
    with serving(app) as address, stage.context.new_page() as page:
        desk = Desk(page, address)
        page.goto(f"{address}/console/monitor?town={town.code}")
        page.get_by_label("用户名").fill(auditor.name)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(f"**/console/monitor?town={town.code}")
        expect(page.locator(".tile").first).to_be_visible()
        expect(page.locator("body")).not_to_have_class(re.compile("is-loading"))
        assert desk.texts("[role=alert]") == []
        expect(page.locator(".panel:visible")).to_have_count(11)
        page.locator(".tile").first.click()
        expect(page.locator(".drill-foot, .drill-rows .empty").first).to_be_visible()
        page.goto(f"{address}/console/jobs")
        expect(page.locator("#list tbody tr, #list .empty").first).to_be_visible()
        assert (desk.complaints, desk.strangers) == ([], [])


def test_who_sees_nothing_is_told_why_once(desk: Desk) -> None:
    desk.answers.update({"/monitor/overview": 403})
    desk.sign_in()
    expect(desk.page.get_by_role("alert")).to_contain_text("测试拒绝 403")
    assert visible_panels(desk) == ["overview"]
    desk.answers.clear()
    desk.page.get_by_role("button", name="重试").click()
    expect(desk.page.locator("#estates tbody tr")).to_have_count(5)
