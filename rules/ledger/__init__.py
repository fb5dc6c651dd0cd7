"""The points ledger.

| file | does |
|---|---|
| `transactions` | opens a transaction once for each key; causes, receipts |
| `moving` | the rows that are locked and changed, and the postings that are left |
| `pools`, `caps`, `events` | budgets and their shards; what a rule may give in a period; what happened |
| `earning`, `earning_many`, `spending`, `holds`, `transferring`, `reversing`, `expiring` | the deeds |
| `reading`, `explaining`, `reports`, `previewing` | the reads |
| `audit`, `audit_checks` | proves the invariants over all that is there |
| `canonical`, `merkle`, `records`, `sealing`, `verify` | the daily seal, its proofs, and the stand-alone verifier |

Rows are locked in one order everywhere: transaction → hold, reversal → wallets by id → their lots → caps → escrow →
redeemed, breakage → pools by owner and shard. docs/ledger.md says why, and what holds whatever happens. Nothing here
commits: the caller's transaction holds the event, the points and the reason together.
"""
