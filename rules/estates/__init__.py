"""Estates: who manages them, what is repaired in them, what residents have to say of it.

Who sees what. The company of an estate, its contacts, its terms and its figures are everybody's. A repair is its
resident's, and theirs who may act for them; those of the same household see a repair at their home. Staff see it who are
PROPERTY at its estate, or MANAGER or AUDITOR above it; auditors change nothing. Who of the staff wrote it down at a desk
sees that one as an auditor does. Neighbours see repairs of what belongs to all, without a name, once moderation has passed
the words. For everybody else there is no such repair. A telephone number is shown to those who handle the repair, while it
is open, by one route alone; it is written to no log.

Nothing here moves points: whoever is paid for complaints makes more of them.

Locks: the repair's one row by a guarded UPDATE, then rows that are only added (events, notes, outbox). Uploads are claimed
before the repair's row is written.
"""
