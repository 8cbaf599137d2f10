"""Redis: the hot state, which proposes every change before the ledger disposes."""
