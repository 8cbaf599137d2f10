"""Construct the feature `alerts`: its stores, services, workers and routes."""

from admin.alerts.store import Alerts
from admin.alerts.worker import PAUSE_SECONDS, AlertWorker
from admin.feature import Feature
from admin.statements.usage_store import UsageDays
from admin.work.runner import Worker
from wallet.runtime import Wallets


def alerts(wallets: Wallets) -> Feature:
    """Return the worker that alerts companies. Their policies are set by RuleService (admin.rules)."""
    worker = AlertWorker(Alerts(wallets.pool), UsageDays(wallets.pool))
    return Feature(workers=[Worker("alerts", worker.run_once, PAUSE_SECONDS)])
