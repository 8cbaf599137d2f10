"""Top-ups: money that comes in by hand, card or bank transfer, and goes back by refund or chargeback."""
