"""Attacks without a token, each beside an honest caller.

- `wire`: a raw HTTP/2 connection, which sends what no library would
- `attacks`: the table of attacks
- `attacker`: the process that makes one, at a fixed rate and for a bounded time
- `bystander`: the honest caller, which measures what it notices
"""
