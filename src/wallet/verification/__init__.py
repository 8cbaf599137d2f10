"""VerifyLedger: check what the service promises from the data alone."""
