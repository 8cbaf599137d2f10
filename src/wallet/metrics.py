"""The engine's metrics. Labels are bounded: never a company."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0)

cycle_commands = Histogram(
    "wallet_cycle_commands",
    "Commands in a cycle of the engine.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)
cycle_redis_seconds = Histogram("wallet_cycle_redis_seconds", "Time a cycle spent in Redis.", buckets=_SECONDS)
cycle_postgres_seconds = Histogram("wallet_cycle_postgres_seconds", "Time a cycle spent in Postgres.", buckets=_SECONDS)
queue_depth = Gauge("wallet_queue_depth", "Commands that wait for their cycle.", multiprocess_mode="livesum")
append_answers = Counter("wallet_append_answers_total", "Answers of the ledger to attempts, by kind.", ["answer"])
loads = Counter("wallet_loads_total", "Wallets loaded into Redis, by cause.", ["cause"])
load_failures = Counter("wallet_load_failures_total", "Loads that did not come to an end.")
journal_entries = Gauge(
    "wallet_journal_entries",
    "Entries in Redis that are not settled, as the last sweep saw them.",
    multiprocess_mode="livemax",
)
journal_oldest_seconds = Gauge(
    "wallet_journal_oldest_seconds",
    "Age of the oldest entry in Redis that is not settled, as the last sweep saw it.",
    multiprocess_mode="livemax",
)
recovered_entries = Counter(
    "wallet_recovered_entries_total", "Entries that recovery or a load appended for a process that did not.", ["answer"]
)
top_ups_ended = Counter(
    "wallet_top_ups_ended_total",
    "Top-ups that came to an end, by method and state; money that comes after an end ends it again.",
    ["method", "state"],
)
refunds = Counter(
    "wallet_refunds_total",
    "Refunds of charges that were written, by who asked for them: single, bulk, policy, case, subscription.",
    ["origin"],
)
open_authorizations = Gauge(
    "wallet_open_authorizations",
    "Open authorizations, as the last sweep counted them.",
    multiprocess_mode="livemax",
)
expired_authorizations = Counter("wallet_expired_authorizations_total", "Authorizations ended by the sweep.")
ledger_away = Gauge("wallet_ledger_away", "Worker processes that find Postgres away.", multiprocess_mode="livesum")
rate_book_change = Gauge(
    "wallet_rate_book_change",
    "The last change of prices that is in the rate books in use; of several workers that of the one furthest behind.",
    multiprocess_mode="livemin",
)
rate_book_cards = Gauge("wallet_rate_book_cards", "Rate cards in the rate books in use.", multiprocess_mode="livemax")
rate_book_rates = Gauge("wallet_rate_book_rates", "Rates in the rate books in use.", multiprocess_mode="livemax")
rate_book_load_seconds = Histogram(
    "wallet_rate_book_load_seconds", "Time that it took to take over changed prices.", buckets=_SECONDS
)
rate_book_refresh_failures = Counter(
    "wallet_rate_book_refresh_failures_total", "Looks for changed prices that failed; the old ones stay in use."
)
