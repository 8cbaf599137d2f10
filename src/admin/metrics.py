"""What the back office tells Prometheus of its background work. Labels are bounded: never a company."""

from prometheus_client import Counter, Gauge, Histogram

worker_runs = Counter(
    "admin_worker_runs_total",
    "Runs of background work, by how they ended: done, failed (the log says why), unavailable.",
    ["worker", "outcome"],
)
subscription_steps = Counter(
    "admin_subscription_steps_total",
    "What was due for subscriptions: charged, declined (past due), suspended, unpriced (no rate), canceled.",
    ["outcome"],
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
http_requests = Counter(
    "admin_http_requests_total",
    "Requests over HTTP, by route and status; aborted: the answer had begun and did not get to its end.",
    ["route", "status"],
)
http_seconds = Histogram(
    "admin_http_seconds",
    "Time from a request over HTTP to the end of its answer, downloads included.",
    ["route"],
    buckets=(0.005, 0.02, 0.08, 0.32, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0),
)
auto_top_ups = Counter(
    "admin_auto_top_ups_total",
    "Looks at an automatic top-up, by what had become of it: succeeded, failed, pending, requires_action, not_made, "
    "unanswered.",
    ["outcome"],
)
payment_calls = Counter(
    "admin_payment_calls_total",
    "Calls to the payment provider, by operation and outcome: done (also where a card is declined), refused, "
    "unavailable, fault (or given up by the caller).",
    ["operation", "outcome"],
)
payment_seconds = Histogram(
    "admin_payment_seconds",
    "Time that calls to the payment provider took, with all of their tries.",
    ["operation"],
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0),
)
payment_notifications = Counter(
    "admin_payment_notifications_total",
    "Webhooks of the payment provider, by what they tell of (payment, refund, dispute, other; unknown: not verified) "
    "and outcome: taken, forged, failed (to be sent again).",
    ["kind", "outcome"],
)
webhook_tries = Counter(
    "admin_webhook_tries_total",
    "Events that were sent, by what became of them: delivered, deferred (sent again later), given_up (kept).",
    ["outcome"],
)
webhook_events_waiting = Gauge(
    "admin_webhook_events_waiting",
    "Events that are to be sent to webhooks that take any, as the last run left them.",
    multiprocess_mode="livemax",
)
webhook_events_oldest_seconds = Gauge(
    "admin_webhook_events_oldest_seconds",
    "How long the oldest of these events has waited, as the last run left it.",
    multiprocess_mode="livemax",
)
