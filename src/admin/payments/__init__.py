"""Money from outside: the payment provider behind a port of ours, and what top-ups do with it."""
