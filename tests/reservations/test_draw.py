"""A published draw can be replayed by anybody, comes out as it did, and shows whatever was changed in it.

The vectors were worked out by hand with `sha256sum`: the commitment, the hash of the list, and each ticket's lot.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.reservations import draw
from rules.reservations.draw import Entry, Malformed, commitment_of, order_of, publish, share_out, verify
from rules.reservations.seating import Party, seat

ROOT = Path(__file__).resolve().parents[2]
SEED = bytes(range(32))
ENTRIES = [Entry("100", 0, 2), Entry("20", 0, 1), Entry("3", 1, 1), Entry("40", 0, 3)]
LIST_HASH = "9f6eea6bda53bea914f01813d9f449c11683ab9a6df70849001aae80f8bd76ab"
#: 100: 147e65c6…, 40: ce846e60…, 20: f8ce5fd0…, and 3 (914980af…), whose priority is 1.
PUBLISHED: dict[str, Any] = {
    "commitment": "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
    "seed": SEED.hex(),
    "capacity": 4,
    "entries": [
        {"ticket": "100", "priority": 0, "party_size": 2},
        {"ticket": "20", "priority": 0, "party_size": 1},
        {"ticket": "3", "priority": 1, "party_size": 1},
        {"ticket": "40", "priority": 0, "party_size": 3},
    ],
    "winners": ["100", "20", "3"],
    "waiting": ["40"],
}
SEEDS = 5_000
SIGMAS = 5

entries_of_a_draw = st.lists(
    st.builds(
        Entry,
        st.integers(0, 10**18).map(str) | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8),
        st.integers(0, 3),
        st.integers(1, 5),
    ),
    max_size=40,
    unique_by=lambda entry: entry.ticket,
)
seeds = st.binary(min_size=32, max_size=32)


# By hand


def test_a_draw_comes_out_as_by_hand() -> None:
    assert commitment_of(SEED).hex() == PUBLISHED["commitment"]
    assert hashlib.sha256(draw.canonical(ENTRIES)).hexdigest() == LIST_HASH
    assert [entry.ticket for entry in order_of(SEED, ENTRIES)] == ["100", "40", "20", "3"]
    assert publish(SEED, ENTRIES, 4) == PUBLISHED
    assert verify(PUBLISHED) == []


def test_a_party_that_does_not_fit_is_passed_over_and_waits_before_those_behind_it() -> None:
    order = [Entry("a", 0, 2), Entry("b", 0, 3), Entry("c", 0, 3), Entry("d", 0, 1)]
    assert share_out(order, 3) == (["a", "d"], ["b", "c"])
    assert share_out(order, 0) == ([], ["a", "b", "c", "d"])
    assert share_out(order, 9) == (["a", "b", "c", "d"], [])


def test_a_list_is_hashed_the_same_whatever_script_its_tickets_are_in() -> None:
    assert draw.canonical([Entry("票", 0, 1)]) == b'[{"ticket":"\\u7968","priority":0,"party_size":1}]'


# Whatever comes


@given(seeds, entries_of_a_draw, st.integers(0, 60))
def test_everybody_gets_a_place_or_waits_and_no_place_idles_while_somebody_fits(
    seed: bytes, entries: list[Entry], capacity: int
) -> None:
    order = order_of(seed, entries)
    winners, waiting = share_out(order, capacity)
    assert sorted(winners + waiting) == sorted(entry.ticket for entry in entries)
    sizes = {entry.ticket: entry.party_size for entry in entries}
    left = capacity - sum(sizes[ticket] for ticket in winners)
    assert left >= 0
    assert all(sizes[ticket] > left for ticket in waiting)
    ranks = [entry.priority for entry in order]
    assert ranks == sorted(ranks)
    assert [ticket for ticket in (entry.ticket for entry in order) if ticket in set(waiting)] == waiting


@given(seeds, entries_of_a_draw, st.integers(0, 60), st.randoms(use_true_random=False))
def test_in_which_order_the_list_is_given_does_not_matter(
    seed: bytes, entries: list[Entry], capacity: int, chance: Any
) -> None:
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert publish(seed, shuffled, capacity) == publish(seed, entries, capacity)


@given(seeds, entries_of_a_draw, st.integers(0, 60))
def test_what_is_published_is_right_also_after_a_way_through_json(
    seed: bytes, entries: list[Entry], capacity: int
) -> None:
    document = json.loads(json.dumps(publish(seed, entries, capacity), ensure_ascii=False, sort_keys=True))
    assert verify(document, commitment_of(seed).hex()) == []
    inputs = {key: document[key] for key in ("commitment", "seed", "capacity", "entries")}
    assert draw.check(inputs)[3:] == (document["winners"], document["waiting"]), "the result is worked out all the same"


@given(seeds, entries_of_a_draw, st.integers(0, 60))
def test_places_are_given_out_as_in_the_house(seed: bytes, entries: list[Entry], capacity: int) -> None:
    """What people are told they got is what the replay says they got."""
    order = order_of(seed, entries)
    seating = seat(capacity, [Party(n, entry.party_size) for n, entry in enumerate(order)])
    assert [order[party.id].ticket for party in seating.seated] == share_out(order, capacity)[0]
    assert [order[party.id].ticket for party, _ in seating.waiting] == share_out(order, capacity)[1]


def test_another_seed_another_order_and_another_list_too() -> None:
    entries = [Entry(str(n), 0, 1) for n in range(20)]
    orders = {tuple(order_of(bytes([n] * 32), entries)) for n in range(50)}
    assert len(orders) == 50
    without_one = [entry for entry in order_of(SEED, entries) if entry.ticket != "7"]
    assert order_of(SEED, [entry for entry in entries if entry.ticket != "7"]) != without_one, (
        "who knows the seed can't tell the order before the list is closed"
    )


def test_ten_equal_tickets_win_equally_often() -> None:
    entries, places = [Entry(str(1000 + n), 0, 1) for n in range(10)], 3
    won: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for n in range(SEEDS):
        order = order_of(hashlib.sha256(n.to_bytes(4)).digest(), entries)
        won.update(share_out(order, places)[0])
        first[order[0].ticket] += 1
    for counted, chance in ((won, places / 10), (first, 1 / 10)):
        sigma = math.sqrt(SEEDS * chance * (1 - chance))
        assert all(abs(counted[entry.ticket] - SEEDS * chance) < SIGMAS * sigma for entry in entries), counted


# Tampered with


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document: Any = copy.deepcopy(PUBLISHED)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return dict(document)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("seed",), bytes(reversed(range(32))).hex(), "committed"),
        (("commitment",), "00" * 32, "committed"),
        (("capacity",), 3, "winners"),
        (("entries", 3, "priority"), 1, "winners"),
        (("entries", 3, "party_size"), 1, "winners"),
        (("entries", 2, "ticket"), "4", "winners"),
        (("winners",), ["100", "3", "20"], "winners"),
        (("winners",), ["100", "20"], "winners"),
        (("winners",), "100", "winners"),
        (("waiting",), [], "wait"),
        (("waiting",), None, "wait"),
        (("winners",), [100, 20, 3], "winners"),
    ],
)
def test_whatever_is_changed_shows(path: tuple[Any, ...], value: Any, said: str) -> None:
    faults = verify(changed(path, value))
    assert any(said in fault for fault in faults), faults
    assert verify(PUBLISHED) == []


def test_a_ticket_that_was_left_out_or_put_in_changes_the_draw() -> None:
    """Not only for that ticket: the lots hang on the list."""
    entries = [Entry(str(n), 0, 1) for n in range(30)]
    document = publish(SEED, entries, 10)
    for other in (entries[1:], [*entries, Entry("30", 0, 1)]):
        listed = [entry._asdict() for entry in other]
        assert verify(document | {"entries": listed}) != []


def test_a_seed_that_was_chosen_afterwards_shows_in_the_commitment_of_before() -> None:
    chosen = publish(bytes(reversed(range(32))), ENTRIES, 4)
    assert verify(chosen) == [], "it agrees with itself"
    assert len(verify(chosen, PUBLISHED["commitment"])) == 1
    assert verify(PUBLISHED, PUBLISHED["commitment"].upper() + "\n") == []


def test_without_any_commitment_nothing_was_committed_to() -> None:
    document = {key: value for key, value in PUBLISHED.items() if key != "commitment"}
    assert len(verify(document)) == 1
    assert verify(document, PUBLISHED["commitment"]) == []


def test_the_answer_of_the_api_is_read_as_it_is() -> None:
    answer = {"session_id": "5", "commitment": PUBLISHED["commitment"], "drawn_at": None, "published": PUBLISHED}
    assert verify(answer) == []
    assert len(verify(answer | {"commitment": "00" * 32})) == 1


NOT_A_DRAW: tuple[Any, ...] = (
    None,
    [],
    "draw",
    {},
    {"published": None},
    changed(("seed",), None),
    changed(("seed",), "xyz"),
    changed(("seed",), "00" * 15),
    changed(("capacity",), -1),
    changed(("capacity",), "4"),
    changed(("capacity",), True),
    changed(("capacity",), 4.0),
    changed(("entries",), {}),
    changed(("entries",), [7]),
    changed(("entries", 0), {"ticket": "100", "priority": 0}),
    changed(("entries", 0), {"ticket": "100", "priority": 0, "party_size": 2, "name": "王小明"}),
    changed(("entries", 0, "ticket"), "20"),
    changed(("entries", 0, "ticket"), ""),
    changed(("entries", 0, "ticket"), 100),
    changed(("entries", 0, "ticket"), "1\n00"),
    changed(("entries", 0, "ticket"), "\ud800"),
    changed(("entries", 0, "priority"), -1),
    changed(("entries", 0, "priority"), None),
    changed(("entries", 0, "party_size"), 0),
    changed(("entries", 0, "party_size"), -2),
    changed(("entries", 0, "party_size"), 1.5),
)


@pytest.mark.parametrize("document", NOT_A_DRAW, ids=range(len(NOT_A_DRAW)))
def test_what_is_no_draw_is_not_checked(document: Any) -> None:
    with pytest.raises(Malformed):
        verify(document)


# From the command line


def replay(*arguments: str, options: tuple[str, ...] = ("-m", "rules.reservations.draw")) -> tuple[int, str]:
    """What a Python without any package says, from the folder of the house."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", *options, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def file_of(folder: Path, document: Any) -> str:
    path = folder / "published.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def test_a_draw_is_replayed_with_nothing_but_python(tmp_path: Path) -> None:
    code, said = replay(file_of(tmp_path, PUBLISHED), PUBLISHED["commitment"])
    assert code == 0
    assert said.splitlines() == [
        "4 个号码，4 个名额 / 4 tickets, 4 places",
        "中签 1 / winner 1: 100 (2)",
        "中签 2 / winner 2: 20 (1)",
        "中签 3 / winner 3: 3 (1)",
        "候补 1 / waiting 1: 40 (3)",
        "相符 / right",
    ]
    as_a_file = replay(file_of(tmp_path, PUBLISHED), options=("-I", "rules/reservations/draw.py"))
    assert as_a_file == (code, said)


def test_a_wrong_draw_and_what_is_none_have_exit_codes_of_their_own(tmp_path: Path) -> None:
    code, said = replay(file_of(tmp_path, changed(("winners",), ["40"])))
    assert code == 1
    assert said.splitlines()[-1] == "不符 / wrong: 中签名单不符 / the winners differ"
    assert "相符 / right" not in said
    for text in ("", "{", "[" * 100_000, '{"seed": 1}', "\ufeff{}", "NaN"):
        assert replay(file_of(tmp_path, text))[0] == 2, text[:9]
    assert replay(str(tmp_path / "no-such-file"))[0] == 2
    assert replay()[0] == replay("a", "b", "c")[0] == 2


def test_the_module_needs_nothing_of_ours_and_nothing_installed() -> None:
    said = "import sys, rules.reservations.draw; print('\\n'.join(sys.modules))"
    code, loaded = replay(options=("-c", said))
    assert code == 0
    ours = {name for name in loaded.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert ours == {"__main__", "rules", "rules.reservations", "rules.reservations.draw"}
