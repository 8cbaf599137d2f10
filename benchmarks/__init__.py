"""Performance of the service: a load generator, scenarios, and peers to compare with.

`python -m benchmarks` (`make bench`, `make bench-full`) runs them; `--help` lists the options.

- `loadgen`, `http2`: send requests and measure them
- `scenarios`, `load_models`, `company_groups`: the loads of each scenario, their rates, and the wallets they charge
- `local`, `remote`, `servers`, `stores`, `machine`: servers that are started here or run already, and their properties
- `suite`, `ramp`, `redis_memory`: run the scenarios, find the saturation rate, measure Redis's memory
- `isolated`: scenarios that start installations of their own: growth, refunds, rates
- `companies`, `cleanup`, `decks`: create the benchmark's companies and prices, reconcile and close the companies
- `rows`, `metrics`, `report`, `plots`, `comparison`, `archive`: results
- `echo_server`, `peers`: a bare handler, and the same API on Postgres alone
"""
