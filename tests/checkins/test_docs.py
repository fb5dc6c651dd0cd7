"""docs/checkins.md says what the door does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from blueprints.checkins.screen import ADMITTED, SENTENCES, SETTLED
from models.cards import Identification
from models.checkins import Conflict, Direction, RefusalReason
from rules.checkins import undoing
from rules.clock import local_moment, utc_now
from tests.build import ApiClient, TownBuilder
from tests.checkins.doors import DAY, MINUTE, Device, Door, with_place
from tests.edge.helpers import is_chinese

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "checkins.md").read_text(encoding="utf-8")
ANSWER, BATCH = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))


def rows_under(heading: str) -> list[str]:
    """The first cells of the tables below a heading."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)


def test_every_reason_and_every_conflict_is_explained() -> None:
    assert rows_under("Reasons") == list(RefusalReason)
    assert sorted(rows_under("Doors without a network")) == sorted(Conflict)


def test_the_screen_has_a_sentence_in_both_languages_for_every_reason_and_every_conflict() -> None:
    assert set(SENTENCES) == set(RefusalReason)
    assert set(SETTLED) == set(Conflict)
    assert set(ADMITTED) == set(Direction)
    for chinese, english in [*SENTENCES.values(), *SETTLED.values(), *ADMITTED.values()]:
        assert is_chinese(chinese)
        assert not is_chinese(english)


def test_every_way_to_be_known_and_every_refusal_of_an_undo_is_listed() -> None:
    section = TEXT.partition("## A scan\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"\| `(\w+)` \|$", section, re.MULTILINE)) == set(Identification)
    refusals = (undoing.ScanUnknown, undoing.TooLateToUndo, undoing.NothingToUndo, undoing.PointsSpent)
    assert rows_under("Undoing") == [refusal.code for refusal in refusals]


def test_the_answer_is_the_one_that_is_shown(town: TownBuilder, api: ApiClient) -> None:
    nine = local_moment(utc_now().date() + DAY, "09:00")
    session = town.session(begins_in=nine - utc_now() + MINUTE)
    resident, door = with_place(town, api, session), Door(town, api)
    door.come(resident, session, nine)
    answer = door.go(resident, session, nine + 49 * MINUTE)
    day = answer["visit"]["entered_at"].partition("T")[0]
    assert json.loads(json.dumps(answer).replace(day, "2026-05-01")) == ANSWER


def test_the_batch_is_one_that_is_taken(town: TownBuilder, api: ApiClient) -> None:
    session, now = town.session(), utc_now()
    device = Device(Door(town, api))
    [shown] = BATCH["items"]
    stored = device.item(with_place(town, api, session), session, now)
    assert set(stored) == set(shown)
    mine: dict[str, Any] = shown | {name: stored[name] for name in ("code", "session_id", "scanned_at")}
    body = {**BATCH, "sent_at": now.isoformat(), "items": [mine]}
    [answer] = device.door.api.post("/checkins/batch", body).json["items"]
    assert (answer["nonce"], answer["answer"]["result"]) == (shown["nonce"], "admitted")
