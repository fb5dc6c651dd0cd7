"""What operators read is what there is: every event of the log, every metric, every alarm, every command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from flask import Flask

from commands.admin import group
from tests.build import ApiClient, TownBuilder

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LOGS = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
ADMIN = (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
FOLDERS = ("blueprints", "commands", "jobs", "migrations", "rules", "storage", "wechat")
SOURCES = [ROOT / "app.py", *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))]
#: A call of a logger, of the jobs' `say` or `_apart`, with the event's name and fields.
EVENT = re.compile(
    r"(?:\.(?:debug|info|warning|error|critical)|\bsay|_apart)\(\s*\"([a-z]+\.[a-z_]+)\"((?:[^()]|\([^()]*\))*)\)"
)
LISTED = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| [a-z, ]+ \| ([^|]*)\|", re.MULTILINE)
SENTENCE = re.compile(r"\blog\.\w+\(\s*\"([A-Za-z][^\"]* [^\"]*)\"")
METRIC = re.compile(r"binfen_[a-z_]+")
IN_CODE = re.compile(r"(?:Counter|Gauge|Histogram|GaugeMetricFamily|_one)\(\s*\"(binfen_[a-z_]+)\"")


def test_every_event_of_the_log_is_listed_with_its_fields() -> None:
    listed = {event: set(re.findall(r"`(\w+)`", fields)) for event, fields in LISTED.findall(LOGS)}
    said: dict[str, set[str]] = {}
    for source in SOURCES:
        for event, fields in EVENT.findall(source.read_text(encoding="utf-8")):
            said.setdefault(event, set()).update(re.findall(r"\b(\w+)=", fields))
    for event in ("job.not_recorded", "jobs.not_noted", "jobs.not_given_up"):
        said[event].add("error")  # `_apart` adds it
    assert len(said) > 20
    assert said == listed


def test_every_sentence_of_the_log_is_listed_by_its_beginning() -> None:
    begins = [begin for begin in re.findall(r"^\| `([^`]+)` \|", LOGS, re.MULTILINE) if "." not in begin]
    said = [each for source in SOURCES for each in SENTENCE.findall(source.read_text(encoding="utf-8"))]
    assert len(said) > 5
    assert [each for each in said if not each.startswith(tuple(begins))] == []


def metrics_of_the_code() -> set[str]:
    return {name for source in SOURCES for name in IN_CODE.findall(source.read_text(encoding="utf-8"))}


def test_every_metric_is_listed_and_no_other() -> None:
    listed = set(re.findall(r"^\| `(binfen_[a-z_]+)` \|", OPERATIONS, re.MULTILINE))
    assert listed == metrics_of_the_code()


def test_metrics_shows_what_the_alarms_ask_for(app: Flask, town: TownBuilder, api: ApiClient) -> None:
    shown = app.test_client().get("/metrics").text
    types = set(re.findall(r"^# TYPE (binfen_[a-z_]+) ", shown, re.MULTILINE))
    assert {name.removesuffix("_bucket") for alert in ALERTS for name in METRIC.findall(alert["expr"])} <= types | {
        "binfen_snapshot_age_seconds"  # there once there is a snapshot
    }


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alarm_asks_for_a_metric_that_there_is_and_has_a_line_in_the_runbook(alert: dict[str, str]) -> None:
    asked = {name.removesuffix("_bucket") for name in METRIC.findall(alert["expr"])}
    assert asked
    assert asked <= metrics_of_the_code()
    assert f"\n| `{alert['alert']}` | " in OPERATIONS
    assert alert["labels"]["severity"] in {"page", "ticket"}  # type: ignore[index]


def test_the_runbook_has_no_alarm_that_there_is_none_of() -> None:
    section = OPERATIONS.split("## Alarms, and what to do")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {alert["alert"] for alert in ALERTS}


def commands_of(top: click.Group, *above: str) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in top.commands.items():
        found |= commands_of(command, *above, name) if isinstance(command, click.Group) else {(*above, name): command}
    return found


def test_the_examples_are_commands_with_options_that_there_are() -> None:
    there = commands_of(group)
    examples = re.findall(r"^admin (.+)$", ADMIN, re.MULTILINE)
    assert len(examples) > 10
    for example in examples:
        words = shlex.split(example)
        name = next(tuple(words[:n]) for n in (1, 2) if tuple(words[:n]) in there)
        there[name].make_context("admin", words[len(name) :])  # raises for an option that there is none of


def test_every_command_is_on_the_page() -> None:
    for name in commands_of(group):
        assert re.search(rf"`?(admin )?{' '.join(name)}\b", ADMIN), name
