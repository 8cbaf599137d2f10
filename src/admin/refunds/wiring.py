"""Construct the feature `refunds`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.refunds import job_worker, recovery
from admin.refunds.job_worker import RefundJobWorker
from admin.refunds.recovery import RefundRecovery
from admin.refunds.servicer import RefundServicer
from admin.work.runner import Worker
from refunds.case_decisions import CaseDecisions
from refunds.case_store import RefundCases
from refunds.delivery_reports import DeliveryReports
from refunds.delivery_store import DeliveryReportStore, RefundPolicyStore
from refunds.job_store import RefundJobs
from refunds.service import Refunds
from refunds.store import ChargeReader
from veloconnect.admin.v1 import refund_pb2, refund_pb2_grpc
from wallet.runtime import Wallets


def refunds(wallets: Wallets) -> Feature:
    """Return RefundService, the worker of refund jobs, and the one that completes unfinished refunds."""
    pool = wallets.pool
    refunds, jobs, cases = Refunds(wallets.engine, ChargeReader(pool)), RefundJobs(pool), RefundCases(pool)
    decisions = CaseDecisions(refunds, cases)
    servicer = RefundServicer(
        wallets.reader, refunds, decisions, jobs=jobs, policies=RefundPolicyStore(pool), cases=cases
    )
    reports = DeliveryReports(refunds, DeliveryReportStore(pool), cases, wallets.reader)
    recovery_worker = RefundRecovery(reports, decisions)
    return Feature(
        services=[service(refund_pb2, refund_pb2_grpc, servicer)],
        workers=[
            Worker("refund-jobs", RefundJobWorker(jobs, wallets.engine, refunds).run_once, job_worker.PAUSE_SECONDS),
            Worker("refund-finishing", recovery_worker.run_once, recovery.PAUSE_SECONDS),
        ],
    )
