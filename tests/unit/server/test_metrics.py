"""All metrics are named by Prometheus's conventions, described, and have bounded labels."""

import re
from types import ModuleType

import pytest
from prometheus_client.metrics import MetricWrapperBase

from admin import metrics as admin_metrics
from wallet import metrics

LABELS = {
    "answer": "a verdict of the ledger",
    "cause": "why a wallet was loaded",
    "kind": "what a payment provider's webhook tells of",
    "method": "how a top-up is paid",
    "operation": "a call of the port to the payment provider",
    "origin": "who asked for a refund",
    "outcome": "how work or a call ended, or what became of a mail, of an automatic top-up, or of a webhook",
    "route": "a path over HTTP, as it is written in its table, or none",
    "state": "how a top-up ended",
    "status": "of an answer over HTTP, or aborted",
    "worker": "a kind of background work",
}
"""Every label in use and why its values are few."""


def registered(module: ModuleType) -> dict[str, MetricWrapperBase]:
    """Return the metrics of a module by the name of their variable."""
    return {name: value for name, value in vars(module).items() if isinstance(value, MetricWrapperBase)}


METRICS = registered(metrics) | registered(admin_metrics)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_is_named_described_and_bounded(name: str) -> None:
    metric = METRICS[name]
    (family,) = metric.describe()
    assert re.fullmatch(r"(wallet|admin)_[a-z]+(_[a-z]+)*", family.name)
    assert len(family.documentation) > 10
    assert family.documentation.endswith(".")
    assert set(metric._labelnames) <= LABELS.keys()
    if family.type == "histogram" and "seconds" not in family.name:
        assert "commands" in family.name


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_gauge_says_how_worker_processes_add_up(name: str) -> None:
    (family,) = METRICS[name].describe()
    if family.type == "gauge":
        assert getattr(METRICS[name], "_multiprocess_mode") in ("livesum", "livemax", "livemin")  # noqa: B009


def test_what_is_promised_to_be_shown_is_there() -> None:
    assert {
        "cycle_commands",
        "cycle_redis_seconds",
        "cycle_postgres_seconds",
        "queue_depth",
        "journal_entries",
        "journal_oldest_seconds",
        "append_answers",
        "loads",
        "open_authorizations",
        "rate_book_change",
        "rate_book_cards",
        "rate_book_rates",
        "rate_book_load_seconds",
        "mails_waiting",
        "mails_oldest_seconds",
    } <= METRICS.keys()
