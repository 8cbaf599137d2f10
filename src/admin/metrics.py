"""What the back office tells Prometheus of its background work. Labels are bounded: never a company."""

from prometheus_client import Counter

worker_runs = Counter(
    "admin_worker_runs_total",
    "Runs of background work, by how they ended: done, failed (the log says why), unavailable.",
    ["worker", "outcome"],
)
