"""docs/estates.md says what is so: its examples are played, its tables held against the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.estates.states import TRANSITIONS
from rules.estates.statistics import SHOWN_MIN
from rules.estates.terms import DEFAULT_TERMS
from tests.estates.homes import Home

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "estates.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```repair\n(.*?)```", TEXT, re.DOTALL)
COMPANY = {
    "assigns": ("assignment", {"worker_name": "周师傅"}),
    "reassigns": ("assignment", {"worker_name": "王师傅"}),
    "starts": ("start", {}),
    "finishes": ("completion", {}),
}
OWNER = {
    "cancels": ("cancellation", {"reason": "好了"}),
    "confirms": ("confirmation", None),
    "reopens": ("reopening", {"reason": "还在漏"}),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_what_happens(home: Home, example: str) -> None:
    repair_id = ""
    for line in example.strip().splitlines():
        said, outcome = line.split(" -> ")
        who, deed = said.split()
        if deed == "submits":
            answer = home.submit()
            repair_id = answer.json["id"]
        elif who == "owner":
            path, body = OWNER[deed]
            answer = home.as_(home.owner).post(f"/repairs/{repair_id}/{path}", body)
        else:
            path, changes = COMPANY[deed]
            answer = home.step(repair_id, path, **changes)
        assert answer.json.get("code", answer.json["status"]) == outcome, line


def test_the_tables_are_those_of_the_house() -> None:
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in TEXT.splitlines() if line[:1] == "|"}
    for deed, each in TRANSITIONS.items():
        after = each.after.value if each.after else "–"
        assert (deed.value, ", ".join(each.before), after, each.side.value) in rows
    for name in DEFAULT_TERMS.__dataclass_fields__:
        if name != "in_working_days":
            assert (name, str(getattr(DEFAULT_TERMS, name))) in rows
    assert f"fewer than {SHOWN_MIN}" in TEXT
    assert len(EXAMPLES) == 2
