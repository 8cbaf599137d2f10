"""Transaction numbers by time."""

from wallet.ledger.queries import load

FIRST_NUMBER_SINCE = load(__name__)["first_number"]
"""Statement with the parameters company and time (microseconds since the epoch): its first number since then."""
