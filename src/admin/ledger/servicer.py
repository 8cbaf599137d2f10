"""LedgerService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from typing import cast

from server import wire
from server.context import Context
from veloconnect.admin.v1 import ledger_pb2, ledger_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.errors import Overloaded
from wallet.domain.resource_names import COMPANY, WALLET
from wallet.runtime import Wallets
from wallet.verification.problems import Check, Problem
from wallet.verification.verifier import Verifier


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """LedgerService. Errors are raised; server.boundary answers them."""

    def __init__(self, wallets: Wallets, verifier: Verifier) -> None:
        """Rebuild `wallets`, and check them by `verifier`."""
        self._wallets = wallets
        self._verifier = verifier
        self._verifying = False

    async def VerifyLedger(
        self, request: ledger_pb2.VerifyLedgerRequest, context: Context
    ) -> ledger_pb2.VerifyLedgerResponse:
        """Check every promise over the whole database."""
        if self._verifying:
            raise Overloaded("a verification is running already")
        self._verifying = True
        try:
            result = await self._verifier.run()
        finally:
            self._verifying = False
        return ledger_pb2.VerifyLedgerResponse(
            ok=not result.problems_found,
            wallets_checked=result.wallets_checked,
            transactions_checked=result.transactions_checked,
            hot_wallets_checked=result.hot_wallets_checked,
            problems=map(_message, result.problems),
            problems_found=result.problems_found,
        )

    async def RebuildWallet(self, request: ledger_pb2.RebuildWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Rebuild a wallet in Redis from the ledger."""
        company = WALLET.parse(request.name)
        await self._wallets.rebuild(company)
        return wire.wallet(await self._wallets.reader.wallet(company))


def _message(problem: Problem) -> ledger_pb2.LedgerProblem:
    return ledger_pb2.LedgerProblem(
        company=COMPANY.name(problem.company), check=_check(problem.check), detail=problem.detail
    )


def _check(check: Check) -> ledger_pb2.LedgerProblem.Check:
    value = ledger_pb2.LedgerProblem.Check.Value(f"CHECK_{check.name}")
    return cast("ledger_pb2.LedgerProblem.Check", value)
