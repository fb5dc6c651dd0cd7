"""The points ledger: writes in `posting`, reads in `reading`.

What holds, whatever happens:

- A posting names the account it leaves and the account it enters, so each book is in balance after every statement.
- Counters only grow; a posting stores their values after it, under unique keys, so a lost update is a broken key.
- Exactly once: the first statement is `INSERT txn … ON CONFLICT (book, key) DO NOTHING RETURNING id`. No row: the
  original is read; the same request gets its receipt again, another one is refused. A refusal undoes the insert, so it
  does not burn the key.
- Locks are taken in one order everywhere: wallets by id, then lots, then the pool last, because the pool's row is the one
  that all writers share.
- Nothing here commits. The caller's transaction holds the event, the money and the reason together.
"""
