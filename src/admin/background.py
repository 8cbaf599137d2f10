"""The background work of the back office."""

from functools import partial

from admin.alerts import worker as alerts
from admin.alerts.worker import AlertWorker
from admin.auto_top_ups import worker as auto_top_ups
from admin.auto_top_ups.charges import AutoCharges
from admin.auto_top_ups.worker import AutoTopUpWorker
from admin.documents import worker as receipts
from admin.documents.worker import ReceiptWorker
from admin.mail import worker as mail
from admin.mail.worker import MailWorker, Post
from admin.office import Office
from admin.refunds import finisher as refund_finishing
from admin.refunds import job_worker as refund_jobs
from admin.refunds.finisher import RefundFinisher
from admin.refunds.job_worker import RefundJobWorker
from admin.statements import worker as rollups
from admin.statements.worker import Rollups
from admin.subscriptions import worker as subscriptions
from admin.subscriptions.worker import SubscriptionWorker
from admin.top_ups import worker as top_ups
from admin.top_ups.worker import TopUpSweep
from admin.webhooks import worker as webhooks
from admin.webhooks.worker import WebhookWorker
from admin.work.runner import Worker


def workers(office: Office, post: Post | None = None) -> list[Worker]:
    """Return what is to run; without `post` mails wait."""
    w, desk = office.wallets, office.desk
    refunding = RefundJobWorker(w.refund_jobs, w.engine, w.refunds)
    finishing = RefundFinisher(w.deliveries, w.decisions)
    sweep = TopUpSweep((w.top_ups, desk.top_ups), (w.top_up_refunds, desk.refunds), (w.chargebacks, desk.chargebacks))
    topping_up = AutoTopUpWorker(w.auto_top_up_firings, w.hot, AutoCharges(desk.top_ups, w.top_ups))
    top_up_turns = partial(topping_up.run_once, seconds=auto_top_ups.TURNS_SECONDS)
    renewing = SubscriptionWorker(w.subscriptions, w.renewals)
    sending = WebhookWorker(w.events, allow_private=office.webhook_allow_private)
    # Without a provider no card can be charged, and nothing is begun.
    by_card = [Worker("auto-top-ups", top_up_turns, auto_top_ups.PAUSE_SECONDS)] if desk.has_cards else []
    return [
        *by_card,
        Worker("top-ups", sweep.run_once, top_ups.PAUSE_SECONDS),
        Worker("refund-jobs", refunding.run_once, refund_jobs.PAUSE_SECONDS),
        Worker("refund-finishing", finishing.run_once, refund_finishing.PAUSE_SECONDS),
        Worker("subscriptions", renewing.run_once, subscriptions.PAUSE_SECONDS),
        Worker("alerts", AlertWorker(w.alerts, w.usage_days).run_once, alerts.PAUSE_SECONDS),
        Worker("mail", MailWorker(w.mails, post).run_once, mail.PAUSE_SECONDS),
        Worker("webhooks", sending.run_once, webhooks.PAUSE_SECONDS),
        Worker("receipts", ReceiptWorker(w.receipts).run_once, receipts.PAUSE_SECONDS),
        Worker("rollups", Rollups(w.usage_days).run_once, rollups.PAUSE_SECONDS),
    ]
