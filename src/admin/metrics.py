"""What the back office tells Prometheus of its background work. Labels are bounded: never a company."""

from prometheus_client import Counter, Gauge

worker_runs = Counter(
    "admin_worker_runs_total",
    "Runs of background work, by how they ended: done, failed (the log says why), unavailable.",
    ["worker", "outcome"],
)
mails = Counter(
    "admin_mails_total",
    "Mails that were tried, by what became of them: sent, deferred (tried again later), given_up (kept in the outbox).",
    ["outcome"],
)
mails_waiting = Gauge(
    "admin_mails_waiting",
    "Mails in the outbox that are not sent, as the last run left them.",
    multiprocess_mode="livemax",
)
mails_oldest_seconds = Gauge(
    "admin_mails_oldest_seconds",
    "Age of the oldest mail in the outbox that is not sent, as the last run left it.",
    multiprocess_mode="livemax",
)
