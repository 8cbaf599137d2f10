"""Transaction numbers by time."""

from wallet.ledger.queries import load

FIRST_NUMBER_SINCE = load(__name__)["first_number"]
"""Parameters: the company, a time in microseconds since the epoch. Returns its first number since then."""
