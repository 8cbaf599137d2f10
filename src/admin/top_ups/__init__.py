"""Top-ups: payments into a wallet by card, by bank transfer or confirmed by staff, their refunds and chargebacks."""
