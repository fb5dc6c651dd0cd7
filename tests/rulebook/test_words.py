"""A rulebook in plain Chinese says everything that its document says, and says it so that a resident understands it."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from rules.rulebook.document import Rulebook, parse
from rules.rulebook.reading import Either, ListOf, Reader, Section, TableOf, keys_of
from rules.rulebook.words import in_words
from rules.rulebook.words_of_facts import EVENTS, FACTS
from tests.rulebook.story import PUBLISHED
from tests.rulebook.strategies import documents, toml_of

DOCUMENTS = sorted(PUBLISHED.glob("*.toml"))
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in PUBLISHED.parent.glob("words*.py"))
HEAD = """name = "测试规则"
[calculation]
round = "down"
order = "document"
[expiry]
never = true
"""


def chapters(document: str) -> dict[str, tuple[str, ...]]:
    return {each.title: each.sentences for each in in_words(parse(HEAD + document))}


# --- exact sentences --------------------------------------------------------------------------------------------------

EARNING = [
    (
        """
        id = "borrow"
        title = "借书"
        event = "borrow"
        amount = 1
        each = "items"
        unit = "册"
        step = { of = 1, round = "down" }
        limits = [{ points = 3, per = "day" }]""",
        "借书（borrow）：每册 1 分；每日最多 3 分。",
    ),
    (
        """
        id = "checkin"
        title = "活动现场签到"
        event = "checkin"
        where = { late = false }
        amount = 3""",
        "活动现场签到：每次 3 分；条件：未迟到。",
    ),
    (
        """
        id = "service"
        title = "志愿服务"
        event = "service"
        amount = 20
        each = "hours"
        per = 2
        at_most = 8
        step = { of = 0.5, round = "down" }
        where = [{ provenance = "signed", person.age = { min = 18, max = 60 } }, { person.volunteer = true }]
        limits = [{ quantity = 4, per = "day", over = "nothing" }, { times = 2, per = "7 days", by = ["venue"] }]""",
        (
            "志愿服务：每 2 小时 20 分；一次最多计 8 小时；不足 0.5 小时的部分不计；每日最多计 4 小时，放不下的整次不计；"
            "同一 venue 7 天内最多 2 次；条件：（时长来源为本人签到签退，且年龄在 18 岁至 60 岁之间）或（是注册志愿者）。"
        ),
    ),
    (
        """
        id = "honour"
        title = "表彰"
        event = "honour"
        amount = { fact = "grade", values = { "省级" = 500, "市级" = 300 }, otherwise = 50 }
        factors = [{ fact = "difficulty", values = { "一般" = 1, "困难" = 1.5 } }]
        approval = "committee"
        claim = { by_day = 8, evidence = true }
        objection_days = 3
        expiry = { months = 36 }
        starts_on = 2026-04-23
        ends_on = 2026-05-13
        note = "以文件为准" """,
        (
            "表彰（honour）：每次按 grade 计分：省级 500 分、市级 300 分，其他 50 分；"
            "再乘 difficulty 系数：一般 1、困难 1.5，其他情形不计；须经居（村）委会确认；"
            "须在次月 8 日前（含当日）申报，且须提交凭证；公示 3 天，无异议后计入；"
            "自获得之日起 36 个月有效，延至该月末；自 2026-04-23 起；至 2026-05-13 止；以文件为准。"
        ),
    ),
    (
        """
        id = "deed"
        title = "好人好事"
        event = "deed"
        amount = { min = 50, max = 100 }
        approval = "panel"
        claim = { within_days = 3 }""",
        "好人好事（deed）：每次 50 至 100 分，由评议小组评定；须在 3 天内申报。",
    ),
    (
        """
        id = "rating"
        title = "季度评分"
        event = "rating"
        amount = 2
        each = { self = 0.4, peers = 0.6 }
        unit = "项" """,
        "季度评分（rating）：按 self × 0.4 + peers × 0.6 加权，每项 2 分。",
    ),
]


@pytest.mark.parametrize(("rule", "sentence"), EARNING, ids=[said.split("（")[0][:6] for _, said in EARNING])
def test_a_rule_that_earns_is_one_sentence(rule: str, sentence: str) -> None:
    assert chapters(f"[[earn]]{rule}")["得分"] == (sentence,)


DEDUCTING = [
    (
        """
        id = "overdue"
        title = "逾期"
        event = "overdue"
        amount = 2
        each = "item_days"
        unit = "册·天"
        step = { of = 1, round = "up" }
        limits = [{ points = 50, per = "ever", by = ["loan"] }]
        short = "nothing" """,
        "逾期（overdue）：每册·天扣 2 分；同一 loan 累计最多扣 50 分；余额不够扣时整次不扣。",
    ),
    (
        """
        id = "no-show"
        title = "报名未到"
        event = "no_show"
        amount = 10
        where = { excused = false }""",
        "报名未到：每次扣 10 分；条件：没有正当理由。",
    ),
    (
        """
        id = "littering"
        title = "乱倒垃圾"
        event = "littering"
        amount = "all" """,
        "乱倒垃圾（littering）：扣除全部余额。",
    ),
]


@pytest.mark.parametrize(("rule", "sentence"), DEDUCTING, ids=[said.split("（")[0][:6] for _, said in DEDUCTING])
def test_a_rule_that_costs_is_one_sentence(rule: str, sentence: str) -> None:
    assert chapters(f"[[deduct]]{rule}")["扣分"] == (sentence,)


#: What else stands in a document: the chapter, its sentences.
SECTIONS = [
    (
        """
        [[void]]
        id = "complaint"
        title = "被投诉"
        event = "complaint"
        where = { serious = true }""",
        "扣分",
        ("被投诉（complaint）：所涉及的那一次所得积分全部收回；条件：serious 为是。",),
    ),
    (
        """
        [[tally]]
        id = "days"
        title = "连续阅读"
        events = ["read"]
        streak = "day"
        [[tally]]
        id = "hours"
        title = "本年服务"
        events = ["service"]
        of = "hours"
        at_most = 8
        step = { of = 0.5, round = "half_up" }
        per = "year"
        where = { approved_by = "staff" }
        [[earn]]
        id = "seven"
        title = "连读七天"
        event = "read"
        amount = 40
        milestone = { tally = "days", at = 7 }
        [[earn]]
        id = "thirty"
        title = "每三十小时"
        event = "service"
        amount = 20
        milestone = { tally = "hours", every = 30 }""",
        "累计",
        (
            "连续阅读：连续有“read”的天数，中断后重新计。",
            (
                "本年服务：累计“服务”的服务时长；一次最多计 8 小时；不足 0.5 小时的部分满一半按 0.5 小时计，不满一半不计；"
                "每年重新计；只计：确认人为工作人员。"
            ),
        ),
    ),
    (
        """
        [[tally]]
        id = "days"
        title = "连续阅读"
        events = ["read"]
        streak = "day"
        [[earn]]
        id = "seven"
        title = "连读七天"
        event = "read"
        amount = 40
        milestone = { tally = "days", at = 7 }""",
        "得分",
        ("连读七天（read）：“连续阅读”达到 7 天时，得 40 分。",),
    ),
    (
        """
        [[earn]]
        id = "signup"
        title = "报名"
        event = "signup"
        amount = 2
        category = "activity"
        [[earn]]
        id = "checkin"
        title = "签到"
        event = "checkin"
        amount = 3
        category = "activity"
        [[limit]]
        id = "activity-day"
        title = "活动类"
        categories = ["activity"]
        points = 10
        per = "day" """,
        "合计限额",
        ("活动类（“报名”、“签到”合计）：每日最多 10 分。",),
    ),
    (
        """
        [[currency]]
        id = "culture"
        name = "文化币"
        unit = "枚"
        opening = 10
        opening_each = "year"
        floor = "none"
        decimals = 1
        expiry = { end_of = "quarter" }
        [[currency]]
        id = "lebi"
        name = "乐币"
        unit = "枚"
        decimals = 1
        ceiling = 1500
        overflow = "culture"
        scope = "community"
        [[convert]]
        id = "to-lebi"
        title = "折算"
        source = ["culture"]
        target = "lebi"
        rate = 0.5
        automatic = true
        limits = [{ points = 500, per = "year" }]""",
        "积分",
        (
            (
                "文化币（单位：枚）：开户时发放 10 枚，以后每年开始时重新发放 10 枚；余额可以为负，不设下限；余额不设上限；"
                "记到小数点后 1 位；各社区、各单位通用；有效期至获得当季末，到期清零。"
            ),
            (
                "乐币（单位：枚）：余额最高 1500 枚，超出的部分转入“文化币”；记到小数点后 1 位；"
                "只能在获得它的社区使用；永久有效。"
            ),
        ),
    ),
    (
        """
        [[currency]]
        id = "culture"
        name = "文化币"
        unit = "枚"
        [[currency]]
        id = "lebi"
        name = "乐币"
        unit = "枚"
        [[convert]]
        id = "to-lebi"
        title = "折算"
        source = ["culture"]
        target = "lebi"
        rate = 2
        automatic = true
        limits = [{ points = 500, per = "year" }]""",
        "折算",
        ("折算：1 枚“文化币”折 2 枚“乐币”；获得后自动折算；每年最多折 500 枚“文化币”。",),
    ),
    (
        """
        [[tally]]
        id = "hours"
        title = "服务时长"
        events = ["service"]
        of = "hours"
        [[ladder]]
        id = "star"
        title = "星级志愿者"
        falls = false
        cycle = 300
        [[ladder.level]]
        id = "star-1"
        title = "一星"
        at = { "tally.hours" = 100 }
        rights = [{ title = "证书", once = true }, { title = "可借册数", id = "items", value = 6 }]
        [[ladder.level]]
        id = "star-2"
        title = "二星"
        at = { "tally.hours" = 300 }""",
        "等级",
        (
            "星级志愿者：共 2 级，以达到的最高一级为准；达到后不降级；每满 300 小时为一轮，各级及其权益逐轮重来。",
            "星级志愿者·一星：“服务时长”达到 100 小时；权益：证书（只在第一轮）、可借册数（6）。",
            "星级志愿者·二星：“服务时长”达到 300 小时。",
        ),
    ),
    (
        """
        [[freeze]]
        id = "borrowing"
        title = "借阅权限冻结"
        where = { balance.points = { max = 0 } }
        blocks = ["borrow", "booking"]
        [[freeze.exit]]
        title = "自动"
        after_days = 60
        where = { person.owes = false }
        balance_becomes = 50
        [[freeze.exit]]
        title = "志愿服务"
        collects = { events = ["service"], quantity = "hours", amount = 2 }
        [[earn]]
        id = "borrow"
        title = "借书"
        event = "borrow"
        amount = 1""",
        "冻结与解除",
        (
            "借阅权限冻结：积分余额不超过 0 分时冻结；冻结期间不能“借书”（borrow）、预约；解除方式有 2 种，满足其一即可。",
            "借阅权限冻结的解除（自动）：冻结满 60 天自动解除；条件：没有欠还或欠费；解除后余额置为 50 分。",
            "借阅权限冻结的解除（志愿服务）：冻结后“服务”的服务时长累计满 2 小时即解除。",
        ),
    ),
    (
        """
        [[penalty]]
        id = "no-show"
        title = "爽约"
        events = ["no_show", "late_return"]
        per = "120 days"
        by = ["kind"]
        [[penalty.step]]
        at = 1
        warns = true
        [[penalty.step]]
        at = 3
        suspends = { days = 90 }
        consequences = ["通报单位"]
        clears = true
        [[warning]]
        id = "april"
        title = "积分不足"
        event = "review"
        where = { balance.points = { below = 150 } }""",
        "违规与提醒",
        (
            (
                "爽约（未到、late_return）：计 120 天内的次数；按事项分别计；第 1 次：予以警告；"
                "第 3 次：暂停预约 90 天，通报单位，此后重新计次。"
            ),
            "遇“review”时，积分余额低于 150 分的，提醒：积分不足。",
        ),
    ),
    (
        """
        [[booking]]
        id = "seats"
        title = "阅览座位"
        where = { kind = "seat" }
        who = { person.volunteer = true }
        who_title = "仅限志愿者"
        opens = { days_before = 7, at = "17:00" }
        closes = { minutes_before = 30 }
        cancel = { days_before = 0, at = "15:00" }
        changes_max = 1
        party_max = 5
        party_limits = [{ title = "儿童", of = "children", most = 3 }]
        quotas = [{ times = 8, per = "week" }, { events = ["cancelled"], times = 2, per = "day", by = ["hall"] }]
        grace_minutes = 30
        grace_until = "08:30"
        leaves = [{ minutes = 60, where = { meal_time = true } }]
        released_to = "waiting_list"
        price = 100
        priority = [{ title = "志愿者优先", where = { person.volunteer = true } }, { title = "加分优先", points = 20 }]""",
        "预约",
        (
            (
                "阅览座位：适用于：事项为 seat；预约资格：仅限志愿者，即是注册志愿者；提前 7 天的 17:00 开放预约；"
                "最迟在开始前 30 分钟预约；最迟在当天 15:00 取消；每个预约最多改 1 次；"
                "每个预约最多 5 人；其中儿童最多 3 人；"
                "每周最多预约 8 次；每日最多取消预约 2 次（按 hall 分别计）；"
                "开始后 30 分钟内未签到的（到 08:30 更晚的，以其为准），释放名额；"
                "暂时离开最多保留 60 分钟（meal_time 为是）；退回的名额依次给候补的人；每次预约 100 分；"
                "名额不足时依次优先：志愿者优先，即是注册志愿者；加分优先，另付 20 分。"
            ),
        ),
    ),
    (
        """
        [[redemption]]
        id = "goods"
        title = "兑换礼品"
        kinds = ["goods", "lottery"]
        who = { balance.points = { min = 50 } }
        least = 10
        rate = { points = 1, worth = 2 }
        windows = [{ months = [1] }, { days = [15] }, { last_days_of = "quarter", count = 10 }, { weekdays = [6, 7] }]
        limits = [{ times = 1, per = "quarter" }, { quantity = 2, per = "ever", by = ["item"] }]
        part_payment = { most_percent = 50 }
        lottery = { points = 10 }
        refund = "until_pick_up"
        pick_up_days = 30
        when_lapsed = "returned"
        substitution = true
        note = "凭码领取" """,
        "兑换",
        (
            (
                "兑换礼品：用于物品、抽奖；兑换资格：积分余额至少 50 分；使用积分；每次至少 10 分；1 分抵 2 元；"
                "兑换时间：每年 1 月，或每月 15 日，或每季度最后 10 天，或每周六、周日；"
                "每季度最多 1 次；同一 item 累计最多兑 2 件；"
                "积分可支付价款的一部分（最多 50%），其余付现金；抽奖一次 10 分；"
                "领取前可以退，积分退回；须在 30 天内领取，逾期未领的，积分退回；缺货时可换其他物品；凭码领取。"
            ),
        ),
    ),
    (
        """
        [transfer]
        within = "household"
        where = { person.age = { min = 18 } }
        limits = [{ points = 100, per = "month" }]
        [[earn]]
        id = "a"
        title = "签到"
        event = "checkin"
        amount = 1""",
        "转赠",
        ("同一家庭的成员之间可以互相转赠积分；赠出人条件：年龄至少 18 岁；每月最多 100 分。",),
    ),
    (
        """
        [[ranking]]
        id = "month"
        title = "每月之星"
        measure = "earned.points"
        every = "month"
        top = 20
        least = 100
        where = { person.kind = "志愿者" }
        decided_by = "panel"
        reward = "年度奖励" """,
        "排名",
        (
            (
                "每月之星：每月按累计获得的积分排名，取前 20 名；不足 100 分的不参加排名；"
                "范围：身份为志愿者；由评议小组评定；奖励：年度奖励。"
            ),
        ),
    ),
    (
        """
        [publication]
        every = "month"
        objection_days = 3
        [adjustment]
        second_person_above = 100
        [[earn]]
        id = "a"
        title = "签到"
        event = "checkin"
        amount = 1""",
        "公示与更正",
        (
            "积分每月公示，公示后 3 天内可以提出异议。",
            "工作人员人工增减积分，一次超过 100 分的须由第二人决定。",
        ),
    ),
]


@pytest.mark.parametrize(
    ("document", "chapter", "sentences"), SECTIONS, ids=[f"{n}-{each[1]}" for n, each in enumerate(SECTIONS)]
)
def test_a_section_is_said_in_its_chapter(document: str, chapter: str, sentences: tuple[str, ...]) -> None:
    assert chapters(document)[chapter] == sentences


def test_what_holds_for_everything_comes_first() -> None:
    document = """
        name = "积分规则"
        source = "https://example.org/rules"
        [account]
        holder = "household"
        on_closing = "void"
        [calculation]
        round = "half_up"
        order = "largest_first"
        year_starts = "09-01"
        [expiry]
        years = 1
        notice_days = 15
        [eligibility]
        title = "仅限志愿者"
        where = { person.volunteer = true }
        [[earn]]
        id = "a"
        title = "签到"
        event = "checkin"
        amount = 1"""
    assert in_words(parse(document))[0].sentences == (
        "本规则名为《积分规则》。",
        "规则出处：https://example.org/rules 。",
        "积分记在家庭名下；销户（退证、退出）后积分作废。",
        "积分失效前 15 天提醒。",
        "得分资格：仅限志愿者；条件：是注册志愿者。",
        "算出的积分不是整数单位时，四舍五入。",
        "同一件事的几项得分共用一个限额时，从分值大的到小的计入。",
        "年度从每年 9 月 1 日起算。",
    )


def test_a_rulebook_of_bookings_alone_says_nothing_of_points() -> None:
    document = """
        [[booking]]
        id = "seats"
        title = "座位" """
    assert set(chapters(document)) == {"总则", "预约"}


# --- nothing is left out ----------------------------------------------------------------------------------------------

TEXTS = ("title", "name", "who_title", "note", "reward", "consequences")
CONDITIONS = ("where", "who", "kept_while")
#: Numbers for which there is a word, 当天, 次年, 周六, 每一笔, or that need none: of what is whole only whole ones count.
IN_WORDS = {
    ("of", 1),
    ("per", 1),
    ("years", 0),
    ("years", 1),
    ("working_days_before", 1),
    *(
        (name, 0)
        for name in (
            "within_days",
            "minutes_before",
            "days_before",
            "second_person_above",
            "changes_max",
            "objection_days",
            "decimals",
            "opening",
            "floor",
            "least_percent",
            "pick_up_days",
        )
    ),
    *(("weekdays", day) for day in range(1, 8)),
}
TRANSLATED = {word: chinese for known in FACTS.values() for word, chinese in (known.values or {}).items()} | EVENTS


def assert_said(text: str, sentences: list[str], key: str, value: Any) -> None:
    """That a value of a document is in the words; of what has a title, in a sentence that names it."""
    if isinstance(value, dict):
        if (title := value.get("title")) is not None:
            text = "\n".join(each for each in sentences if title in each)
            assert text, title
        for name, each in value.items():
            if not is_without_effect(name, value):
                assert_said(text, sentences, key if key in CONDITIONS else name, each)
    elif isinstance(value, list):
        for each in value:
            assert_said(text, sentences, key, each)
    elif isinstance(value, str) and key in TEXTS:
        assert value in text
    elif isinstance(value, str) and key in CONDITIONS and "." not in value:
        assert value in text or TRANSLATED[value] in text
    else:
        for number in numbers_in(key, value):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text), f"{key} {number}: {text}"


def is_without_effect(key: str, table: dict[str, Any]) -> bool:
    """Whether a key changes nothing beside what else stands in its table."""
    if key == "count":
        return "last_days_of" not in table and "first_days_of" not in table
    return key == "per" and table.get("amount") == "all"


def numbers_in(key: str, value: Any) -> list[str]:
    """The numbers that a value prints."""
    if isinstance(value, bool) or (key, value) in IN_WORDS:
        return []
    if isinstance(value, date):
        return [value.isoformat()]
    if isinstance(value, int | Decimal):
        return [f"{Decimal(value).normalize() + 0:f}"]
    if key == "year_starts" and value != "01-01":
        return [str(int(part)) for part in value.split("-")]
    if re.fullmatch(r"\d+ (days?|months?)", value):
        return [value.split()[0]]
    return [value] if re.fullmatch(r"\d\d:\d\d", value) else []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_title_number_and_condition_of_a_published_rulebook_is_said(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sentences = [sentence for chapter in in_words(parse(text)) for sentence in chapter.sentences]
    assert all(sentence.endswith("。") and "  " not in sentence for sentence in sentences)
    assert_said("\n".join(sentences), sentences, "", tomllib.loads(text, parse_float=Decimal))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_every_title_number_and_condition_of_any_rulebook_is_said(document: dict[str, Any]) -> None:
    sentences = [said for chapter in in_words(parse(toml_of(document))) for said in chapter.sentences]
    assert all(sentence.endswith("。") for sentence in sentences)
    without_effect = {"transfer", "expiry"}  #: where nobody may give, where each currency says how long it is good
    assert_said(
        "\n".join(sentences),
        sentences,
        "",
        {name: each for name, each in document.items() if name not in without_effect},
    )


#: Keys that need no words of their own: by them one section names another, whose title is said, or a fact of the event.
UNSAID = {"id", "category", "of", "event", "events"}


def test_the_words_know_every_key_that_a_rulebook_may_have() -> None:
    names = {each.name for section in sections_of(Section(Rulebook)) for each, _ in keys_of(section)}
    unknown = {name for name in names - UNSAID if not re.search(rf"\.{name}\b", SOURCE)}
    assert unknown == set()


def sections_of(reader: Reader) -> list[type[Any]]:
    """The sections that a reader may read, with all below them."""
    if isinstance(reader, Section):
        below = [section for _, each in keys_of(reader.section) for section in sections_of(each.reader)]
        return [reader.section, *below]
    if isinstance(reader, ListOf | TableOf):
        return sections_of(reader.reader)
    return [section for each in reader.readers for section in sections_of(each)] if isinstance(reader, Either) else []
