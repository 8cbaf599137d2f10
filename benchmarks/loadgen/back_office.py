"""Loads of the admin service beside charging: top-ups, and reads of statements and wallets."""

from collections.abc import Sequence

from benchmarks.http2.calls import Call
from benchmarks.http2.outcomes import Outcome
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import uniform
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import PLACEHOLDER, fresh_keys, template, whole
from veloconnect.admin.v1 import company_pb2, top_up_pb2, transaction_pb2

CREDITED_CHARGES = 20
"""The number of charges that a top-up pays for."""
PAGE_SIZE = 50


class TopUps:
    """`CreateTopUp`, each for a company chosen uniformly."""

    paths: Sequence[str] = ("/veloconnect.admin.v1.TopUpService/CreateTopUp",)
    expected: str | None = None

    def __init__(self, books: Books, *, currency_code: str) -> None:
        """Prepare a request for each company."""
        self._books = books
        self._keys = fresh_keys()
        self._choices = uniform(len(books.companies))
        top_up = top_up_pb2.TopUp(
            amount_micros=CREDITED_CHARGES * books.amount_micros,
            currency_code=currency_code,
            method=top_up_pb2.TopUp.METHOD_MANUAL,
            reference="benchmark",
        )
        self._templates = [
            template(top_up_pb2.CreateTopUpRequest(parent=company, idempotency_key=PLACEHOLDER, top_up=top_up), keys=1)
            for company in books.companies
        ]

    def next_call(self, intended_ns: int) -> Call:
        """Put a fresh key into the next company's request."""
        company = next(self._choices)
        before, after = self._templates[company]
        return Call(before + next(self._keys) + after, company, intended_ns)

    def succeeded(self, call: Call, tally: Tally) -> None:
        """Book one top-up."""
        tally.units += 1
        self._books.credited[call.tag] += CREDITED_CHARGES

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:
        """Book one top-up that may have been made, unless the error is definite."""
        tally.errors[outcome.name] += 1
        if outcome.maybe_applied:
            self._books.unclear_credits[call.tag] += CREDITED_CHARGES


class Listings:
    """In turn the first page of a company's statement and its wallet; companies are chosen uniformly."""

    paths: Sequence[str] = (
        "/veloconnect.admin.v1.TransactionService/ListTransactions",
        "/veloconnect.admin.v1.CompanyService/GetWallet",
    )
    expected: str | None = None

    def __init__(self, books: Books) -> None:
        """Prepare two requests for each company."""
        self._choices = uniform(len(books.companies))
        self._requests = [
            (
                whole(transaction_pb2.ListTransactionsRequest(parent=company, page_size=PAGE_SIZE)),
                whole(company_pb2.GetWalletRequest(name=f"{company}/wallet")),
            )
            for company in books.companies
        ]
        self._path = 0

    def next_call(self, intended_ns: int) -> Call:
        """Return a request for the next company, of the two methods in turn."""
        company = next(self._choices)
        self._path = 1 - self._path
        return Call(self._requests[company][self._path], company, intended_ns, self._path)

    def succeeded(self, call: Call, tally: Tally) -> None:  # noqa: ARG002 as all
        """Count one answer."""
        tally.units += 1

    def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:  # noqa: ARG002 as all
        """Count one error; reads change no books."""
        tally.errors[outcome.name] += 1
