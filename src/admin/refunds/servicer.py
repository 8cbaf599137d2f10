"""RefundService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from collections.abc import AsyncIterator

from admin.refunds.messages import (
    case_message,
    decision_of,
    new_case_of,
    policy_message,
    preview_message,
    refund_message,
    refund_request_of,
    rules_of,
)
from admin.refunds.upload import job_message, receive_upload
from admin.refunds.upload import preview_message as job_preview_message
from admin.rpc.concurrency import ConcurrencyLimit
from admin.rpc.pages import Listing, check_company
from refunds.case_decisions import CaseDecisions
from refunds.case_store import RefundCases
from refunds.delivery import CaseState
from refunds.delivery_store import RefundPolicyStore
from refunds.job_store import RefundJobs
from refunds.service import Refunds
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import refund_pb2, refund_pb2_grpc
from wallet.domain.commands import Kind
from wallet.domain.errors import IdempotencyKeyReused, TransactionNotFound
from wallet.domain.resource_names import (
    ALL_COMPANIES,
    COMPANY,
    REFUND,
    REFUND_CASE,
    REFUND_JOB,
    REFUND_POLICY,
    TRANSACTION,
)
from wallet.ledger.reader import Reader

JOBS_CREATED_AT_ONCE_MAX = 2
"""Per process: each reads all charges that it matches."""


class RefundServicer(refund_pb2_grpc.RefundServiceServicer):
    """RefundService. Errors are raised; server.boundary answers them."""

    def __init__(  # noqa: PLR0913  Three stores, one for each resource of the service.
        self,
        reader: Reader,
        refunds: Refunds,
        decisions: CaseDecisions,
        *,
        jobs: RefundJobs,
        policies: RefundPolicyStore,
        cases: RefundCases,
    ) -> None:
        """Refund by `refunds` and `decisions`; keep jobs, the policy and cases in `jobs`, `policies` and `cases`."""
        self._refunds = refunds
        self._reader = reader
        self._jobs = jobs
        self._policies = policies
        self._cases = cases
        self._decisions = decisions
        self._creations = ConcurrencyLimit("refund jobs", calls_max=JOBS_CREATED_AT_ONCE_MAX)

    async def CreateRefund(self, request: refund_pb2.CreateRefundRequest, context: Context) -> refund_pb2.Refund:
        """Refund one charge."""
        refund = refund_request_of(request)
        if request.validate_only:
            amount, charge = await self._refunds.amount(refund)
            return preview_message(request.refund, amount, charge.currency)
        outcome = await self._refunds.refund(refund, timeout=context.time_remaining())
        return refund_message(outcome.entry)

    async def GetRefund(self, request: refund_pb2.GetRefundRequest, context: Context) -> refund_pb2.Refund:
        """Read a refund."""
        company, number = REFUND.parse(request.name)
        entry = await self._reader.entry(company, number)
        if entry.kind is not Kind.REFUND:
            raise TransactionNotFound(str(number))
        return refund_message(entry)

    async def CreateRefundJob(
        self, requests: AsyncIterator[refund_pb2.CreateRefundJobRequest], context: Context
    ) -> refund_pb2.RefundJob:
        """Create a job that refunds many charges."""
        with self._creations.acquire():
            upload = await receive_upload(requests)
            if upload.validate_only:
                return job_preview_message(upload, await self._jobs.estimate(upload.job))
            job = await self._jobs.find(upload.job)
            if job is None:
                job = await self._jobs.create(upload.job, await self._jobs.estimate(upload.job))
            return job_message(job)

    async def GetRefundJob(self, request: refund_pb2.GetRefundJobRequest, context: Context) -> refund_pb2.RefundJob:
        """Read a job and its progress."""
        return job_message(await self._jobs.get(REFUND_JOB.parse(request.name)))

    async def ListRefundJobs(
        self, request: refund_pb2.ListRefundJobsRequest, context: Context
    ) -> refund_pb2.ListRefundJobsResponse:
        """List jobs, newest first."""
        listing = Listing(request, REFUND_JOB.collection)
        page, more = listing.page(await self._jobs.list(listing.before, listing.limit), lambda job: job.serial)
        return refund_pb2.ListRefundJobsResponse(refund_jobs=map(job_message, page), next_page_token=more)

    async def CancelRefundJob(
        self, request: refund_pb2.CancelRefundJobRequest, context: Context
    ) -> refund_pb2.RefundJob:
        """Cancel a job."""
        return job_message(await self._jobs.cancel(REFUND_JOB.parse(request.name)))

    async def GetRefundPolicy(
        self, request: refund_pb2.GetRefundPolicyRequest, context: Context
    ) -> refund_pb2.RefundPolicy:
        """Read the policy."""
        return policy_message(await self._policies.get())

    async def UpdateRefundPolicy(
        self, request: refund_pb2.UpdateRefundPolicyRequest, context: Context
    ) -> refund_pb2.RefundPolicy:
        """Replace the policy's rules."""
        policy = request.refund_policy
        if policy.name not in ("", REFUND_POLICY):
            raise invalid("refund_policy.name", f"must be {REFUND_POLICY}, or left out: there is one policy")
        return policy_message(await self._policies.replace(rules_of(policy.rules)))

    async def CreateRefundCase(
        self, request: refund_pb2.CreateRefundCaseRequest, context: Context
    ) -> refund_pb2.RefundCase:
        """Open a case."""
        new_case = new_case_of(request)
        charge, _ = await self._refunds.charges.refundable(new_case.company, new_case.number)
        if charge is None:
            raise TransactionNotFound(str(new_case.number))
        case, fingerprint = await self._cases.create(new_case)
        if fingerprint != new_case.fingerprint:
            raise IdempotencyKeyReused(new_case.id)
        return case_message(case)

    async def GetRefundCase(self, request: refund_pb2.GetRefundCaseRequest, context: Context) -> refund_pb2.RefundCase:
        """Read a case."""
        return case_message(await self._cases.get(*REFUND_CASE.parse(request.name)))

    async def ListRefundCases(
        self, request: refund_pb2.ListRefundCasesRequest, context: Context
    ) -> refund_pb2.ListRefundCasesResponse:
        """List cases, oldest first."""
        company = "" if request.parent == ALL_COMPANIES else COMPANY.parse(request.parent)
        number = None
        if request.transaction:
            of, number = TRANSACTION.parse(request.transaction)
            if company not in ("", of):
                raise invalid("transaction", f"must be a transaction of {request.parent}")
            company = of
        listing = Listing(request, f"{request.parent}/refundCases/{request.state}/{request.transaction}")
        state = CaseState(int(request.state)) if request.state else None
        found = await self._cases.list(
            company=company, state=state, number=number, after=listing.after, limit=listing.limit
        )
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda case: case.serial)
        return refund_pb2.ListRefundCasesResponse(refund_cases=map(case_message, page), next_page_token=more)

    async def DecideRefundCase(
        self, request: refund_pb2.DecideRefundCaseRequest, context: Context
    ) -> refund_pb2.RefundCase:
        """Decide a case, with a refund or without."""
        company, case = REFUND_CASE.parse(request.name)
        decision = decision_of(request.decision)
        return case_message(await self._decisions.decide(company, case, decision, timeout=context.time_remaining()))
