"""Published seals of the ledger."""
