"""What a ledger should hold, told point by point: a point is a token that lies with somebody. No counters, no lots.

Each deed is either refused, and then nothing has changed, or it moves tokens and says which. It knows nothing of keys,
rows, locks or transactions, so it can be wrong about a ledger only in another way than the ledger itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from rules.ledger.caps import CapReached, CapUse
from rules.ledger.holds import HoldLapsed, HoldSettled
from rules.ledger.pools import BudgetExhausted
from rules.ledger.reversing import AlreadyReversed, NotReversible
from rules.ledger.spending import PointsInsufficient


class Token(NamedTuple):
    """One point: until when it is good, where, and who owes it."""

    expires_on: date
    scope: str
    issuer_id: int


@dataclass
class Moved:
    """What one transaction moved, in the order in which it did."""

    kind: str
    tokens: list[Token]
    source: int = 0  #: the resident, or the owner of the pool
    target: int = 0  #: the resident, or who redeemed
    back: int = 0  #: how much was taken back
    usages: Sequence[CapUse] = ()

    def left(self) -> list[Token]:
        """What is not taken back yet: taking back begins at the end."""
        return self.tokens[: len(self.tokens) - self.back]


@dataclass
class Held:
    """The tokens of one hold that are still there, the first to be captured first."""

    resident_id: int
    tokens: list[Token]
    expires_at: datetime


@dataclass
class Tokens:
    """A town's points."""

    town_id: int
    wallets: defaultdict[int, list[Token]] = field(default_factory=lambda: defaultdict(list))
    pools: Counter[int] = field(default_factory=Counter)
    redeemed: Counter[int] = field(default_factory=Counter)
    lapsed: int = 0
    holds: list[Held] = field(default_factory=list)
    awards: list[Moved] = field(default_factory=list)

    def used(self) -> Counter[tuple[int, str, str]]:
        """What is used of each cap: what awards count, less what was taken back of them, in proportion."""
        used: Counter[tuple[int, str, str]] = Counter()
        for award in self.awards:
            for use in award.usages:
                freed = use.quantity * award.back // len(award.tokens)
                used[award.target, use.rule_id, use.period_key] += use.quantity - freed
        return used

    def spendable(self, resident_id: int, today: date, scope: str) -> list[Token]:
        """The tokens that may be spent, in the order in which they are."""
        good = [t for t in self.wallets[resident_id] if t.expires_on >= today and t.scope in ("", scope)]
        by_issuer = sorted(good, key=lambda token: token.issuer_id)
        bound_first = sorted(by_issuer, key=lambda token: token.scope, reverse=True)
        return sorted(bound_first, key=lambda token: token.expires_on)

    # Deeds

    def grant(self, owner_id: int, amount: int) -> Moved:
        self.pools[owner_id] += amount
        return Moved("grant", [Token(date.max, "", owner_id)] * amount, target=owner_id)

    def earn(self, resident_id: int, amount: int, token: Token, usages: Sequence[CapUse] = ()) -> Moved:
        used = self.used()
        for use in usages:
            if used[resident_id, use.rule_id, use.period_key] + use.quantity > use.cap:
                raise CapReached
        if amount > self.pools[token.issuer_id]:
            raise BudgetExhausted
        self.pools[token.issuer_id] -= amount
        self.wallets[resident_id] += [token] * amount
        award = Moved("earn", [token] * amount, token.issuer_id, resident_id, usages=usages)
        self.awards.append(award)
        return award

    def spend(self, resident_id: int, amount: int, today: date, scope: str, redeemer_id: int) -> Moved:
        taken = self._take(resident_id, amount, today, scope)
        self.redeemed[redeemer_id] += amount
        return Moved("spend", taken, resident_id, redeemer_id)

    def hold(self, resident_id: int, amount: int, today: date, scope: str, expires_at: datetime) -> Held:
        held = Held(resident_id, self._take(resident_id, amount, today, scope), expires_at)
        self.holds.append(held)
        return held

    def capture(self, held: Held, amount: int, now: datetime, redeemer_id: int) -> Moved:
        if amount > len(held.tokens):
            raise HoldSettled
        if now >= held.expires_at:
            raise HoldLapsed
        taken, held.tokens = held.tokens[:amount], held.tokens[amount:]
        self.redeemed[redeemer_id] += amount
        return Moved("capture", taken, held.resident_id, redeemer_id)

    def void(self, held: Held, amount: int) -> Moved:
        if amount > len(held.tokens):
            raise HoldSettled
        kept = len(held.tokens) - amount
        taken, held.tokens = held.tokens[kept:], held.tokens[:kept]
        self.wallets[held.resident_id] += taken
        return Moved("void", taken)

    def release(self, now: datetime) -> int:
        lapsed = [held for held in self.holds if held.tokens and held.expires_at <= now]
        for held in lapsed:
            self.void(held, len(held.tokens))
        return len(lapsed)

    def transfer(self, giver_id: int, taker_id: int, amount: int, today: date) -> Moved:
        taken = self._take(giver_id, amount, today, "")
        self.wallets[taker_id] += taken
        return Moved("transfer", taken, giver_id, taker_id)

    def take(self, resident_id: int, amount: int, today: date) -> Moved:
        """By hand."""
        taken = self._take(resident_id, amount, today, "")
        self.lapsed += amount
        return Moved("take", taken, resident_id)

    def expire(self, today: date) -> int:
        lapsed = 0
        for resident_id, tokens in self.wallets.items():
            good = [token for token in tokens if token.expires_on >= today]
            lapsed += len(tokens) - len(good)
            self.wallets[resident_id] = good
        self.lapsed += lapsed
        return lapsed

    def reverse(self, moved: Moved | Held, amount: int | None, today: date) -> Moved:
        if isinstance(moved, Held) or moved.kind not in WAYS_BACK:
            raise NotReversible
        left = moved.left()
        wanted = len(left) if amount is None else amount
        if not left or wanted > len(left):
            raise AlreadyReversed
        WAYS_BACK[moved.kind](self, moved, left[len(left) - wanted :], today)
        moved.back += wanted
        return Moved("reverse", left[len(left) - wanted :])

    # Ways back

    def _grant_back(self, moved: Moved, tokens: list[Token], _today: date) -> None:
        if len(tokens) > self.pools[moved.target]:
            raise BudgetExhausted
        self.pools[moved.target] -= len(tokens)

    def _earn_back(self, moved: Moved, tokens: list[Token], today: date) -> None:
        self._remove(moved.target, self._others_for(self.wallets[moved.target], tokens, today))
        self.pools[moved.source] += len(tokens)

    def _spend_back(self, moved: Moved, tokens: list[Token], _today: date) -> None:
        self.wallets[moved.source] += tokens
        self.redeemed[moved.target] -= len(tokens)

    def _transfer_back(self, moved: Moved, tokens: list[Token], today: date) -> None:
        taken = self._others_for(self.wallets[moved.target], tokens, today)
        self._remove(moved.target, taken)
        self.wallets[moved.source] += taken

    def _take_back(self, moved: Moved, tokens: list[Token], _today: date) -> None:
        self.wallets[moved.source] += tokens
        self.lapsed -= len(tokens)

    # Hands

    def _take(self, resident_id: int, amount: int, today: date, scope: str) -> list[Token]:
        good = self.spendable(resident_id, today, scope)
        if amount > len(good):
            raise PointsInsufficient
        self._remove(resident_id, good[:amount])
        return good[:amount]

    def _remove(self, resident_id: int, tokens: list[Token]) -> None:
        for token in tokens:
            self.wallets[resident_id].remove(token)

    @staticmethod
    def _others_for(wallet: list[Token], tokens: list[Token], today: date) -> list[Token]:
        """For tokens that came in, the last first: the same ones, or else others that the same issuer owes.

        What lapsed has lapsed, booked or not: others in its place would be lost as well.
        """
        there, taken = list(wallet), []
        for token, group in groupby(reversed(tokens)):
            if token.expires_on < today:
                raise NotReversible
            wanted = len(list(group))
            others = [t for t in there if t.issuer_id == token.issuer_id and t.expires_on >= today]
            chosen = sorted(others, key=lambda other: (other != token, other))[:wanted]
            if len(chosen) < wanted:
                raise PointsInsufficient
            taken += chosen
            for each in chosen:
                there.remove(each)
        return taken


WAYS_BACK = {
    "grant": Tokens._grant_back,
    "earn": Tokens._earn_back,
    "spend": Tokens._spend_back,
    "capture": Tokens._spend_back,
    "transfer": Tokens._transfer_back,
    "take": Tokens._take_back,
}
