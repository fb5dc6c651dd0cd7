"""The points mall: what points are given for, by merchants and by the community, and causes that take donations.

Redeeming takes pieces and holds points in one transaction; what is held is spent when the code is shown at the counter,
and given back when the redemption is cancelled. One guarded UPDATE of the redemption's status decides between the counter,
the resident who cancels and the hour at which it lapses, so one of them wins and the others find it settled.

Locks, in this order: reward, the counter of each person's limit → redemption → event → standing → ledger (hold, wallet …);
of a donation cause → donation → event → standing → ledger. Whoever gives pieces back locks the reward before the
redemption; who only hands out doesn't touch the reward at all. Of two rewards (a substitute takes the place of another)
the smaller id is locked first. Wrong codes are counted in a row of the member of staff, which nobody else asks for.

What the rulebook says on the day of redeeming (whether it can be cancelled, until when it waits, what becomes of the
points then) is kept with the redemption.
"""
