"""The same API written the way most would, to compare with: `naive` on Postgres alone.

It promises what the service promises (one key makes one entry, no balance below the floor, `OK` means committed) and
shares its edge (tokens, validation, messages, errors). It differs only in how a charge is booked, in `bank`: by a
transaction for each, with the wallet's row locked. `local` starts it.
"""
