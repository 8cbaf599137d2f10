"""How fast the service is: a load generator, scenarios, and what to compare with.

`python -m benchmarks` (`make bench`, `make bench-full`) runs them; `--help` says what can be chosen.

- `loadgen`: sends requests, and says what they cost
- `scenarios`, `shapes`, `ledgers`: what is measured, how it is sent, and whose wallets pay
- `local`, `remote`, `places`, `stores`, `machine`: servers that are started here, or run already, and what they are
- `suite`, `ramp`, `redis_memory`, `apart`: runs it all
- `companies`, `closing`: makes the benchmark's companies, compares them with the books, closes them
- `rows`, `figures`, `report`, `plots`, `comparison`, `archive`: what came of it
- `rates`, `rate_loading`, `decks`: what prices cost, and the decks they are measured with
- `echo_server`, `peers`: the bare handler, and the same API on Postgres alone
"""
