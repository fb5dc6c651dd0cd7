"""The rulebook: all sections together."""

from __future__ import annotations

from dataclasses import dataclass

from rules.rulebook.reading import ListOf, Section, key
from rules.rulebook.sections.accounts import (
    POINTS_ID,
    Account,
    Adjustment,
    Calculation,
    Conversion,
    Currency,
    Eligibility,
    Publication,
    TopExpiry,
    Total,
    Transfer,
)
from rules.rulebook.sections.booking import Booking
from rules.rulebook.sections.common import TEXT
from rules.rulebook.sections.earning import (
    Deduct,
    Earn,
    SharedLimit,
    Tally,
    VoidRule,
)
from rules.rulebook.sections.redemption import Redemption
from rules.rulebook.sections.standing import Freeze, Ladder, Penalty, Ranking, WarningRule

MAIN_CURRENCY = Currency(id=POINTS_ID, name="积分")
NO_TRANSFER, NO_ADJUSTMENT = Transfer(), Adjustment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """One version of a community's rules."""

    name: str = key(TEXT, "What the rules are called.", 'name = "缤纷未来社区积分规则"')
    source: str | None = key(TEXT, "Where they are published.", 'source = "https://…"', default=None)
    account: Account = key(Section(Account), "Whose account it is.", "[account]", default=Account())
    calculation: Calculation = key(
        Section(Calculation), "How numbers are computed.", "[calculation]", default=Calculation()
    )
    expiry: TopExpiry = key(Section(TopExpiry), "How long points are good.", "[expiry]")
    currency: tuple[Currency, ...] = key(
        ListOf(Section(Currency), most=20), "What is counted.", "[[currency]]", default=(MAIN_CURRENCY,)
    )
    total: tuple[Total, ...] = key(ListOf(Section(Total)), "Currencies added up.", "[[total]]", default=())
    eligibility: Eligibility | None = key(Section(Eligibility), "Who earns at all.", "[eligibility]", default=None)
    tally: tuple[Tally, ...] = key(ListOf(Section(Tally)), "Counts.", "[[tally]]", default=())
    earn: tuple[Earn, ...] = key(ListOf(Section(Earn)), "What earns.", "[[earn]]", default=())
    deduct: tuple[Deduct, ...] = key(ListOf(Section(Deduct)), "What costs.", "[[deduct]]", default=())
    void: tuple[VoidRule, ...] = key(ListOf(Section(VoidRule)), "What takes back.", "[[void]]", default=())
    limit: tuple[SharedLimit, ...] = key(
        ListOf(Section(SharedLimit)), "Limits of several rules together.", "[[limit]]", default=()
    )
    convert: tuple[Conversion, ...] = key(
        ListOf(Section(Conversion)), "What turns into what.", "[[convert]]", default=()
    )
    ladder: tuple[Ladder, ...] = key(ListOf(Section(Ladder)), "Levels.", "[[ladder]]", default=())
    freeze: tuple[Freeze, ...] = key(ListOf(Section(Freeze)), "Freezes.", "[[freeze]]", default=())
    penalty: tuple[Penalty, ...] = key(ListOf(Section(Penalty)), "Penalties.", "[[penalty]]", default=())
    warning: tuple[WarningRule, ...] = key(ListOf(Section(WarningRule)), "Warnings.", "[[warning]]", default=())
    booking: tuple[Booking, ...] = key(ListOf(Section(Booking)), "How places are booked.", "[[booking]]", default=())
    redemption: tuple[Redemption, ...] = key(
        ListOf(Section(Redemption)), "What points are spent on.", "[[redemption]]", default=()
    )
    ranking: tuple[Ranking, ...] = key(ListOf(Section(Ranking)), "Rankings.", "[[ranking]]", default=())
    publication: Publication | None = key(Section(Publication), "The public register.", "[publication]", default=None)
    transfer: Transfer = key(Section(Transfer), "Giving to each other.", "[transfer]", default=NO_TRANSFER)
    adjustment: Adjustment = key(Section(Adjustment), "What staff do by hand.", "[adjustment]", default=NO_ADJUSTMENT)

    @property
    def main_currency(self) -> Currency:
        return self.currency[0]
