"""LedgerService: verify the ledger and rebuild wallets."""
