"""What holds of every rulebook and every event, however they are drawn. `BINFEN_LONG=1` draws many more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.clock import ZONE, local_day
from rules.rulebook.booking import (
    judge_booking,
    judge_cancellation,
    judge_change,
    leave_minutes,
    released_at,
)
from rules.rulebook.computing import ROUNDED
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.document import Rulebook, RulebookInvalid, as_document, parse
from rules.rulebook.evaluation import evaluate
from rules.rulebook.lines import key_of
from rules.rulebook.plan import Plan
from rules.rulebook.reading import Section
from rules.rulebook.redeeming import judge_redemption
from rules.rulebook.sections.earning import Deduct, Earn, PointsOf
from rules.rulebook.sections.redemption import For
from rules.rulebook.standing import Standing, apply
from tests.rulebook.story import PUBLISHED, moment
from tests.rulebook.strategies import (
    FACTS,
    PLAIN,
    QUANTITIES,
    WILD,
    documents,
    fits,
    inline,
    moments,
    stories,
    toml_of,
    written,
)

IS_LONG = os.environ.get("BINFEN_LONG") == "1"


def drawn(examples: int) -> settings:
    return settings(
        max_examples=examples * (30 if IS_LONG else 1), deadline=None, suppress_health_check=list(HealthCheck)
    )


# --- documents --------------------------------------------------------------------------------------------------------


@drawn(20)
@given(documents(WILD), st.integers(0, 9))
def test_a_rulebook_is_written_as_a_document_that_reads_the_same(document: dict[str, Any], levels: int) -> None:
    rulebook = parse(toml_of(document, levels))
    assert rulebook == Section(Rulebook).read(document)
    assert parse(toml_of(as_document(rulebook), levels)) == rulebook
    assert Plan(rulebook).rulebook == rulebook


NO_VALUE = "1979-05-27T07:32:00"  #: a moment: no key takes one


@drawn(15)
@given(documents(PLAIN), st.integers(1, 9), st.data())
def test_a_value_that_no_key_takes_is_told_by_its_very_key_and_line(
    document: dict[str, Any], levels: int, data: st.DataObject
) -> None:
    lines = written(as_document(Section(Rulebook).read(document)), levels)
    with_value = [n for n, (_, text) in enumerate(lines) if not text.startswith("[")]
    number = data.draw(st.sampled_from(with_value))
    path, text = lines[number]
    texts = [each for _, each in lines]
    texts[number] = f"{text[: text.index(' = ')]} = {NO_VALUE}"
    with pytest.raises(RulebookInvalid) as refused:
        parse("\n".join(texts))
    assert [(fault.key, fault.line) for fault in refused.value.faults] == [(key_of(path), number + 1)]


literals = st.recursive(
    st.sampled_from(
        ["0", "-1", "1e400", "nan", "true", '""', '"day"', "'all'", "2026-02-30", "2026-01-01", NO_VALUE, "9" * 30]
    )
    | st.integers().map(str)
    | st.text(max_size=5).map(inline),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | inner.map(lambda each: f"{{ a = {each} }}")
    ),
    max_leaves=4,
)


@st.composite
def damaged(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """The text of a rulebook with a few things changed that a hurried hand may change."""
    lines = draw(texts).split("\n")
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        name, equals, value = line.partition(" = ")
        way = draw(
            st.sampled_from(["delete", "double", "move", "cut", "key", "value", "list", "table", "noise", "comment"])
        )
        if way == "delete":
            lines[number] = ""
        elif way == "double":
            lines.insert(number, line)
        elif way == "move":
            lines.append(line)
        elif way == "cut":
            lines[number] = line[: draw(st.integers(0, len(line)))]
        elif way == "key" and equals:
            lines[number] = f"{draw(st.sampled_from(['id', 'amount', 'x', 'where', '名']))}{equals}{value}"
        elif way == "value" and equals:
            lines[number] = f"{name} = {draw(literals)}"
        elif way in ("list", "table") and equals:
            lines[number] = f"{name} = [{value}]" if way == "list" else f"{name} = {{ a = {value} }}"
        elif way == "noise":
            at = draw(st.integers(0, len(line)))
            lines[number] = line[:at] + draw(st.text(max_size=6)) + line[at:]
        else:
            lines[number] = f"# {line}"
    text = "\n".join(lines)
    return text if draw(st.integers(0, 9)) else text[: draw(st.integers(0, len(text)))]


def check_that_it_is_valid_or_refused(text: str) -> None:
    try:
        rulebook = parse(text)
    except RulebookInvalid as refused:
        for fault in refused.faults:
            assert fault.key
            assert 1 <= fault.line <= text.count("\n") + 1
            assert fault.zh
            assert fault.en
        return
    assert parse(toml_of(as_document(rulebook))) == rulebook
    assert Plan(rulebook).rulebook is rulebook


published = st.sampled_from(sorted(PUBLISHED.glob("*.toml"))).map(lambda path: path.read_text(encoding="utf-8"))


@drawn(20)
@given(damaged(documents(PLAIN).map(toml_of)))
def test_a_damaged_rulebook_is_valid_or_refused_with_key_and_line(text: str) -> None:
    check_that_it_is_valid_or_refused(text)


@drawn(150)
@given(damaged(published))
def test_a_damaged_published_rulebook_is_valid_or_refused_with_key_and_line(text: str) -> None:
    check_that_it_is_valid_or_refused(text)


@drawn(100)
@given(
    st.text()
    | st.lists(st.sampled_from(["[", "]", "[[", "]]", "{", "}", "=", ".", '"', "'", "\n", "#", "a", "1", ","])).map(
        "".join
    )
)
def test_any_text_is_refused_unless_it_is_a_rulebook(text: str) -> None:
    with pytest.raises(RulebookInvalid) as refused:
        parse(text)
    assert all(fault.line >= 1 for fault in refused.value.faults)


# --- evaluation -------------------------------------------------------------------------------------------------------


def told(plan: Plan, history: Iterable[Happening], standing: Standing) -> Iterable[tuple[Happening, Decision]]:
    """What the rules say of each event, as things stand by then."""
    for happening in history:
        decision = evaluate(plan, happening, standing)
        yield happening, decision
        apply(standing, decision.changes)


def said(decision: Decision) -> tuple[Any, ...]:
    return list(decision.lines), [line.explanation for line in decision.lines], decision.changes, decision.uses


@drawn(20)
@given(stories(), st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_the_same_question_has_the_same_answer_at_any_time_and_nothing_is_touched(
    story: tuple[Rulebook, list[Happening]], asked_at: datetime
) -> None:
    rulebook, history = story
    plan, standing = Plan(rulebook), Standing(person={"age": 30})
    for happening, decision in told(plan, history, standing):
        before = deepcopy((happening, standing)), repr(vars(plan))
        answer = said(evaluate(plan, happening, standing))
        with time_machine.travel(asked_at, tick=False):
            assert said(evaluate(plan, happening, standing)) == answer == said(decision)
        assert said(evaluate(Plan(rulebook), happening, deepcopy(standing))) == answer
        assert ((happening, standing), repr(vars(plan))) == before


@drawn(40)
@given(stories())
def test_balances_stay_between_floor_and_ceiling_and_lots_add_up(story: tuple[Rulebook, list[Happening]]) -> None:
    rulebook, history = story
    plan, standing = Plan(rulebook), Standing(person={"age": 30})
    sums = dict.fromkeys(plan.currencies, 0)
    for happening in history:
        day = local_day(happening.occurred_at)
        before = {each: standing.balance(each, day) for each in plan.currencies}
        decision = evaluate(plan, happening, standing)
        apply(standing, decision.changes)
        for word in plan.currencies:
            after, floor, ceiling = standing.balance(word, day), plan.floors[word], plan.ceilings[word]
            assert floor is None or after >= min(floor, before[word])
            assert ceiling is None or after <= max(ceiling, before[word])
            assert after - before[word] == decision.total(word) or _lapses_at_once(decision, word, day)
            sums[word] += decision.total(word)
            assert sum(standing.lots.get(word, {}).values()) == sums[word]
        for line in decision.lines:
            assert line.amount >= 0
            assert line.amount > 0 or line.kind not in (LineKind.AWARD, LineKind.DEDUCTION, LineKind.CONVERSION)
            if line.kind in (LineKind.DEDUCTION, LineKind.CONVERSION):
                assert sum(part for _, part in line.lots) == line.amount
                assert all(part > 0 and last >= day for last, part in line.lots)
            if line.kind is LineKind.AWARD:
                assert line.expires_on >= day
        for word in plan.currencies:
            awarded = sum(line.amount for line in decision.awards if line.currency == word)
            assert decision.changes.earned.get(word, 0) == awarded
    net = {each.name for each in plan.points_tallies if each.tally.of == PointsOf.NET_POINTS}
    for name, buckets in standing.counters.items():
        assert name.split("|")[0] in net or all(count >= 0 for count in buckets.values())


def _lapses_at_once(decision: Decision, word: str, day: date) -> bool:
    return any(line.currency == word and line.expires_on < day for line in decision.awards)


wild = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 20)
    | st.text(max_size=8)
    | st.decimals()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.sampled_from(
        [10**4000, -(10**4000), Decimal("sNaN"), Decimal("1e999999"), "|", "\\", "\ud800", "2026-13-01", b"x"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = [
    *FACTS, *QUANTITIES, "amount", "points", "quantity", "for", "period", "times", "of", "approved_by", "claimed_on",
    "evidence", "objections_over", "party_size", "price", "worth_per_point",
]  # fmt: skip
wild_facts = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), wild, max_size=8)


@drawn(30)
@given(stories(), st.lists(wild_facts, min_size=14, max_size=14), wild)
def test_no_fact_is_too_odd(story: tuple[Rulebook, list[Happening]], odd: list[dict[str, Any]], age: Any) -> None:
    rulebook, events = story
    history = [
        replace(each, subject="《%s%d{}", facts={**each.facts, **more}) for each, more in zip(events, odd, strict=False)
    ]
    for _, decision in told(Plan(rulebook), history, Standing(person={"age": age})):
        for line in decision.lines:
            assert isinstance(line.explanation, str)
            assert line.rule_id


@pytest.mark.parametrize("number", [10**5000, -(10**5000)], ids=["huge", "very low"])
def test_a_number_with_more_digits_than_python_writes_does_no_harm(number: int) -> None:
    fact = "{ fact = 'item', values = { a = 1 }, otherwise = 1 }"
    rule = f'id = "a"\ntitle = "a"\nevent = "go"\neach = "items"\namount = {fact}\nfactors = [{fact}]'
    limit = 'limits = [{ points = 9, per = "day", by = ["item"] }]'
    void = '[[void]]\nid = "v"\ntitle = "v"\nevent = "go"\nof = "item"'
    level = "level = [{ id = 'x', title = 'x', at = { 'person.age' = 1 } }]"
    ladder = f"[[ladder]]\nid = 'l'\ntitle = 'l'\nfalls = true\ncycle = 3\n{level}"
    head = 'name = "x"\n[expiry]\nnever = true\n[calculation]\nround = "down"\n'
    plan = Plan(parse(f"{head}[[earn]]\n{rule}\n{limit}\n{void}\n{ladder}"))
    facts = dict.fromkeys(["item", "items", "points", "quantity", "amount", "claimed_on", "minutes"], number)
    for _, decision in told(
        plan, [Happening("go", moment("2026-03-02"), "", facts)] * 2, Standing(person={"age": number})
    ):
        assert decision.awards == []
        assert all(line.explanation for line in decision.lines)


@drawn(30)
@given(
    documents(PLAIN, ("currency", "earn", "booking", "redemption"), {"currency": 1, "booking": 2, "redemption": 2}),
    st.sampled_from(For),
    moments(),
    moments(),
    wild_facts,
)
def test_no_wish_is_too_odd(
    document: dict[str, Any], what: For, at: datetime, starts: datetime, facts: dict[str, Any]
) -> None:
    plan, standing = Plan(Section(Rulebook).read(document)), Standing(lots={"points": {date(2030, 1, 1): 50}})
    wish = Happening("booked", at, "", facts)
    verdict = judge_booking(plan, wish, standing, starts)
    assert all(refusal.code and refusal.sentence for refusal in verdict.refusals)
    for judge in (judge_cancellation, released_at):
        judge(plan, wish, standing, starts)
    judge_change(plan, wish, standing, 1)
    leave_minutes(plan, wish, standing)
    redemption = judge_redemption(plan, what, Happening("redeemed", at, "", facts), standing)
    assert all(refusal.code and refusal.sentence for refusal in redemption.refusals)
    assert all(0 < part <= 50 for part in redemption.pays.values())
    for kind in ("booked", "cancelled", "redeemed"):
        apply(standing, evaluate(plan, Happening(kind, at, "", facts), standing).changes)


# --- the arithmetic of explanations -----------------------------------------------------------------------------------

NUMBER = r"-?\d+(?:\.\d+)?(?:/60)?…?"
ARITHMETIC = re.compile(
    rf"每(?: (?P<per>{NUMBER}) )?(?P<unit>\S+) (?P<each>{NUMBER}) (?P<points>\S+) × "
    rf"(?P<quantity>\([^)]*\)|{NUMBER}) (?P=unit)(?: ÷ (?P<divisor>{NUMBER}))?"
    rf"(?P<factors>(?: × 系数 {NUMBER}（\S+?）)*) = (?P<result>{NUMBER}) (?P=points)"
    rf"(?:，(?P<way>\S{{4}}) (?P<rounded>{NUMBER}) (?P=points))?"
)
FACTOR = re.compile(rf"系数 ({NUMBER})（")
AT_MOST = re.compile(rf"({NUMBER}) \S+只计 ({NUMBER}) ")
DUTY = re.compile(rf"前 {NUMBER} \S+不计，还差 ({NUMBER}) ")
STEP = re.compile(rf"({NUMBER}) \S+按 ({NUMBER}) \S+?(向下取整|向上取整|四舍五入)$")
TRIMMED = re.compile(rf"，本次计 ({NUMBER}) (\S+)$")
CEILING = re.compile(rf"余额上限 {NUMBER} \S+，超出的 ({NUMBER}) ")
FLOOR = re.compile(rf"扣至 {NUMBER} \S+为止，本次扣 ({NUMBER}) ")


class Endless(Exception):
    """A number was cut off, so it can't be computed with."""


def number_in(text: str) -> Fraction:
    if text.endswith("…"):
        raise Endless
    return Fraction(text)


def rounded(value: Fraction, unit: Fraction, way: str) -> Fraction:
    steps, rest = divmod(value, unit)
    up = bool(rest) if way == "向上取整" else 2 * rest >= unit if way == "四舍五入" else False
    return (steps + up) * unit


def quantity_of(words: str) -> Fraction:
    """`3.5`, or `(2 × 0.5 + 3 × 1)`."""
    if not words.startswith("("):
        return number_in(words)
    terms = [term.split(" × ") for term in words.strip("()").split(" + ")]
    return sum((number_in(given) * number_in(weight) for given, weight in terms), Fraction(0))


def check_arithmetic(rule: Earn | Deduct, sentence: str, unit: Fraction) -> Fraction:
    """The points that the arithmetic comes to, before limits. Every step of it is computed again."""
    found = ARITHMETIC.match(sentence)
    assert found, sentence
    value = number_in(found["each"]) * quantity_of(found["quantity"])
    assert found["divisor"] == found["per"]
    value /= number_in(found["divisor"] or "1")
    for factor in FACTOR.findall(found["factors"]):
        value *= number_in(factor)
    assert len(FACTOR.findall(found["factors"])) == len(rule.factors)
    if found["result"].endswith("…"):
        assert 0 < value - Fraction(found["result"][:-1]) < Fraction(1, 10_000), sentence
    else:
        assert value == number_in(found["result"]), sentence
    if found["way"] is None:
        assert value == rounded(value, unit, "向下取整"), sentence
        return value
    assert found["way"] in ROUNDED.values()
    assert rounded(value, unit, found["way"]) == number_in(found["rounded"]) != value, sentence
    return number_in(found["rounded"])


def check_quantity(rule: Earn | Deduct, facts: Mapping[str, Any], parts: list[str]) -> None:
    """What an event says, less what the sentence leaves out, is the quantity that it multiplies."""
    if not isinstance(rule.each, str):
        return
    minutes, hours = facts.get("minutes"), facts.get("hours")
    if rule.each == "hours" and hours is None:
        quantity = Fraction(minutes or 0) / 60
    elif rule.each == "minutes" and minutes is None:
        quantity = Fraction(hours or 0) * 60
    else:
        quantity = Fraction(facts.get(rule.each) or 0)
    for part in parts[1:]:
        if found := AT_MOST.match(part):
            assert number_in(found[1]) == quantity, parts
            quantity = number_in(found[2])
        elif found := DUTY.match(part):
            quantity = max(quantity - number_in(found[1]), Fraction(0))
        elif found := STEP.match(part):
            assert number_in(found[1]) == quantity, parts
            quantity = rounded(quantity, number_in(found[2]), found[3])
        elif (found := TRIMMED.search(part)) and found[2] == rule.unit and not part.startswith(rule.title):
            quantity = number_in(found[1])
    arithmetic = ARITHMETIC.match(parts[0])
    assert arithmetic
    assert quantity_of(arithmetic["quantity"]) == quantity, parts


def points_said(plan: Plan, rule: Earn | Deduct, line: Line, facts: Mapping[str, Any]) -> Fraction | None:
    """The points that a line's sentence comes to; None where it has no arithmetic."""
    until = r"(，永久有效|，有效期至 \d{4}-\d\d-\d\d)?"
    ending = re.search(rf"{until}（{plan.rulebook.name}，规则 {rule.id}）$", line.explanation)
    assert ending
    assert ("效" in ending[0]) == (line.kind is LineKind.AWARD)
    reason = line.explanation[: ending.start()].partition("：")[2]
    parts = reason.split("；")
    unit = Fraction(1, plan.units[rule.currency])
    if parts[0].startswith("全部余额 "):
        value = number_in(parts[0].split(" ")[1])
    elif parts[0].startswith("每"):
        value = check_arithmetic(rule, parts[0], unit)
        check_quantity(rule, facts, parts)
    else:
        return None
    over: list[Fraction] = []
    for part in parts[1:]:
        if (found := TRIMMED.search(part)) and found[2] == plan.currencies[rule.currency].unit:
            value = number_in(found[1])
        elif "次，已有" in part:
            value = Fraction(0)
        elif found := FLOOR.match(part):
            value = number_in(found[1])
        elif found := CEILING.match(part):
            over.append(number_in(found[1]))
    hop, word = 0, rule.currency
    while word != line.currency:
        word, hop = plan.currencies[word].overflow, hop + 1
    come = [value, *over]
    return come[hop] - (come[hop + 1] if len(come) > hop + 1 else 0)


def check_explanations(plan: Plan, happening: Happening, decision: Decision) -> None:
    """Every sentence of a rule, computed again."""
    rules = {rule.id: rule for rule in (*plan.rulebook.earn, *plan.rulebook.deduct)}
    for line in decision.lines:
        rule = rules.get(line.rule_id)
        if rule is None or rule.unit == plan.currencies[rule.currency].unit:
            continue  # two units of one name can't be told apart
        with suppress(Endless):
            points = points_said(plan, rule, line, happening.facts)
            assert points is None or points == Fraction(line.amount, plan.units[line.currency]), line.explanation
        subject = f"《{happening.subject}》" if happening.subject else ""
        assert line.explanation.startswith(f"{rule.title}{subject}：")


@drawn(60)
@given(stories(("currency", "tally", "earn", "deduct", "limit")))
def test_the_arithmetic_of_an_explanation_adds_up_to_the_amount(story: tuple[Rulebook, list[Happening]]) -> None:
    rulebook, history = story
    plan = Plan(rulebook)
    for happening, decision in told(plan, history, Standing()):
        check_explanations(plan, happening, decision)


@drawn(40)
@given(stories(("currency", "tally", "earn", "deduct", "limit"), {"order": "document"}))
def test_a_rulebook_that_states_no_rounding_never_rounds(story: tuple[Rulebook, list[Happening]]) -> None:
    rulebook, history = story
    for happening, decision in told(Plan(rulebook), [_in_whole_minutes(each) for each in history], Standing()):
        for line in decision.lines:
            found = ARITHMETIC.search(line.explanation)
            assert found is None or found["way"] is None, (line.explanation, happening)


def _in_whole_minutes(happening: Happening) -> Happening:
    return replace(happening, facts={**happening.facts, "minutes": int(happening.facts.get("minutes", 0))})


# --- limits -----------------------------------------------------------------------------------------------------------

WINDOWS = [
    "event", "event", "event", "day", "week", "month", "quarter", "half_year", "year", "ever",
    "1 days", "2 days", "7 days", "30 days", "1 months", "2 months",
]  # fmt: skip
limits = st.builds(
    lambda kind, per, by, over: {**kind, "per": per, **({"by": by} if by else {}), "over": over},
    st.builds(lambda most: {"points": most}, st.integers(0, 30))
    | st.builds(lambda most: {"times": most}, st.integers(0, 4))
    | st.builds(lambda most: {"quantity": most}, st.sampled_from([1, 2, Decimal("2.5"), 5, 8])),
    st.sampled_from(WINDOWS),
    st.sampled_from([[], [], ["loan"], ["loan", "place"], ["kind"]]),
    st.sampled_from(["trim", "trim", "nothing"]),
)


def counted_by(limit: dict[str, Any]) -> Any:
    """What two limits of one rule can't have in common."""
    return [kind for kind in ("points", "times", "quantity") if kind in limit], limit["per"], limit.get("by")


def several(of: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(of, max_size=3, unique_by=lambda limit: repr(counted_by(limit)))


@dataclass(frozen=True)
class Told:
    """One event, and what each rule gave for it."""

    number: int
    day: date
    facts: dict[str, Any]
    given: dict[str, int]


@st.composite
def limited(draw: st.DrawFn) -> dict[str, Any]:
    """A document with rules under limits of their own and of several together; every quantity can be told by its points."""
    order = draw(st.sampled_from(["document", "largest_first", "smallest_first"]))
    document: dict[str, Any] = {
        "name": "限额",
        "expiry": {"never": True},
        "calculation": {
            "round": "down",
            "order": order,
            "year_starts": draw(st.sampled_from(["01-01", "02-28", "09-01"])),
        },
    }
    if draw(st.booleans()):
        fits(document, "currency", {"id": "points", "name": "积分", "ceiling": draw(st.integers(10, 60))})
    for word in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        rule: dict[str, Any] = {"id": word, "title": word, "event": draw(st.sampled_from([["go"], ["go", "come"]]))}
        rule |= {"amount": draw(st.sampled_from([2, 4, 10])), "category": draw(st.sampled_from(["x", "y"]))}
        rule |= draw(st.sampled_from([{}, {"each": "items"}, {"each": "hours"}]))
        own = draw(several(limits))
        fits(document, "earn", rule | {"limits": [each for each in own if "quantity" not in each or "each" in rule]})
    for word in ("s", "t")[: draw(st.integers(0, 2))]:
        which = draw(st.sampled_from([{"rules": ["a", "b"]}, {"categories": ["x"]}, {"currency": "points"}]))
        fits(document, "limit", {"id": word, "title": word, **which, **draw(limits)})
    return document


@st.composite
def eventful(draw: st.DrawFn) -> list[tuple[str, date, dict[str, Any]]]:
    """Events close together around the ends of months and years, in any order."""
    first = draw(st.sampled_from([date(2026, 1, 20), date(2027, 12, 20), date(2028, 2, 20), date(2028, 8, 20)]))
    day = st.integers(0, 14) | st.integers(0, 70)
    facts = {
        "items": st.integers(0, 4),
        "minutes": st.sampled_from([0, 30, 60, 90, 240]),
        "loan": st.sampled_from(["p", "q"]),
        "place": st.sampled_from(["p", "q", None]),
    }
    event = st.tuples(
        st.sampled_from(["go", "come"]), day.map(lambda n: first + timedelta(days=n)), st.fixed_dictionaries(facts)
    )
    return draw(st.lists(event, min_size=5, max_size=25))


def tell(document: dict[str, Any], events: list[tuple[str, date, dict[str, Any]]]) -> list[Told]:
    plan, standing = Plan(parse(toml_of(document))), Standing()
    history = [
        Happening(kind, datetime(on.year, on.month, on.day, 12, tzinfo=ZONE), "", facts) for kind, on, facts in events
    ]
    found = []
    for number, (happening, decision) in enumerate(told(plan, history, standing)):
        check_explanations(plan, happening, decision)
        given_by = {line.rule_id: line.amount for line in decision.awards}
        assert len(given_by) == len(decision.awards)
        found.append(
            Told(number, local_day(happening.occurred_at), {**happening.facts, "kind": happening.kind}, given_by)
        )
    return found


def used(limit: dict[str, Any], rules: dict[str, dict[str, Any]], each: Told) -> Fraction:
    """What an event used of a limit, told by the points that the rules gave."""
    given_by = {word: points for word, points in each.given.items() if word in rules}
    if "points" in limit:
        return Fraction(sum(given_by.values()))
    if "times" in limit:
        return Fraction(len(given_by))
    return sum((Fraction(points, rules[word]["amount"]) for word, points in given_by.items()), Fraction(0))


def part_of_calendar(per: str, day: date, year_starts: str) -> Any:
    if per == "week":
        return day - timedelta(days=day.isoweekday())  # the Sunday before
    months = {"month": 1, "quarter": 3, "half_year": 6}
    if per in months:
        return day.year, (day.month - 1) // months[per]
    if per == "year":
        month, of_month = map(int, year_starts.split("-"))
        return day.year - ((day.month, day.day) < (month, of_month))
    return day if per == "day" else per


def same_day_of_month_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for of_month in range(day.day, 0, -1):
        with suppress(ValueError):
            return date(year, month + 1, of_month)
    raise AssertionError("a month has days")


def windows_of(limit: dict[str, Any], events: list[Told], year_starts: str) -> Iterable[list[Told]]:
    """The events of each window of a limit, of all days on which one may end."""
    groups: dict[Any, list[Told]] = {}
    for each in events:
        groups.setdefault(tuple(each.facts.get(fact) for fact in limit.get("by", ())), []).append(each)
    per = limit["per"]
    for group in groups.values():
        if " " not in per:
            parts: dict[Any, list[Told]] = {}
            for each in group:
                part = each.number if per == "event" else part_of_calendar(per, each.day, year_starts)
                parts.setdefault(part, []).append(each)
            yield from parts.values()
            continue
        number, unit = int(per.split(" ")[0]), per.split(" ")[1]
        first, last = min(each.day for each in group), max(each.day for each in group)
        for n in range((last - first).days + 70):
            end = first + timedelta(days=n)
            outside = end - timedelta(days=number) if unit == "days" else same_day_of_month_before(end, number)
            yield [each for each in group if outside < each.day <= end]


@drawn(250)
@given(limited(), eventful())
def test_no_window_of_any_limit_ever_holds_more_than_the_limit(
    document: dict[str, Any], events: list[tuple[str, date, dict[str, Any]]]
) -> None:
    found, year_starts = tell(document, events), document["calculation"]["year_starts"]
    rules = {rule["id"]: rule for rule in document.get("earn", ())}
    held = [(limit, {word: rule}) for word, rule in rules.items() for limit in rule["limits"]]
    for limit in document.get("limit", ()):
        named = limit.get("rules", ()), limit.get("categories", ())
        held.append(
            (
                limit,
                {
                    n: rule
                    for n, rule in rules.items()
                    if "currency" in limit or n in named[0] or rule["category"] in named[1]
                },
            )
        )
    for limit, its_rules in held:
        most = Fraction(next(limit[kind] for kind in ("points", "times", "quantity") if kind in limit))
        for window in windows_of(limit, found, year_starts):
            assert sum(used(limit, its_rules, each) for each in window) <= most, (limit, window)


@drawn(150)
@given(several(limits.filter(lambda limit: "quantity" not in limit)), eventful())
def test_a_limit_takes_nothing_that_it_has_room_for(
    own: list[dict[str, Any]], events: list[tuple[str, date, dict[str, Any]]]
) -> None:
    rule = {"id": "a", "title": "a", "event": ["go", "come"], "amount": 4, "each": "items", "limits": own}
    document = {"name": "x", "expiry": {"never": True}, "calculation": {"round": "down"}, "earn": [rule]}
    found = tell(document, events)
    for n, each in enumerate(found):
        wish = 4 * each.facts["items"]
        for limit in own:
            here = found[: n + 1]
            holding = [window for window in windows_of(limit, here, "01-01") if each in window]
            room = min(
                limit.get("points", limit.get("times", 0))
                - sum(used(limit, {"a": rule}, one) for one in window if one is not each)
                for window in holding
            )
            if "times" in limit:
                wish = wish if room >= 1 else 0
            elif wish > room:
                wish = max(room, 0) if limit["over"] == "trim" else 0
        assert each.given.get("a", 0) == wish, each


@drawn(60)
@given(limited(), eventful(), st.randoms(use_true_random=False))
def test_how_much_counters_hold_does_not_hang_on_the_order_where_no_limit_bites(
    document: dict[str, Any], events: list[tuple[str, date, dict[str, Any]]], random: Any
) -> None:
    document = {**document, "limit": [], "currency": []}
    document["earn"] = [rule | {"limits": []} for rule in document["earn"]]
    del document["currency"]
    document["tally"] = [
        {"id": "rolling", "title": "x", "events": ["go"], "per": "30 days"},
        {"id": "week", "title": "x", "events": ["go"], "of": "hours", "per": "week", "by": ["loan"]},
        {"id": "row", "title": "x", "events": ["go"], "streak": "day"},
    ]
    standings = []
    for _ in range(2):
        plan, standing = Plan(parse(toml_of(document))), Standing()
        for kind, on, facts in events:
            happening = Happening(kind, moment(on.isoformat()), "", facts)
            apply(standing, evaluate(plan, happening, standing).changes)
        standings.append((standing.lots, standing.earned, standing.counters))
        events = random.sample(events, len(events))
    assert standings[0] == standings[1]


@drawn(60)
@given(
    st.lists(st.integers(0, 25), min_size=1, max_size=20, unique=True),
    st.sampled_from([{"at": 3}, {"every": 3}, {"at": 7}, {"every": 2}]),
    st.sampled_from(["day", "week"]),
    st.randoms(use_true_random=False),
)
def test_a_row_is_rewarded_alike_in_whatever_order_its_days_arrive(
    days: list[int], reached: dict[str, int], streak: str, random: Any
) -> None:
    rule = {"id": "a", "title": "a", "event": ["go"], "amount": 1, "milestone": {"tally": "row", **reached}}
    tally = {"id": "row", "title": "x", "events": ["go"], "streak": streak}
    document = {"name": "x", "expiry": {"never": True}, "tally": [tally], "earn": [rule]}
    width = 1 if streak == "day" else 7
    wishes = sorted(days)
    rows = [1]
    for one, next_one in pairwise(wishes):
        rows[-1:] = [rows[-1] + 1] if next_one == one + 1 else [rows[-1], 1]
    [(kind, number)] = reached.items()
    in_order = sum(row // number if kind == "every" else row >= number for row in rows)
    events = [("go", date(2026, 2, 23) + timedelta(days=width * n), {}) for n in wishes]
    assert sum(each.given.get("a", 0) for each in tell(document, events)) == in_order
    late = sum(each.given.get("a", 0) for each in tell(document, random.sample(events, len(events))))
    # A row that joins two which were rewarded both is not rewarded less than they were.
    assert late >= in_order
    assert late <= len(events) // number
