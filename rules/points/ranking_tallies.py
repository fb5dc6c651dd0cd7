"""Rankings are worked out by a job and kept, so that a look at one is a few index seeks.

What was earned in a month is the sum of the awards that count in it, each less what was taken back of it later, whenever
that was; transfers, adjustments, purchases, lapsed and given-back points are no awards. So an award that is voided in
December is gone from November's ranking. A quarter and a year are the sums of their months.

After the first time only those residents and months are worked out for whom something is new: an award, a reversal of one,
another choice of being seen. New means by its id, which rises with time, from OVERLAP before the last time on, because a
transaction that was slow to commit may come later than one with a higher id. Once a day everybody's numbers are worked out
since the year of the last month began, which follows who has moved. The rulebook's rankings are worked out for everybody
each time, since many things move a counter; of a period that is over too, where its counter still says what it was.

It goes by some hundred residents at a time, in transactions of their own, so that it keeps nobody waiting long. A lot takes
one statement for what was earned and one for each ranking of the rulebook, INSERT … SELECT: the database adds up, and
writes only the rows that differ from what is kept.

Where a public body hosts the programme, nothing is kept of persons, and only communities are ranked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from dateutil.relativedelta import relativedelta
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    text,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy import cast as turned_into
from sqlalchemy.dialects.postgresql import insert

from models.ledger import ACCOUNT, POSTING, REVERSAL, TXN, AccountKind, OwnerType, TxnKind
from models.ranking import ALL_SCENES, EARNED, NO_SCENE, CommunityTally, RankingChoice, RankingRefresh, RankingTally
from models.residents import Erasure, Resident
from models.rulebook import STANDING_COUNT
from models.territory import Territory, TerritoryKind
from rules import bulk
from rules.clock import local_day
from rules.hosting import is_hosted_by_government
from rules.ids import first_id_at
from rules.ledger.transactions import book_of
from rules.local_time import month_of
from rules.points.ranking_periods import (
    RankingPlan,
    Source,
    Stretch,
    months_between,
    months_of,
    of_rulebook,
    stretch_of,
)
from rules.residents.ages import CONSENT_YEARS
from rules.rulebook.periods import Calendar
from rules.rulebook.versions import rulebook_in_force
from rules.sets import is_id_in, is_text_in
from rules.work import SYSTEM, Transactions, Work

OVERLAP = timedelta(hours=1)
MONTHS_MAX = 36  #: so far back the first time looks
RESIDENTS_AT_A_TIME = 100  #: some thirty rows each
RANKED_AT_A_TIME = 500  #: in the rulebook's rankings: one row each
LONGER = (Calendar.QUARTER, Calendar.YEAR)

_tally = cast(Table, RankingTally.__table__)
_community_tally = cast(Table, CommunityTally.__table__)
_refresh = cast(Table, RankingRefresh.__table__)
_choice = cast(Table, RankingChoice.__table__)
_resident = cast(Table, Resident.__table__)
_erasure = cast(Table, Erasure.__table__)
_place = cast(Table, Territory.__table__).alias("place")
_community = cast(Table, Territory.__table__).alias("community")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was worked out."""

    residents: int = 0  #: what they earned
    months: int = 0
    rankings: int = 0  #: of the rulebook


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be worked out."""

    as_of: datetime
    months: Sequence[Stretch]
    residents: Sequence[int] | None  #: what they earned; None: everybody
    since: Stretch  #: the year from which on
    of_persons: bool  #: False under a public host
    rankings: Sequence[RankingPlan]  #: of the rulebook


_is_wallet = (
    ACCOUNT.c.book_id == bindparam("book"),
    ACCOUNT.c.kind == AccountKind.WALLET,
    ACCOUNT.c.owner_type == OwnerType.RESIDENT,
)
_net = POSTING.c.amount - func.coalesce(REVERSAL.c.reversed, 0)
_MONTH = month_of(TXN.c.effective_at)
_SCENE = type_coerce(TXN.c.scene, Text())


def _awards(*of_wallet: ColumnElement[bool]) -> Select[Any]:
    """Awards since a moment, by resident, month and scene, each less what was taken back of it."""
    wallets = select(ACCOUNT.c.town_id, ACCOUNT.c.id, ACCOUNT.c.owner_id).where(
        ACCOUNT.c.town_id == bindparam("town"), *_is_wallet, *of_wallet
    )
    # Those of a lot come first, or SQLite goes through all postings of the town for them.
    wallet = wallets.cte("wallet").prefix_with("MATERIALIZED") if of_wallet else wallets.subquery("wallet")
    return (
        select(
            wallet.c.owner_id.label("resident_id"),
            _MONTH.label("month"),
            _SCENE.label("scene"),
            func.sum(_net).label("amount"),
        )
        .select_from(wallet)
        .join(POSTING, and_(POSTING.c.town_id == wallet.c.town_id, POSTING.c.dst_account_id == wallet.c.id))
        .join(TXN, and_(TXN.c.town_id == POSTING.c.town_id, TXN.c.id == POSTING.c.txn_id))
        .outerjoin(
            REVERSAL,
            and_(
                REVERSAL.c.town_id == POSTING.c.town_id,
                REVERSAL.c.txn_id == POSTING.c.txn_id,
                REVERSAL.c.n == POSTING.c.n,
            ),
        )
        .where(TXN.c.kind == TxnKind.EARN, TXN.c.effective_at >= bindparam("begins_at"))
        .group_by(wallet.c.owner_id, _MONTH, _SCENE)
    )


def _is_community_of(place: Any) -> ColumnElement[bool]:
    return and_(
        _community.c.town_id == place.c.town_id,
        _community.c.kind == TerritoryKind.COMMUNITY,
        _community.c.path == func.substr(place.c.path, 1, func.length(_community.c.path)),
    )


def _spread() -> Select[Any]:
    """What each resident of a lot earned by month, quarter and year, by scene and in all."""
    awards = _awards(is_id_in(ACCOUNT.c.owner_id, "residents")).cte("awards")
    spans = union_all(
        *(
            select(literal(n, Integer()).label("span"), literal(of_all, Integer()).label("of_all"))
            for n in range(3)
            for of_all in range(2)
        )
    ).subquery("spans")
    year, month = func.substr(awards.c.month, 1, 4), turned_into(func.substr(awards.c.month, 6, 2), Integer)
    quarter = year.op("||")("-Q").op("||")(turned_into((month + 2) // 3, Text))
    each = select(
        awards.c.resident_id,
        case((spans.c.span == 0, awards.c.month), (spans.c.span == 1, quarter), else_=year).label("period"),
        case((spans.c.of_all == 1, ALL_SCENES), else_=func.coalesce(awards.c.scene, NO_SCENE)).label("scene"),
        awards.c.amount,
    ).select_from(awards.join(spans, spans.c.span >= 0))
    by = each.subquery("each")
    total = turned_into(func.sum(by.c.amount), BigInteger).label("amount")
    return select(by.c.resident_id, by.c.period, by.c.scene, total).group_by(by.c.resident_id, by.c.period, by.c.scene)


def _homes() -> CTE:
    """The residents of a lot who can be ranked: where they live, and whether they are seen."""
    is_erased = select(_erasure.c.id).where(
        _erasure.c.town_id == _resident.c.town_id,
        _erasure.c.resident_id == _resident.c.id,
        _erasure.c.begun_at.is_not(None),
    )
    is_adult_enough = or_(_resident.c.born_on.is_(None), _resident.c.born_on <= bindparam("born_by", type_=Date()))
    return (
        select(
            _resident.c.town_id,
            _resident.c.id.label("resident_id"),
            _community.c.id.label("community_id"),
            and_(func.coalesce(_choice.c.is_shown, false()), is_adult_enough).label("is_shown"),
        )
        .outerjoin(_place, and_(_place.c.town_id == _resident.c.town_id, _place.c.id == _resident.c.territory_id))
        .outerjoin(_community, _is_community_of(_place))
        .outerjoin(_choice, and_(_choice.c.town_id == _resident.c.town_id, _choice.c.resident_id == _resident.c.id))
        .where(_resident.c.town_id == bindparam("town"), is_id_in(_resident.c.id, "residents"), ~is_erased.exists())
        .cte("homes")
        .prefix_with("MATERIALIZED")
    )


def _keeping(numbers: Select[Any], *, of_period: bool = False) -> Insert:
    """Keep a lot's numbers where they, the home or the choice differ from what is kept.

    `of_period`: the numbers are of one period and all scenes; who has none any more is kept with 0.
    """
    homes, now = _homes(), numbers.cte("numbers").prefix_with("MATERIALIZED")
    period: ColumnElement[str] = bindparam("period", type_=Text()) if of_period else now.c.period
    scene: ColumnElement[str] = literal(ALL_SCENES) if of_period else now.c.scene
    kept, amount = _tally.alias("kept"), func.coalesce(now.c.amount, 0)
    is_kept = and_(
        kept.c.town_id == bindparam("town"),
        kept.c.ranking == bindparam("ranking"),
        kept.c.period == period,
        kept.c.scene == scene,
        kept.c.resident_id == homes.c.resident_id,
    )
    is_new = or_(
        kept.c.resident_id.is_(None),
        kept.c.amount != amount,
        kept.c.is_shown != homes.c.is_shown,
        kept.c.community_id.is_distinct_from(homes.c.community_id),
    )
    rows = (
        select(
            homes.c.town_id,
            bindparam("ranking", type_=Text()).label("ranking"),
            period.label("period"),
            scene.label("scene"),
            homes.c.resident_id,
            homes.c.community_id,
            amount.label("amount"),
            homes.c.is_shown,
        )
        .select_from(
            homes.join(now, now.c.resident_id == homes.c.resident_id, isouter=of_period).outerjoin(kept, is_kept)
        )
        .where(is_new)
    )
    if of_period:
        rows = rows.where(or_(now.c.resident_id.is_not(None), kept.c.resident_id.is_not(None)))
    keep = insert(_tally).from_select(
        [column.name for column in _tally.c], rows.order_by("period", "scene", "resident_id")
    )
    return keep.on_conflict_do_update(
        index_elements=["town_id", "ranking", "period", "scene", "resident_id"],
        set_={name: keep.excluded[name] for name in ("community_id", "amount", "is_shown")},
    )


_keep_awards = _keeping(_spread())
_keep_counted = _keeping(
    select(STANDING_COUNT.c.resident_id, STANDING_COUNT.c["count"].label("amount")).where(
        STANDING_COUNT.c.town_id == bindparam("town"),
        is_id_in(STANDING_COUNT.c.resident_id, "residents"),
        STANDING_COUNT.c.name == bindparam("counter"),
        STANDING_COUNT.c.bucket == bindparam("bucket"),
    ),
    of_period=True,
)
_keep_held = _keeping(
    select(ACCOUNT.c.owner_id.label("resident_id"), (ACCOUNT.c.credited - ACCOUNT.c.debited).label("amount")).where(
        ACCOUNT.c.town_id == bindparam("town"), *_is_wallet, is_id_in(ACCOUNT.c.owner_id, "residents")
    ),
    of_period=True,
)


def _of_communities() -> Select[Any]:
    """What the residents of each community were awarded in some months."""
    # A transaction isn't recorded before it counts, and ids rise with time: what is older is passed over.
    recent = (TXN.c.id >= bindparam("first_id"), POSTING.c.txn_id >= bindparam("first_id"))
    numbers = _awards().where(TXN.c.effective_at < bindparam("ends_at"), *recent).subquery("numbers")
    with_homes = numbers.join(
        _resident, and_(_resident.c.town_id == bindparam("town"), _resident.c.id == numbers.c.resident_id)
    ).join(_place, and_(_place.c.town_id == _resident.c.town_id, _place.c.id == _resident.c.territory_id))
    return (
        select(_community.c.id, numbers.c.month, numbers.c.scene, func.sum(numbers.c.amount).label("amount"))
        .select_from(with_homes.join(_community, _is_community_of(_place)))
        .group_by(_community.c.id, numbers.c.month, numbers.c.scene)
    )


_awards_of_communities = _of_communities()
#: How many residents are registered in each community.
_people = (
    select(_community.c.id, func.count().label("residents"))
    .select_from(
        _resident.join(
            _place, and_(_place.c.town_id == _resident.c.town_id, _place.c.id == _resident.c.territory_id)
        ).join(_community, _is_community_of(_place))
    )
    .where(_resident.c.town_id == bindparam("town"))
    .group_by(_community.c.id)
)
_of_months = (_community_tally.c.town_id == bindparam("town"), is_text_in(_community_tally.c.period, "months"))
_months_of_communities = select(_community_tally).where(*_of_months)
_empty_communities = update(_community_tally).where(*_of_months).values(amount=0)
_keep_community = insert(_community_tally)
_keep_community = _keep_community.on_conflict_do_update(
    index_elements=["town_id", "period", "scene", "community_id"],
    set_={name: _keep_community.excluded[name] for name in ("amount", "residents")},
)
_chosen = select(_choice.c.resident_id).where(
    _choice.c.town_id == bindparam("town"), _choice.c.chosen_at >= bindparam("since")
)
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
_forget_persons = delete(_tally).where(_tally.c.town_id == bindparam("town"))
_last = select(_refresh.c.refreshed_at).where(_refresh.c.town_id == bindparam("town"))
_note = insert(_refresh)
_note = _note.on_conflict_do_update(index_elements=["town_id"], set_={"refreshed_at": _note.excluded.refreshed_at})
_of_book = (TXN.c.town_id == bindparam("town"), TXN.c.book_id == bindparam("book"))
_first = select(func.min(TXN.c.effective_at)).where(*_of_book, TXN.c.kind == TxnKind.EARN)
_original = TXN.alias("original")
_new = (
    select(ACCOUNT.c.owner_id, _original.c.effective_at)
    .select_from(TXN)
    .join(
        _original,
        and_(_original.c.town_id == TXN.c.town_id, _original.c.id == func.coalesce(TXN.c.reverses_txn_id, TXN.c.id)),
    )
    .join(POSTING, and_(POSTING.c.town_id == _original.c.town_id, POSTING.c.txn_id == _original.c.id))
    .join(ACCOUNT, and_(ACCOUNT.c.town_id == POSTING.c.town_id, ACCOUNT.c.id == POSTING.c.dst_account_id))
    .where(
        *_of_book,
        TXN.c.id >= bindparam("first_id"),
        TXN.c.kind.in_([TxnKind.EARN, TxnKind.REVERSE]),
        _original.c.kind == TxnKind.EARN,
        *_is_wallet,
    )
    .distinct()
)
_everybody = (
    select(ACCOUNT.c.owner_id)
    .where(ACCOUNT.c.town_id == bindparam("town"), *_is_wallet, ACCOUNT.c.owner_id > bindparam("after"))
    .order_by(ACCOUNT.c.owner_id)
    .limit(bindparam("limit"))
)


def refresh_rankings(transactions: Transactions, town_id: int) -> Refreshed:
    """Work out the rankings of a town; twice has the effect of once."""
    due = transactions.read(town_id, SYSTEM, find_due)
    count = 0
    if due.of_persons:
        for residents in _lots(transactions, town_id, due.residents, RESIDENTS_AT_A_TIME):
            transactions.write(town_id, SYSTEM, keep_awards, residents, due.since)
            count += len(residents)
        if due.rankings:
            for residents in _lots(transactions, town_id, None, RANKED_AT_A_TIME):
                transactions.write(town_id, SYSTEM, keep_rankings, residents, due.rankings)
    if due.months:
        # The first time it adds up years at once, which takes longer than a statement may elsewhere.
        rows = transactions.survey(town_id, SYSTEM, work_out_communities, due.months)
        transactions.write(town_id, SYSTEM, keep_communities, due.months, rows)
    transactions.write(town_id, SYSTEM, finish, due)
    return Refreshed(count, len(due.months), len(due.rankings))


def find_due(work: Work) -> Due:
    """What has to be worked out."""
    last, today = work.core.scalar(_last, {"town": work.town_id}), local_day(work.now)
    of_persons = not is_hosted_by_government(work)
    in_force = rulebook_in_force(work, work.now) if of_persons else None
    rankings = [] if in_force is None else of_rulebook(in_force.plan)
    of_book = {"town": work.town_id, "book": book_of(work).id}
    if last is None:
        first = work.core.scalar(_first, of_book)
        begin = today if first is None else max(local_day(first), today + relativedelta(months=-MONTHS_MAX))
        months = [*months_between(begin, today)]
        return Due(work.now, months, None, _year_of(months, today), of_persons, rankings)
    new = work.core.execute(_new, of_book | {"first_id": first_id_at(last - OVERLAP)}).all()
    found = {stretch_of(Calendar.MONTH, local_day(row.effective_at)) for row in new}
    residents: Sequence[int] | None = None
    if local_day(last) < today:
        found |= {*months_between(today + relativedelta(months=-1), today)}
    else:
        chosen = work.core.scalars(_chosen, {"town": work.town_id, "since": last - OVERLAP})
        residents = sorted({*(row.owner_id for row in new), *chosen})
    months = sorted(found, key=lambda month: month.first)
    return Due(work.now, months, residents, _year_of(months, today), of_persons, rankings)


def _year_of(months: Sequence[Stretch], today: date) -> Stretch:
    return stretch_of(Calendar.YEAR, min((month.first for month in months), default=today))


def keep_awards(work: Work, residents: Sequence[int], since: Stretch) -> None:
    """Keep what some residents earned since the year began."""
    of_lot = _of_lot(work, residents)
    work.core.execute(_keep_awards, of_lot | {"ranking": EARNED, "begins_at": since.begins_at})


def keep_rankings(work: Work, residents: Sequence[int], rankings: Sequence[RankingPlan]) -> None:
    """Keep what some residents have in the rulebook's rankings."""
    of_lot, today = _of_lot(work, residents), local_day(work.now)
    for ranking in rankings:
        of_ranking = of_lot | {"ranking": ranking.id}
        if ranking.source is Source.BALANCE:
            work.core.execute(_keep_held, of_ranking | {"period": ranking.period_of(today)})
            continue
        for day in ranking.days_to_count(today):
            of_day = {"period": ranking.period_of(day), "counter": ranking.counter, "bucket": ranking.bucket_of(day)}
            work.core.execute(_keep_counted, of_ranking | of_day)


def _of_lot(work: Work, residents: Sequence[int]) -> dict[str, Any]:
    if bulk.is_postgresql(work.core):
        work.core.execute(_PLAN_ANEW)  # the table may have been empty when the last lot was planned
    born_by = local_day(work.now) - relativedelta(years=CONSENT_YEARS)
    return {"town": work.town_id, "book": book_of(work).id, "residents": residents, "born_by": born_by}


def work_out_communities(work: Work, months: Sequence[Stretch]) -> list[bulk.Row]:
    """What the residents of each community earned in some months, by scene and in all."""
    keys = {month.key for month in months}
    people = {row.id: row.residents for row in work.core.execute(_people, {"town": work.town_id})}
    amounts = dict.fromkeys(((key, ALL_SCENES, id_) for key in sorted(keys) for id_ in people), 0)
    asked = {
        "town": work.town_id,
        "book": book_of(work).id,
        "begins_at": months[0].begins_at,
        "ends_at": months[-1].ends_at,
        "first_id": first_id_at(months[0].begins_at),
    }
    for row in work.core.execute(_awards_of_communities, asked):
        if row.month in keys:
            of_scene = (row.month, row.scene or NO_SCENE, row.id)
            amounts[of_scene] = amounts.get(of_scene, 0) + int(row.amount)
            amounts[row.month, ALL_SCENES, row.id] += int(row.amount)
    return [_community_row(work, *key, amount, people[key[2]]) for key, amount in amounts.items()]


def keep_communities(work: Work, months: Sequence[Stretch], rows: Sequence[bulk.Row]) -> None:
    """Keep some months' rows of communities, and add up their quarters and years anew."""
    work.core.execute(_empty_communities, {"town": work.town_id, "months": [month.key for month in months]})
    if rows:
        work.core.execute(_keep_community, list(rows))
    for longer in sorted({stretch_of(span, month.first) for month in months for span in LONGER}, key=lambda of: of.key):
        amounts: dict[tuple[str, int], int] = defaultdict(int)
        residents: dict[int, int] = {}
        asked = {"town": work.town_id, "months": months_of(longer)}
        for row in sorted(work.core.execute(_months_of_communities, asked), key=lambda row: row.period):
            amounts[row.scene, row.community_id] += row.amount
            if row.scene == ALL_SCENES:
                residents[row.community_id] = row.residents  # those of its last month
        added_up = [
            _community_row(work, longer.key, scene, id_, amount, residents.get(id_, 0))
            for (scene, id_), amount in amounts.items()
        ]
        if added_up:
            work.core.execute(_keep_community, added_up)


def _community_row(work: Work, period: str, scene: str, community_id: int, amount: int, residents: int) -> bulk.Row:
    return {
        "town_id": work.town_id,
        "period": period,
        "scene": scene,
        "community_id": community_id,
        "amount": amount,
        "residents": residents,
    }


def finish(work: Work, due: Due) -> None:
    """Note up to when it is done; what is kept of persons goes where it may not be kept."""
    if not due.of_persons:
        work.core.execute(_forget_persons, {"town": work.town_id})
    work.core.execute(_note, {"town_id": work.town_id, "refreshed_at": due.as_of})


def _lots(
    transactions: Transactions, town_id: int, residents: Sequence[int] | None, size: int
) -> Iterator[Sequence[int]]:
    """Residents, so many at a time; None: everybody who has a wallet."""
    if residents is not None:
        for n in range(0, len(residents), size):
            yield residents[n : n + size]
        return
    after = 0
    while lot := transactions.read(town_id, SYSTEM, _list_residents, after, size):
        yield lot
        after = lot[-1]


def _list_residents(work: Work, after: int, limit: int) -> Sequence[int]:
    asked = {"town": work.town_id, "book": book_of(work).id, "after": after, "limit": limit}
    return work.core.scalars(_everybody, asked).all()
