"""How fast the service is: a load generator, scenarios, and the bare handler to compare with.

`python -m benchmarks` (`make bench`) runs them; `--help` says what can be chosen.
"""
