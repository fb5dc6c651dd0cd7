"""docs/notices.md says what is so: its examples are read, its tables and numbers held against the house."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jobs.delivery import courier, worker
from models.notices import SendState
from rules import delivery
from rules.notices import announcing, catalogue, inbox, preferences
from rules.notices.catalogue import CATALOGUE, Template, Wording
from rules.notices.templates import read_templates
from rules.notices.wording import words_of

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found


def test_the_payloads_of_the_page_read_as_it_says() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| `(\{.*?\})` \| (.*?) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 3
    for topic, payload, reads in rows:
        assert words_of(topic, json.loads(payload), "zh").text == reads


def test_the_example_of_an_entry_and_of_the_setting_can_be_written_like_that() -> None:
    entry = eval("{" + block("python") + "}", {"Wording": Wording, "Template": Template})
    assert entry["repair.done"].template is Template.REPAIR
    assert read_templates(block("json"))[Template.RESERVATION].fields["thing1"] == ("activity", "title")


def test_the_numbers_of_the_page_are_those_of_the_house() -> None:
    pauses = [int(each) for each in re.findall(r"^\| seconds \|(.*)\|$", TEXT, re.MULTILINE)[0].split("|")]
    assert pauses == [delivery.pause_seconds(attempt) for attempt in range(1, 10)]
    assert pauses[-1] == delivery.pause_seconds(delivery.ATTEMPTS_MAX)
    for said in (
        f"After {delivery.ATTEMPTS_MAX} attempts",
        f"deleted after {delivery.KEPT_DAYS} days",
        f"a batch of {worker.BATCH}",
        f"{int(delivery.LEASE.total_seconds())} seconds",
        f"{worker.THREADS} threads that look once a second",
        f"once in {int(courier.REST_SECONDS)} seconds",
        f"kept for {inbox.KEPT_DAYS}\ndays; one that I take out is kept for {inbox.REMOVED_DAYS} days more",
        f"from {preferences.QUIET_FROM} to {preferences.QUIET_UNTIL}",
        f"{announcing.AT_A_TIME} at a time",
    ):
        assert said in TEXT, said
    assert worker.IDLE_SECONDS == 1


def test_the_kinds_the_states_and_the_topics_for_staff_are_all_named() -> None:
    (kinds,) = re.findall(r"^Kinds: (.*)\.$", TEXT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", kinds) == [kind.value for kind in catalogue.Template]
    named = set(re.findall(r"^\| [^|]+ \| `(\w+)`", TEXT, re.MULTILINE))
    assert named == set(SendState) - {SendState.CLAIMED}
    (for_staff,) = re.findall(r"What needs a decision of staff \((.*?)\)", TEXT, re.DOTALL)
    assert set(re.findall(r"`([a-z_.]+)`", for_staff)) <= {topic for topic in CATALOGUE if CATALOGUE[topic].to_staff}
