"""`flask rulebook …`: what a clerk reads on the command line, and how it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import Result
from flask import Flask

from blueprints.edge.house import House
from models.residents import Role
from models.rulebook import RulebookDraft, RulebookVersion
from rules.clock import ZONE, utc_now
from rules.points import replays
from rules.rulebook.document import parse
from rules.rulebook.versions import publish
from rules.rulebook.words import in_words
from tests.build import BUDGET, RULEBOOK, ApiClient, TownBuilder, new_town
from tests.rulebook.live import organiser, put_in_force, recorded

DAY = timedelta(days=1)
RULES = """
name = "红星积分"
[expiry]
years = 1
[calculation]
round = "down"
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
each = "hours"
unit = "小时"
amount = 10
limits = [{ points = 30, per = "day" }]
[[deduct]]
id = "littering"
event = "littering"
title = "乱扔垃圾"
amount = 5
"""


class Desk:
    """A folder with rulebooks, and a command line."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._runner, self._folder = app.test_cli_runner(), folder

    def file(self, document: str | bytes = RULES, name: str = "rules.toml") -> str:
        path = self._folder / name
        path.write_bytes(document if isinstance(document, bytes) else document.encode())
        return str(path)

    def __call__(self, *arguments: Any) -> Result:
        return self._runner.invoke(args=["rulebook", *map(str, arguments)])

    def says(self, *arguments: Any) -> str:
        """What a command prints that ends well."""
        done = self(*arguments)
        assert done.exit_code == 0, done.output
        return str(done.output)

    def refuses(self, *arguments: Any, code: int = 1) -> str:
        """What a command prints that doesn't, in words and without a traceback."""
        done = self(*arguments)
        assert (done.exit_code, type(done.exception)) == (code, SystemExit), (done.output, done.exception)
        assert "Traceback" not in done.output
        return str(done.output)


@pytest.fixture
def desk(app: Flask, tmp_path: Path) -> Desk:
    return Desk(app, tmp_path)


# A document by itself


def test_a_rulebook_is_checked(desk: Desk) -> None:
    told = desk.says("check", desk.file())
    assert told.splitlines()[:2] == ["红星积分: valid", "events that it speaks of: care, littering"]
    assert "events that it speaks of: none" in desk.says("check", desk.file('name = "空"\n[expiry]\nnever = true\n'))


def test_a_misspelt_fact_is_seen_in_the_check_and_so_is_a_debt_that_nobody_could_book(desk: Desk) -> None:
    misspelt = RULES.replace("title =", "where = { huors = { min = 1 } }\ntitle =", 1)
    assert "whoever tells the event must give them: huors" in desk.says("check", desk.file(misspelt))
    owed = RULES + '\n[[currency]]\nid = "points"\nname = "积分"\nfloor = "none"\n'
    assert "the ledger knows no debts" in desk.says("check", desk.file(owed))


NOT_DONE = """
[[tally]]
id = "month"
title = "本月得分"
of = "points"
per = "month"
[[ranking]]
id = "star"
title = "每月之星"
measure = "tally.month"
every = "month"
top = 3
[[redemption]]
id = "goods"
title = "兑换礼品"
kinds = ["goods"]
pick_up_days = 7
substitution = true
"""

FEW = """
[[ranking]]
id = "few"
title = "志愿者"
measure = "tally.month"
every = "month"
top = 3
decided_by = "panel"
where = { person.volunteer = true }
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", None),
        ('[[redemption]]\nid = "draw"\ntitle = "抽奖"\nkinds = ["lottery"]\n', "redemption.lottery"),
        (
            FEW,
            "ranking.decided_by, ranking few (in words only)",
        ),
    ],
)
def test_what_the_house_does_not_do_yet_is_named_and_nothing_else(desk: Desk, more: str, said: str | None) -> None:
    told = desk.says("check", desk.file(RULES + NOT_DONE + more)).splitlines()
    named = [line for line in told if line.startswith("written down, and not applied")]
    assert named == ([] if said is None else [f"written down, and not applied by the house yet: {said}"])


def test_everything_that_is_wrong_is_told_with_its_key_and_line(desk: Desk) -> None:
    wrong = (
        RULES.replace("years = 1", "years = 99").replace("amount = 5", "amount = -5").replace("title =", "titel =", 1)
    )
    lines = wrong.splitlines()
    output = desk.refuses("check", desk.file(wrong))
    assert output.splitlines()[0].endswith("rules.toml:")
    told = "\n".join(output.splitlines()[1:])
    for text, key in (
        ("years = 99", "expiry.years"),
        ('titel = "志愿服务"', "earn[1].titel"),
        ("amount = -5", "deduct[1].amount"),
    ):
        assert f"line {lines.index(text) + 1}, `{key}`: " in told
    assert "line " in desk.refuses("check", desk.file("name = "))


@pytest.mark.parametrize("command", ["check", "words", "preview", "replay", "draft"])
def test_a_file_that_is_no_text_is_said_to_be_none(desk: Desk, town: TownBuilder, command: str) -> None:
    more: dict[str, list[str]] = {
        "preview": ["care"],
        "replay": ["--town", town.code, "--from", "2026-01-01", "--to", "2026-02-01"],
        "draft": ["--staff", town.staff(Role.MANAGER).name, "--from", "2099-01-01"],
    }
    output = desk.refuses(command, desk.file("名称".encode("gbk")), *more.get(command, []))
    assert "is not UTF-8 text" in output


def test_a_file_that_is_not_there_is_said(desk: Desk) -> None:
    for command in ("check", "words"):
        assert "nowhere.toml" in desk.refuses(command, "nowhere.toml", code=2)


def test_a_rulebook_is_read_in_plain_words(desk: Desk) -> None:
    output = desk.says("words", desk.file())
    for chapter in in_words(parse(RULES)):
        assert f"\n{chapter.title}\n" in output
        for sentence in chapter.sentences:
            assert f"  {sentence}\n" in output
    assert "`expiry.years`" in desk.refuses("words", desk.file(RULES.replace("years = 1", "years = -1")))


def test_an_event_is_tried(desk: Desk) -> None:
    rules = desk.file()
    assert desk.says("preview", rules, "care", "--facts", '{"minutes": 110}', "--at", "2026-03-01") == (
        "award: 志愿服务：每小时 10 分 × 110/60 小时 = 1100/60 分，向下取整 18 分，有效期至 2027-12-31"
        "（红星积分，规则 care）\n"
    )
    assert desk.says("preview", rules, "littering").startswith("nothing: 乱扔垃圾：")
    assert desk.says("preview", rules, "dancing") == "No rule speaks of dancing.\n"


@pytest.mark.parametrize(
    "facts", ["", "{", "[1]", "null", "5", '{"a b": 1}', '{"minutes": null}', '{"minutes": 1e400}']
)
def test_facts_that_are_none_are_refused(desk: Desk, facts: str) -> None:
    assert "--facts: " in desk.refuses("preview", desk.file(), "care", "--facts", facts)


@pytest.mark.parametrize("moment", ["soon", "2026-13-01", "1999-01-01", ""])
def test_a_moment_that_is_none_is_refused(desk: Desk, moment: str) -> None:
    assert "Not a valid moment" in desk.refuses("preview", desk.file(), "care", "--at", moment, code=2)


# Beside the town's own


def test_the_rulebooks_in_force_and_to_come_are_listed(desk: Desk, house: House, town: TownBuilder) -> None:
    other = new_town(house)
    town.act(None, publish, RULES, datetime(2099, 1, 1, tzinfo=ZONE))
    [first, second] = desk.says("list", "--town", town.code).splitlines()
    assert first.startswith(f"{town.code}: 1 测试积分规则, in force since 20")
    assert second == f"{town.code}: 2 红星积分, from 2099-01-01 00:00"
    everything = desk.says("list")
    assert first in everything
    assert f"{other.code}: 1 测试积分规则" in everything
    assert "There is no town nowhere." in desk.refuses("list", "--town", "nowhere")


def test_a_rulebook_is_held_against_a_towns_past(
    desk: Desk, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_force(town, RULES)
    staff, residents = organiser(town, api), [town.resident() for _ in range(2)]
    for resident, hours in zip(residents, (1, 5), strict=True):
        recorded(staff, resident, "care", hours=hours, at=utc_now() - 2 * DAY)
    recorded(staff, residents[0], "littering", at=utc_now() - DAY)
    period = ["--town", town.code, "--from", (utc_now() - 9 * DAY).isoformat(), "--to", utc_now().isoformat()]
    new = desk.file(RULES.replace("points = 30", "points = 45").replace("amount = 10", "amount = 8"))
    monkeypatch.setattr(replays, "EVENTS_MAX", 1)
    before = town.contents()
    assert desk.says("replay", new, *period).splitlines() == [
        "3 events of 2 residents",
        "in force: gives 40 points; takes 5 points",
        "draft: gives 48 points; takes 5 points",
        "1 would have more, 1 less, 0 the same",
        f"left in the budget: {BUDGET - 40:,}",
        f"  resident {residents[1].id}: 30 -> 40",
        f"  resident {residents[0].id}: 5 -> 3",
    ]
    assert town.contents() == before
    nothing = desk.says("replay", new, "--town", town.code, "--from", "2020-01-01", "--to", "2020-02-01")
    assert nothing.startswith("0 events of 0 residents\nin force: gives nothing; takes nothing\n")


def test_a_replay_that_can_not_be_made_is_refused_in_words(desk: Desk, town: TownBuilder) -> None:
    rules = desk.file()
    period = ["--from", "2026-02-01", "--to", "2026-01-01"]
    assert "The period must begin before it ends." in desk.refuses("replay", rules, "--town", town.code, *period)
    assert "There is no town nowhere." in desk.refuses("replay", rules, "--town", "nowhere", *period)
    wrong = desk.file("x = 1", "wrong.toml")
    output = desk.refuses("replay", wrong, "--town", town.code, "--from", "2026-01-01", "--to", "2026-02-01")
    assert "The rulebook has " in output
    assert "line 1, `x`: " in output


# Into force


def test_one_drafts_and_another_publishes_from_a_day_on(desk: Desk, town: TownBuilder) -> None:
    first, second = (town.staff(Role.MANAGER).name for _ in range(2))
    output = desk.says("draft", desk.file(), "--staff", first, "--from", "2099-01-01", "--note", "理事会决议")
    [(draft,)] = town.rows(RulebookDraft)
    assert output == f"draft {draft.id}: waits for a second person (flask rulebook publish {draft.id} --staff NAME)\n"
    assert desk.says("drafts", "--staff", second) == f"{draft.id} pending from 2099-01-01 00:00 理事会决议\n"
    assert desk.says("publish", draft.id, "--staff", second) == "version 2: in force from 2099-01-01 00:00\n"
    [(version,)] = town.rows(RulebookVersion, number=2)
    assert (version.document, version.effective_from) == (RULES, datetime(2099, 1, 1, tzinfo=ZONE))
    assert desk.says("drafts", "--staff", first) == f"{draft.id} published from 2099-01-01 00:00 理事会决议\n"


def test_what_may_not_come_into_force_is_refused_in_words(desk: Desk, town: TownBuilder) -> None:
    boss, local = town.staff(Role.MANAGER).name, town.staff(Role.MANAGER, at=town.community_id).name
    rules, wrong = desk.file(), desk.file(RULES.replace("amount = 5", "amount = 0"), "wrong.toml")
    later = ["--from", "2099-01-01", "--staff"]
    assert "There is no member of staff nobody." in desk.refuses("draft", rules, *later, "nobody")
    assert desk.refuses("draft", rules, *later, local).startswith("Error: ")
    output = desk.refuses("draft", wrong, *later, boss)
    assert "The rulebook has 1 faults; see errors." in output
    assert "`deduct[1].amount`: " in output
    past = ["--from", "2020-01-01", "--staff"]
    assert "comes into force in the future" in desk.refuses("draft", rules, *past, boss)
    assert "--from" in desk.refuses("draft", rules, "--staff", boss, code=2)
    assert town.rows(RulebookDraft) == []


def test_a_draft_is_decided_once_and_by_somebody_else(desk: Desk, house: House, town: TownBuilder) -> None:
    first, second, third = (town.staff(Role.MANAGER).name for _ in range(3))
    desk.says("draft", desk.file(), "--staff", first, "--from", "2099-01-01")
    [(draft,)] = town.rows(RulebookDraft)
    assert "Another member of staff must decide this" in desk.refuses("publish", draft.id, "--staff", first)
    elsewhere = new_town(house).staff(Role.MANAGER).name
    assert "There is no such draft." in desk.refuses("publish", draft.id, "--staff", elsewhere)
    assert "There is no such draft." in desk.refuses("publish", 1, "--staff", second)
    assert "DRAFT_ID" in desk.refuses("publish", 2**63, "--staff", second, code=2)
    desk.says("publish", draft.id, "--staff", second)
    assert "This draft was decided already." in desk.refuses("publish", draft.id, "--staff", third)
    assert len(town.rows(RulebookVersion.id)) == 2


def test_a_draft_whose_day_has_come_is_not_published(desk: Desk, town: TownBuilder) -> None:
    first, second = (town.staff(Role.MANAGER).name for _ in range(2))
    noon = datetime.now(ZONE).replace(hour=12) - 50 * DAY
    with time_machine.travel(noon, tick=False):
        desk.says("draft", desk.file(RULEBOOK), "--staff", first, "--from", (noon + DAY).date().isoformat())
    [(draft,)] = town.rows(RulebookDraft)
    assert "comes into force in the future" in desk.refuses("publish", draft.id, "--staff", second)
    assert len(town.rows(RulebookVersion.id)) == 1
