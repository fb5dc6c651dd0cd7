"""A rulebook in plain Chinese, for residents: chapters of sentences, made of the data alone.

There is no second text that could say something else than what is counted. Things are called by their titles in the
rulebook; facts and events that the house knows by the words of one small table (`words_of_facts`), all others by their
own word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rules.rulebook.limits import WINDOWS
from rules.rulebook.sections.accounts import Account, Adjustment, Calculation, Holder, Order
from rules.rulebook.sections.common import NOTICE_DAYS, Expiry, Rounding
from rules.rulebook.sections.rulebook import MAIN_CURRENCY, Rulebook
from rules.rulebook.words_of_desk import booking_in_words, redemption_in_words, transfer_in_words
from rules.rulebook.words_of_earning import (
    ON_CLOSING,
    conversion_in_words,
    currency_in_words,
    deduct_in_words,
    earn_in_words,
    shared_limit_in_words,
    tally_in_words,
    total_in_words,
    void_in_words,
)
from rules.rulebook.words_of_facts import Speaker, sentence
from rules.rulebook.words_of_standing import (
    freeze_in_words,
    ladder_in_words,
    penalty_in_words,
    ranking_in_words,
    warning_in_words,
)

HOLDERS = {Holder.RESIDENT: "居民个人", Holder.HOUSEHOLD: "家庭", Holder.TEAM: "团队"}
ROUNDINGS = {Rounding.DOWN: "零头舍去", Rounding.UP: "零头进一", Rounding.HALF_UP: "四舍五入"}
ORDERS = {
    Order.DOCUMENT: "按本规则所列的先后",
    Order.LARGEST_FIRST: "从分值大的到小的",
    Order.SMALLEST_FIRST: "从分值小的到大的",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """What belongs together, in full sentences."""

    title: str
    sentences: tuple[str, ...]


def in_words(rulebook: Rulebook) -> list[Chapter]:
    """The whole rulebook, chapter by chapter; what it says nothing of has no chapter."""
    speaker = Speaker(rulebook)
    has_points = _has_points(rulebook)

    def each(items: Iterable[Any], say: Callable[[Speaker, Any], str]) -> list[str]:
        return [say(speaker, item) for item in items]

    def all_of(items: Iterable[Any], say: Callable[[Speaker, Any], list[str]]) -> list[str]:
        return [words for item in items for words in say(speaker, item)]

    chapters = {
        "总则": _general(speaker),
        "积分": [*each(rulebook.currency * has_points, currency_in_words), *each(rulebook.total, total_in_words)],
        "得分": each(rulebook.earn, earn_in_words),
        "扣分": [*each(rulebook.deduct, deduct_in_words), *each(rulebook.void, void_in_words)],
        "合计限额": each(rulebook.limit, shared_limit_in_words),
        "累计": each(rulebook.tally, tally_in_words),
        "折算": each(rulebook.convert, conversion_in_words),
        "等级": all_of(rulebook.ladder, ladder_in_words),
        "冻结与解除": all_of(rulebook.freeze, freeze_in_words),
        "违规与提醒": [*each(rulebook.penalty, penalty_in_words), *each(rulebook.warning, warning_in_words)],
        "预约": each(rulebook.booking, booking_in_words),
        "兑换": each(rulebook.redemption, redemption_in_words),
        "转赠": [transfer_in_words(speaker, rulebook.transfer)] * has_points,
        "排名": each(rulebook.ranking, ranking_in_words),
        "公示与更正": [
            *_publication(rulebook),
            *[_adjustment(rulebook)] * (has_points or rulebook.adjustment != Adjustment()),
        ],
    }
    return [Chapter(title, tuple(sentences)) for title, sentences in chapters.items() if sentences]


def _has_points(rulebook: Rulebook) -> bool:
    """Whether points come or go at all; where only places are booked there is nothing to say of them."""
    moves = (rulebook.earn, rulebook.deduct, rulebook.convert, rulebook.redemption)
    prices = [price for each in rulebook.booking for price in (each.price, *(first.points for first in each.priority))]
    return any(moves) or any(prices) or rulebook.currency != (MAIN_CURRENCY,)


def _general(speaker: Speaker) -> list[str]:
    book = speaker.rulebook
    said = [f"本规则名为《{book.name}》。"]
    said += [f"规则出处：{book.source} 。"] if book.source else []
    if _has_points(book) or book.account != Account():
        said.append(f"积分记在{HOLDERS[book.account.holder]}名下；{ON_CLOSING[book.account.on_closing]}。")
    if (_has_points(book) and _may_lapse(book)) or book.expiry.notice_days != NOTICE_DAYS:
        said.append(f"积分失效前 {book.expiry.notice_days} 天提醒。")
    if book.eligibility is not None:
        said.append(sentence("得分资格", [book.eligibility.title, speaker.condition(book.eligibility.where)]))
    return [*said, *_calculation(book.calculation)]


def _may_lapse(rulebook: Rulebook) -> bool:
    """Whether any points lapse, by the rulebook, a currency or a rule."""
    said: list[Expiry | None] = [rulebook.expiry, *(each.expiry for each in rulebook.currency)]
    said += [each.expiry for each in rulebook.earn]
    return any(each is not None and not each.never for each in said)


def _calculation(calculation: Calculation) -> list[str]:
    said = []
    if calculation.round is not None:
        said.append(f"算出的积分不是整数单位时，{ROUNDINGS[calculation.round]}。")
    if calculation.order is not None:
        said.append(f"同一件事的几项得分共用一个限额时，{ORDERS[calculation.order]}计入。")
    if calculation.year_starts != "01-01":
        month, day = calculation.year_starts.split("-")
        said.append(f"年度从每年 {int(month)} 月 {int(day)} 日起算。")
    return said


def _publication(rulebook: Rulebook) -> list[str]:
    shown = rulebook.publication
    if shown is None:
        return []
    days = f"，公示后 {shown.objection_days} 天内可以提出异议" if shown.objection_days else ""
    return [f"积分{WINDOWS[shown.every]}公示{days}。"]


def _adjustment(rulebook: Rulebook) -> str:
    above = rulebook.adjustment.second_person_above
    when = f"一次超过 {above} {rulebook.main_currency.unit}的" if above else "每一笔"
    return f"工作人员人工增减积分，{when}须由第二人决定。"
