"""The ledger, for staff."""
