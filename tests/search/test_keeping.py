"""What is found is in step with what there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from models.residents import Role
from models.search import FoundKind, SearchEntry
from models.venues import Venue
from rules.activities.finishing import finish_activities
from rules.search import engines
from rules.search.indexing import Entry, put_all_entries, put_entry, remove_entry
from rules.search.refreshing import rebuild
from rules.work import Work
from tests.activities.organising import Desk
from tests.activities.plan import at_nine
from tests.build import ApiClient, TownBuilder
from tests.search.finding import found, there_are


def test_an_activity_is_found_from_its_publication_to_its_end(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    draft = desk.draft(title="皮影戏体验")
    assert found(api, "皮影") == {}
    desk.post(f"/activities/{draft}/publication")
    assert found(api, "皮影") == {"activity": ["皮影戏体验"]}
    desk.patch(f"/activities/{draft}", {"title": "木偶戏体验", "summary": "老艺人来教"})
    assert found(api, "皮影") == {}
    assert found(api, "木偶") == found(api, "艺人") == {"activity": ["木偶戏体验"]}
    desk.post(f"/activities/{draft}/cancellation", {"reason": "下雨"})
    assert found(api, "木偶") == {}


def test_an_activity_that_is_over_is_found_no_more(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    by_hand, by_night = desk.draft(title="剪纸甲"), desk.draft(title="剪纸乙")
    for each in (by_hand, by_night):
        desk.post(f"/activities/{each}/publication")
    desk.series(by_night, rrule="FREQ=DAILY;COUNT=2")
    assert sorted(found(api, "剪纸")["activity"]) == ["剪纸乙", "剪纸甲"]
    desk.post(f"/activities/{by_hand}/finish")
    assert found(api, "剪纸") == {"activity": ["剪纸乙"]}
    with at_nine():
        assert town.act(None, finish_activities) == []
    town.act(None, finish_activities)
    assert found(api, "剪纸") == {}


def test_a_room_is_found_by_its_name_its_uses_and_its_centre(town: TownBuilder, api: ApiClient) -> None:
    [centre_id] = {row.service_centre_id for row in town.rows(Venue.service_centre_id)}
    manager = api.as_(town.staff(Role.MANAGER))
    made = manager.post("/venues", {"service_centre_id": str(centre_id), "name": "风雨操场", "capacity": 40})
    assert made.status_code == 201, made.json
    assert found(api, "操场") == {"venue": ["风雨操场"]}
    manager.post(f"/venues/{made.json['id']}/uses", {"name": "匹克球", "capacity": 4, "parts_needed": 1})
    assert found(api, "匹克球") == found(api, "党群 操场") == {"venue": ["风雨操场"]}
    manager.call("PATCH", f"/venues/{made.json['id']}", {"name": "大操场"})
    assert found(api, "风雨") == {}
    assert found(api, "匹克球") == {"venue": ["大操场"]}


def test_an_activity_is_found_where_its_centre_is_called_now(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    draft = desk.draft(title="皮影戏体验")
    desk.post(f"/activities/{draft}/publication")
    town.session(activity_id=int(draft), begins_in=timedelta(days=1))
    [centre_id] = {row.service_centre_id for row in town.rows(Venue.service_centre_id)}
    renamed = api.as_(town.staff(Role.MANAGER)).call("PATCH", f"/service-centres/{centre_id}", {"name": "缤纷会客厅"})
    assert renamed.status_code == 200, renamed.json
    assert found(api, "会客厅")["activity"] == ["皮影戏体验"]


def test_what_is_undone_was_never_found(town: TownBuilder, api: ApiClient) -> None:
    there_are(town, Entry(FoundKind.GROUP, 1, "旧名字"))

    def deed(work: Work) -> None:
        put_entry(work, Entry(FoundKind.GROUP, 1, "新招牌"))
        put_entry(work, Entry(FoundKind.GROUP, 2, "新招牌二"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        town.act(None, deed)
    assert found(api, "招牌") == {}
    assert found(api, "名字") == {"group": ["旧名字"]}


def test_an_entry_that_is_put_again_replaces_the_one_before_and_keeps_its_age(
    town: TownBuilder, api: ApiClient
) -> None:
    there_are(town, Entry(FoundKind.GROUP, 1, "甲乙丙"), Entry(FoundKind.GROUP, 2, "甲乙丁"))
    there_are(town, Entry(FoundKind.GROUP, 1, "甲乙戊", "改名"))
    assert found(api, "乙丙") == {}
    assert found(api, "甲乙") == {"group": ["甲乙丁", "甲乙戊"]}
    assert len(town.rows(SearchEntry.id)) == 2
    town.act(None, remove_entry, FoundKind.GROUP, 1)
    town.act(None, remove_entry, FoundKind.GROUP, 99)
    assert found(api, "甲乙") == {"group": ["甲乙丁"]}


def test_a_rebuilt_index_finds_what_the_kept_one_found(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    published = desk.draft(title="星民社区合唱")
    desk.post(f"/activities/{published}/publication")
    desk.draft(title="星民社区草稿")
    stale = Entry(FoundKind.ACTIVITY, 12345, "星民社区旧事")
    there_are(town, stale)
    town.act(None, rebuild)
    expected = {"community": ["星民社区"], "activity": ["星民社区合唱"]}
    assert found(api, "星民社区") == expected
    assert found(api, "多功能厅") == {"venue": ["多功能厅"]}
    rows = len(town.rows(SearchEntry.id))
    town.act(None, rebuild)
    assert len(town.rows(SearchEntry.id)) == rows
    assert found(api, "星民社区") == expected


def test_a_rebuild_writes_as_it_goes_and_may_take_its_time(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the database would end it: a transaction that waits a minute, a statement of eight seconds."""
    taken: list[int] = []
    taken_before_writing: list[int] = []
    add_some = engines.add_some

    def entries() -> Iterator[Entry]:
        for n in range(1, 6):
            taken.append(n)
            yield Entry(FoundKind.GROUP, n, f"第{n}组")

    def write(work: Work, rows: Sequence[dict[str, Any]]) -> None:
        taken_before_writing.append(len(taken))
        add_some(work, rows)

    def deed(work: Work) -> str:
        assert put_all_entries(work, entries()) == 5
        is_postgresql = work.core.dialect.name == "postgresql"
        return work.core.exec_driver_sql("SHOW statement_timeout").scalar() if is_postgresql else "0"

    monkeypatch.setattr(engines, "CHUNK", 2)
    monkeypatch.setattr(engines, "add_some", write)
    assert (town.act(None, deed), taken_before_writing) == ("0", [2, 4, 5])
    assert len(found(api, "组", kind="group")["group"]) == 5


def test_after_an_upgrade_the_command_lets_what_was_there_be_found_and_leaves_an_index_alone(
    app: Flask, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    this_one = [SimpleNamespace(id=town.id, code="this")]
    monkeypatch.setattr("commands.migrate.find_towns", lambda _code: this_one)
    assert found(api, "星民") == {}
    assert app.test_cli_runner().invoke(args=["migrate"]).exit_code == 0
    assert found(api, "星民") == {"community": ["星民社区"]}
    kept = town.rows(SearchEntry.id)
    assert app.test_cli_runner().invoke(args=["migrate"]).exit_code == 0
    assert town.rows(SearchEntry.id) == kept != []
