"""The same API in the usual design, to compare with: `naive`, on Postgres alone.

It keeps the promises of the service (one key makes one entry, no balance below the floor, `OK` means committed) and
shares its edge (tokens, validation, messages, errors). Only the booking of a charge differs, in `ledger`: one
transaction for each, with the wallet's row locked. `local` starts it.
"""
