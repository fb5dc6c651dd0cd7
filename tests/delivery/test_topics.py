"""Whatever a rule puts into the outbox has a handler, and whatever has a handler is put there by a rule.

Read from the sources: of every module that writes to the outbox, or hands its messages to one that does, each constant
that looks like a topic. One that no handler takes would be tried for a day and end as a dead letter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jobs.delivery.handlers import HANDLERS
from rules.errors import RuleError

RULES = Path(__file__).resolve().parents[2] / "rules"
WRITERS = {"rules.outbox", "models.jobs.Outbox"}
#: Looks like a topic, and is none: the beginning of some, and what the rulebook has keys for.
NO_TOPICS = {
    "reminder.session",
    "booking.changes_max",
    "booking.leaves",
    "currency.opening",
    "currency.scope",
    "redemption.lottery",
    "ranking.decided_by",
}
#: Measures tell nobody anything, and their names look like topics.
ONLY_READING = "rules.monitor.measures"
looks_like_a_topic = re.compile(r"[a-z_]+\.[a-z_]+").fullmatch


def modules() -> dict[str, ast.Module]:
    return {
        ".".join((RULES.name, *path.relative_to(RULES).with_suffix("").parts)): ast.parse(path.read_text("utf-8"))
        for path in RULES.rglob("*.py")
    }


def imported(tree: ast.Module) -> set[str]:
    """Every module, and every name of a module, that is imported."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def constants(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_topic_that_rules_put_into_the_outbox_has_a_handler_and_every_handler_a_topic() -> None:
    trees = modules()
    uses = {name: imported(tree) for name, tree in trees.items()}
    writing = {name for name in trees if uses[name] & WRITERS and name != "rules.delivery"}
    telling = {name for name in trees if name in writing or uses[name] & writing}
    telling = {name for name in telling if not name.startswith(ONLY_READING)}
    said = {each for name in telling for each in constants(trees[name]) if looks_like_a_topic(each)}
    assert said - RuleError.registry.keys() - NO_TOPICS - HANDLERS.keys() == set()
    assert HANDLERS.keys() - said == set(), "nobody says these"
    assert said >= NO_TOPICS
