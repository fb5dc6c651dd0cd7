"""Chapters in plain Chinese: levels, freezes, penalties, warnings, rankings."""

from __future__ import annotations

from rules.rulebook.evaluation import APPROVERS
from rules.rulebook.limits import WINDOWS
from rules.rulebook.periods import Calendar, Window
from rules.rulebook.sections.standing import (
    Collects,
    Freeze,
    FreezeExit,
    Ladder,
    Level,
    Penalty,
    PenaltyStep,
    Ranking,
    Right,
    Suspension,
    WarningRule,
)
from rules.rulebook.words_of_facts import PARTS, Speaker, joined, listed, number, quoted, sentence, window


def ladder_in_words(speaker: Speaker, ladder: Ladder) -> list[str]:
    """A ladder, then each of its levels."""
    parts = [f"共 {len(ladder.level)} 级，以达到的最高一级为准"]
    parts.append("条件不再满足时降级" if ladder.falls else "达到后不降级")
    parts.append(speaker.condition(ladder.kept_while, "以下情形保留原级："))
    if ladder.cycle is not None:
        [measure] = ladder.level[0].at
        parts.append(f"每满 {speaker.value(measure, ladder.cycle)}为一轮，各级及其权益逐轮重来")
    return [sentence(ladder.title, parts), *(_level(speaker, ladder, each) for each in ladder.level)]


def _level(speaker: Speaker, ladder: Ladder, level: Level) -> str:
    reached = [speaker.reached(measure, least) for measure, least in level.at.items()]
    parts = ["，且".join(reached), speaker.condition(level.where)]
    if level.rights:
        parts.append(f"权益：{listed(_right(speaker, right) for right in level.rights)}")
    return sentence(f"{ladder.title}·{level.title}", parts)


def _right(speaker: Speaker, right: Right) -> str:
    more = [number(right.value)] if right.value is not None and number(right.value) not in right.title else []
    if right.points is not None:
        more.append(f"得 {speaker.points(right.points, right.currency or speaker.rulebook.main_currency.id)}")
    more += ["只在第一轮"] if right.once else []
    return f"{right.title}（{listed(more)}）" if more else right.title


def freeze_in_words(speaker: Speaker, freeze: Freeze) -> list[str]:
    """When something is frozen, then each way out."""
    parts = [f"{speaker.where(freeze.where)}时冻结", f"冻结期间不能{speaker.blocked(freeze.blocks)}"]
    parts.append(f"解除方式有 {len(freeze.exit)} 种，满足其一即可" if len(freeze.exit) > 1 else "")
    return [sentence(freeze.title, parts), *(_way_out(speaker, freeze, each) for each in freeze.exit)]


def _way_out(speaker: Speaker, freeze: Freeze, way_out: FreezeExit) -> str:
    if way_out.after_days is not None:
        how = f"冻结满 {way_out.after_days} 天自动解除"
    elif way_out.event is not None:
        how = f"发生{speaker.events(way_out.event)}即解除"
    else:
        assert way_out.collects is not None, "a way out has one of its three forms"
        how = f"冻结后{_collected(speaker, way_out.collects)}即解除"
    parts = [how, speaker.condition(way_out.where)]
    if way_out.balance_becomes is not None:
        currency = freeze.currency or speaker.rulebook.main_currency.id
        parts.append(f"解除后余额置为 {speaker.points(way_out.balance_becomes, currency)}")
    return sentence(f"{freeze.title}的解除（{way_out.title}）", parts)


def _collected(speaker: Speaker, collects: Collects) -> str:
    if collects.quantity is not None:
        amount = speaker.value(collects.quantity, collects.amount)
        return joined(f"{speaker.events(collects.events)}的", speaker.fact(collects.quantity), "累计满", amount)
    titles = [rule.title for rule in speaker.rulebook.earn if rule.category in collects.categories]
    points = speaker.points(collects.amount, speaker.rulebook.main_currency.id)
    return joined(f"{listed(quoted(title) for title in titles)}累计得", points)


def penalty_in_words(speaker: Speaker, penalty: Penalty) -> str:
    """What is counted, and what happens at which number."""
    parts = [_counted_in(penalty.per), speaker.apart(penalty.by), speaker.condition(penalty.where, "只计：")]
    parts += [_step(speaker, penalty, each) for each in penalty.step]
    return sentence(speaker.head(penalty.title, penalty.events), parts)


def _counted_in(per: Window) -> str:
    """In which window infractions are counted."""
    if per.is_rolling:
        return f"计 {window(per)}的次数"
    return "次数一直累计" if per.calendar is Calendar.EVER else f"{window(per)}单独计次"


def _step(speaker: Speaker, penalty: Penalty, step: PenaltyStep) -> str:
    parts = ["予以警告"] if step.warns else []
    if step.suspends is not None:
        parts.append(f"暂停{speaker.blocked(penalty.blocks)}{_suspension(step.suspends)}")
    parts += [*step.consequences, *(["此后重新计次"] if step.clears else [])]
    return f"第 {step.at} 次：{'，'.join(parts)}"


def _suspension(suspension: Suspension) -> str:
    if suspension.for_good:
        return "，直至工作人员恢复"
    if suspension.to_end_of is not None:
        return f"，至本{PARTS[suspension.to_end_of]}结束"
    for count, unit in ((suspension.hours, "小时"), (suspension.days, "天"), (suspension.months, "个月")):
        if count is not None:
            return f" {count} {unit}"
    raise AssertionError("a suspension has one of its five forms")


def warning_in_words(speaker: Speaker, warning: WarningRule) -> str:
    """When people are told something, and what."""
    condition = f"，{speaker.where(warning.where)}的" if warning.where else ""
    return f"遇{speaker.events(warning.event)}时{condition}，提醒：{warning.title}。"


def ranking_in_words(speaker: Speaker, ranking: Ranking) -> str:
    """What is compared, how often, how many places there are."""
    often = "不分时段" if ranking.every == "ever" else WINDOWS[ranking.every]
    parts = [joined(often, "按", speaker.fact(ranking.measure), f"排名，取前 {ranking.top} 名")]
    if ranking.least is not None:
        parts.append(f"不足 {speaker.value(ranking.measure, ranking.least)}的不参加排名")
    parts.append(speaker.condition(ranking.where, "范围："))
    parts += [f"由{APPROVERS[ranking.decided_by]}评定"] if ranking.decided_by is not None else []
    parts += [f"奖励：{ranking.reward}"] if ranking.reward else []
    return sentence(ranking.title, parts)
