"""Rankings of residents, by points earned; and who wants to be seen in them.

Nobody is seen who hasn't said so: to be in a public ranking is a use of personal information that needs consent of its own
(PIPL, art. 13 and 14), and no ranking needs it to work. Children below 14 are never seen. Places are counted among those
who are seen, so the list has no gaps that tell of others; whoever isn't seen learns which place they would have. The choice
is asked for again at every look, so who withdraws is gone at once, whenever the job last ran.

Where a public body hosts the programme there are no rankings of persons; communities are ranked everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.ranking import ALL_SCENES, EARNED, CommunityTally, RankingChoice, RankingRefresh, RankingTally
from models.residents import Purpose, Resident
from models.territory import Scene, Territory, TerritoryKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.hosting import require_operator_host
from rules.ids import ID_MAX
from rules.paging import Position
from rules.points.ranking_periods import RankingPlan, Span, earned_by, of_rulebook, stretch_of
from rules.residents.ages import CONSENT_YEARS, age_on
from rules.residents.consents import RANKING_VERSION, end_consent, give_consent
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.rulebook.periods import Calendar
from rules.rulebook.versions import rulebook_in_force
from rules.work import ActorKind, Work

AMOUNT_MAX = 2**62


class RankingUnknown(RuleError):
    code = "ranking.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个排名。"
    en = "There is no such ranking."


class RankingNotForChildren(RuleError):
    code = "ranking.child"
    kind = Kind.FORBIDDEN
    zh = "未满 {years} 周岁的居民不参加公开排名。"
    en = "Residents below {years} are not shown in rankings."


@dataclass(frozen=True, slots=True)
class RankedResident:
    """A place in a ranking; equal numbers share one."""

    place: int
    name: str  #: masked
    amount: Decimal
    is_me: bool


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """Where the actor is."""

    is_shown: bool  #: False: nobody else sees it
    amount: Decimal
    place: int | None  #: among those who are seen; None: nothing to rank


@dataclass(frozen=True, slots=True)
class RankingPage:
    """A page of a ranking, and what it is a ranking of."""

    ranking: str
    title: str
    unit: str
    period: str  #: its key
    starts_on: date
    ends_on: date
    top: int  #: so many places there are
    reward: str | None
    as_of: datetime | None  #: when it was worked out; None: not yet
    items: Sequence[RankedResident]
    next_after: Position | None
    me: OwnPlace | None  #: None for staff


@dataclass(frozen=True, slots=True)
class RankingOffer:
    """A ranking that the town has."""

    id: str
    title: str
    periods: tuple[str, ...]  #: of which parts of the calendar
    top: int
    reward: str | None


@dataclass(frozen=True, slots=True)
class RankingOffers:
    """The rankings that the town has."""

    items: Sequence[RankingOffer]


@dataclass(frozen=True, slots=True)
class RankedCommunity:
    """A community's place; by points a head, so that a large one has no advantage."""

    place: int
    community_id: int
    name: str
    amount: Decimal
    residents: int
    per_resident: Decimal


@dataclass(frozen=True, slots=True)
class CommunityRanking:
    """All communities of the town."""

    period: str
    starts_on: date
    ends_on: date
    unit: str
    as_of: datetime | None
    items: Sequence[RankedCommunity]


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether the actor is seen in rankings."""

    shown: bool
    is_allowed: bool  #: False: below 14


_tally = cast(Table, RankingTally.__table__)
_choice = cast(Table, RankingChoice.__table__)
_resident = cast(Table, Resident.__table__)

_seen = (
    _tally.c.town_id == bindparam("town"),
    _tally.c.ranking == bindparam("ranking"),
    _tally.c.period == bindparam("period"),
    _tally.c.scene == bindparam("scene"),
    _tally.c.is_shown,
    _tally.c.amount > 0,
)
_is_above = or_(
    _tally.c.amount < bindparam("amount"),
    and_(_tally.c.amount == bindparam("amount"), _tally.c.resident_id < bindparam("resident")),
)
_page = (
    select(_tally.c.resident_id, _tally.c.amount, _resident.c.name, _choice.c.is_shown)
    .join(_resident, and_(_resident.c.town_id == _tally.c.town_id, _resident.c.id == _tally.c.resident_id))
    .join(_choice, and_(_choice.c.town_id == _tally.c.town_id, _choice.c.resident_id == _tally.c.resident_id))
    .where(*_seen, _tally.c.amount >= bindparam("least"), _tally.c.amount <= bindparam("amount"), _is_above)
    .where(_choice.c.is_shown)
    .order_by(_tally.c.amount.desc(), _tally.c.resident_id.desc())
    .limit(bindparam("limit"))
)
#: How many are before somebody in the list, and how many of them have more.
_before = select(
    func.count().label("earlier"), func.count().filter(_tally.c.amount > bindparam("amount")).label("higher")
).where(
    *_seen,
    _tally.c.amount >= bindparam("amount"),
    or_(
        _tally.c.amount > bindparam("amount"),
        _tally.c.resident_id > bindparam("resident"),
    ),
)
_in_community = _tally.c.community_id == bindparam("community")
_page_in_community, _before_in_community = _page.where(_in_community), _before.where(_in_community)
_own = select(_tally.c.amount, _tally.c.community_id).where(
    _tally.c.town_id == bindparam("town"),
    _tally.c.ranking == bindparam("ranking"),
    _tally.c.period == bindparam("period"),
    _tally.c.scene == bindparam("scene"),
    _tally.c.resident_id == bindparam("resident"),
)
_as_of = select(RankingRefresh.refreshed_at).where(RankingRefresh.town_id == bindparam("town"))
_own_choice = (
    select(_resident.c.born_on, func.coalesce(_choice.c.is_shown, False).label("is_shown"))
    .outerjoin(_choice, and_(_choice.c.town_id == _resident.c.town_id, _choice.c.resident_id == _resident.c.id))
    .where(_resident.c.town_id == bindparam("town"), _resident.c.id == bindparam("resident"))
)
_choose = insert(_choice)
_choose = _choose.on_conflict_do_update(
    index_elements=["town_id", "resident_id"],
    set_={"is_shown": _choose.excluded.is_shown, "chosen_at": _choose.excluded.chosen_at},
)
_show = (
    update(_tally)
    .where(_tally.c.town_id == bindparam("town"), _tally.c.resident_id == bindparam("resident"))
    .values(is_shown=bindparam("shown"))
)
#: The row of all scenes is there for every community, also where nobody earned in the scene that is asked for.
_whole = aliased(CommunityTally)
_communities = (
    select(
        Territory.id,
        Territory.name,
        func.coalesce(CommunityTally.amount, 0).label("amount"),
        func.coalesce(_whole.residents, 0).label("residents"),
    )
    .outerjoin(
        CommunityTally,
        and_(
            CommunityTally.town_id == Territory.town_id,
            CommunityTally.community_id == Territory.id,
            CommunityTally.period == bindparam("period"),
            CommunityTally.scene == bindparam("scene"),
        ),
    )
    .outerjoin(
        _whole,
        and_(
            _whole.town_id == Territory.town_id,
            _whole.community_id == Territory.id,
            _whole.period == bindparam("period"),
            _whole.scene == ALL_SCENES,
        ),
    )
    .where(Territory.town_id == bindparam("town"), Territory.kind == TerritoryKind.COMMUNITY)
    .order_by(Territory.id)
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which ranking is asked for."""

    ranking: str = EARNED
    span: Span = Span.MONTH  #: of the ranking that every town has; those of the rulebook have their own
    day: date | None = None  #: in the period; None: today
    community_id: int | None = None  #: only who lives there
    scene: Scene | None = None  #: only what was earned in it


def list_rankings(work: Work) -> RankingOffers:
    """The rankings of residents that the town has. Raises HostedByGovernment."""
    require_operator_host(work)
    in_force = rulebook_in_force(work, work.now)
    plan = None if in_force is None else in_force.plan
    usual = earned_by(Span.MONTH, plan)
    others = [] if plan is None else of_rulebook(plan)
    offers = [RankingOffer(usual.id, usual.title, tuple(span.value for span in Span), usual.top, None)]
    offers += [RankingOffer(each.id, each.title, (each.every.value,), each.top, each.reward) for each in others]
    return RankingOffers(offers)


def show_ranking(work: Work, asked: Asked, after: Position | None, limit: int) -> RankingPage:
    """A page of a ranking, and the actor's own place. Raises HostedByGovernment, RankingUnknown."""
    require_operator_host(work)
    ranking = _find(work, asked)
    stretch = stretch_of(ranking.every, asked.day or local_day(work.now), ranking.year_starts)
    question = {
        "town": work.town_id,
        "ranking": ranking.id,
        "period": stretch.key,
        "scene": ALL_SCENES if asked.scene is None else asked.scene.value,
    }
    if asked.community_id is not None:
        question["community"] = asked.community_id
    items, next_after = _list(work, ranking, question, after, limit)
    return RankingPage(
        ranking.id,
        ranking.title,
        ranking.unit,
        stretch.key,
        stretch.first,
        stretch.last,
        ranking.top,
        ranking.reward,
        work.core.scalar(_as_of, {"town": work.town_id}),
        items,
        next_after,
        _own_place(work, ranking, question) if work.actor.kind is ActorKind.RESIDENT else None,
    )


def rank_communities(work: Work, span: Span, day: date | None, scene: Scene | None) -> CommunityRanking:
    """The communities of the town by what their residents earned, a head. For everybody: it names no person."""
    stretch = stretch_of(Calendar(span.value), day or local_day(work.now))
    in_force = rulebook_in_force(work, work.now)
    plan = earned_by(span, None if in_force is None else in_force.plan)
    asked = {"town": work.town_id, "period": stretch.key, "scene": ALL_SCENES if scene is None else scene.value}
    rows = work.core.execute(_communities, asked).all()
    ranked = sorted(((_per_head(row, plan.scale), row) for row in rows), key=lambda each: (-each[0], each[1].id))
    items: list[RankedCommunity] = []
    for n, (per_head, row) in enumerate(ranked, 1):
        place = items[-1].place if items and items[-1].per_resident == per_head else n
        amount = Decimal(row.amount) / plan.scale
        items.append(RankedCommunity(place, row.id, row.name, amount, row.residents, per_head))
    as_of = work.core.scalar(_as_of, {"town": work.town_id})
    return CommunityRanking(stretch.key, stretch.first, stretch.last, plan.unit, as_of, items)


def show_choice(work: Work) -> Choice:
    """Whether the actor, a resident, is seen in rankings. Raises HostedByGovernment."""
    require_operator_host(work)
    row = _read_choice(work)
    is_child = _is_child(work, row)
    return Choice(bool(row.is_shown) and not is_child, not is_child)


def choose(work: Work, shown: bool) -> Choice:
    """Be seen in rankings from now on, or be gone from them at once. For residents.

    Raises HostedByGovernment, RankingNotForChildren.
    """
    require_operator_host(work)
    if shown and _is_child(work, _read_choice(work)):
        raise RankingNotForChildren(years=CONSENT_YEARS)
    if shown:
        give_consent(work, work.actor.id, Purpose.RANKING, RANKING_VERSION)
        _keep_choice(work, work.actor.id, shown=True)
    else:
        hide_from_rankings(work, work.actor.id)
    return show_choice(work)


def hide_from_rankings(work: Work, resident_id: int) -> None:
    """Show a resident in no ranking any more, from now on, and end the consent to it."""
    _keep_choice(work, resident_id, shown=False)
    end_consent(work, resident_id, Purpose.RANKING)


def _keep_choice(work: Work, resident_id: int, *, shown: bool) -> None:
    row = {"town_id": work.town_id, "resident_id": resident_id, "is_shown": shown, "chosen_at": work.now}
    work.core.execute(_choose, row)
    work.core.execute(_show, {"town": work.town_id, "resident": resident_id, "shown": shown})


def _find(work: Work, asked: Asked) -> RankingPlan:
    in_force = rulebook_in_force(work, work.now)
    plan = None if in_force is None else in_force.plan
    if asked.ranking == EARNED:
        return earned_by(asked.span, plan)
    others = {} if plan is None else {each.id: each for each in of_rulebook(plan)}
    if asked.ranking not in others or asked.scene is not None:
        raise RankingUnknown
    return others[asked.ranking]


def _list(
    work: Work, ranking: RankingPlan, question: dict[str, Any], after: Position | None, limit: int
) -> tuple[list[RankedResident], Position | None]:
    page, before = (_page, _before) if "community" not in question else (_page_in_community, _before_in_community)
    amount, resident = (AMOUNT_MAX, ID_MAX) if after is None else (int(after[0]), int(after[1]))
    asked = question | {"amount": amount, "resident": resident, "least": ranking.least, "limit": limit + 1}
    rows = work.core.execute(page, asked).all()
    if not rows:
        return [], None
    counts = work.core.execute(before, question | {"amount": rows[0].amount, "resident": rows[0].resident_id}).one()
    items: list[RankedResident] = []
    place, last = counts.higher + 1, rows[0].amount
    for n, row in enumerate(rows[:limit]):
        if row.amount != last:
            place, last = counts.earlier + n + 1, row.amount
        if place > ranking.top:
            return items, None
        name = greeting(row.name, row.resident_id)
        is_me = work.actor.kind is ActorKind.RESIDENT and row.resident_id == work.actor.id
        items.append(RankedResident(place, name, Decimal(row.amount) / ranking.scale, is_me))
    next_after = (rows[limit - 1].amount, rows[limit - 1].resident_id) if len(rows) > limit else None
    return items, next_after


def _own_place(work: Work, ranking: RankingPlan, question: dict[str, Any]) -> OwnPlace:
    own = {name: value for name, value in question.items() if name != "community"} | {"resident": work.actor.id}
    row, choice = work.core.execute(_own, own).first(), _read_choice(work)
    is_shown = bool(choice.is_shown) and not _is_child(work, choice)
    is_elsewhere = row is not None and "community" in question and row.community_id != question["community"]
    if row is None or row.amount < ranking.least or is_elsewhere:
        return OwnPlace(is_shown, Decimal(0 if row is None else row.amount) / ranking.scale, None)
    before = _before_in_community if "community" in question else _before
    counts = work.core.execute(before, question | {"amount": row.amount, "resident": ID_MAX}).one()
    return OwnPlace(is_shown, Decimal(row.amount) / ranking.scale, counts.higher + 1)


def _read_choice(work: Work) -> AnyRow:
    return work.core.execute(_own_choice, {"town": work.town_id, "resident": work.actor.id}).one()


def _is_child(work: Work, row: AnyRow) -> bool:
    return row.born_on is not None and age_on(row.born_on, local_day(work.now)) < CONSENT_YEARS


def _per_head(row: AnyRow, scale: int) -> Decimal:
    return round(Decimal(row.amount) / scale / row.residents, 2) if row.residents else Decimal(0)
