"""Prometheus metrics of the back office. Labels are bounded: never a company."""

from prometheus_client import Counter, Gauge, Histogram

worker_runs = Counter(
    "admin_worker_runs_total",
    "Runs of background work, by outcome: done, failed (the log has the error), unavailable.",
    ["worker", "outcome"],
)
subscription_steps = Counter(
    "admin_subscription_steps_total",
    "Steps of subscriptions that were due: charged, declined (past due), suspended, unpriced (no rate), canceled.",
    ["outcome"],
)
mails = Counter(
    "admin_mails_total",
    "Attempts to send a mail, by outcome: sent, deferred (tried again later), given_up (kept in the outbox).",
    ["outcome"],
)
mails_waiting = Gauge(
    "admin_mails_waiting",
    "Mails in the outbox that are not sent, after the last run.",
    multiprocess_mode="livemax",
)
mails_oldest_seconds = Gauge(
    "admin_mails_oldest_seconds",
    "Age of the oldest mail in the outbox that is not sent, after the last run.",
    multiprocess_mode="livemax",
)
http_requests = Counter(
    "admin_http_requests_total",
    "Requests over HTTP, by route and status; aborted: the response had begun and did not get to its end.",
    ["route", "status"],
)
http_seconds = Histogram(
    "admin_http_seconds",
    "Time from a request over HTTP to the end of its response, downloads included.",
    ["route"],
    buckets=(0.005, 0.02, 0.08, 0.32, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0),
)
auto_top_ups = Counter(
    "admin_auto_top_ups_total",
    "Checks of an automatic top-up, by its state: succeeded, failed, pending, requires_action, not_made, unanswered.",
    ["outcome"],
)
payment_calls = Counter(
    "admin_payment_calls_total",
    "Calls to the payment provider, by operation and outcome: done (also if a card is declined), refused, "
    "unavailable, fault (or given up by the caller).",
    ["operation", "outcome"],
)
payment_seconds = Histogram(
    "admin_payment_seconds",
    "Duration of calls to the payment provider, all attempts included.",
    ["operation"],
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0),
)
payment_notifications = Counter(
    "admin_payment_notifications_total",
    "Webhooks of the payment provider, by kind (payment, refund, dispute, other; unknown: not verified) and outcome: "
    "taken, forged, failed (to be sent again).",
    ["kind", "outcome"],
)
webhook_tries = Counter(
    "admin_webhook_tries_total",
    "Attempts to send an event, by outcome: delivered, deferred (sent again later), given_up (kept).",
    ["outcome"],
)
webhook_events_waiting = Gauge(
    "admin_webhook_events_waiting",
    "Events due for webhooks that are not paused, after the last run.",
    multiprocess_mode="livemax",
)
webhook_events_oldest_seconds = Gauge(
    "admin_webhook_events_oldest_seconds",
    "Age of the oldest of these events, after the last run.",
    multiprocess_mode="livemax",
)
