"""What people do with points: residents look at them and give them to their family, staff correct, award and budget them.

The ledger (`rules.ledger`) moves points and knows no reasons; here is decided who may move which, and by whose second
look. Nothing here is a writer of its own: every movement is one call of the ledger, in the caller's transaction.

Locks, before those of the ledger: the member of staff whose threshold is counted, then the adjustment or the import that
is decided. The row of a new adjustment or import comes last.
"""
