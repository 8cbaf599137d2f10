"""Every error has a row in the table and a section in docs/reference/errors.md, and fits into the trailers."""

import base64
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

import admin
import charging
import server
from admin.auto_top_ups.top_up_starter import TopUpIdTaken
from admin.cli.service import RequestRefused
from admin.mail.smtp import MailServerUnavailable, MessageDeferred, MessageRefused
from admin.notices.event_types import EventType
from admin.payments.port import (
    ForgedWebhook,
    PaymentMethodUnknown,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from admin.rates.decks.cells import BadCell
from admin.rates.decks.files import BadFile, _BadCsv
from admin.statements.domain import StatementNotReconciled
from admin.statements.usage_store import MissingEntries
from admin.time_text import UnreadableTime
from admin.webhooks.messages import webhook_change
from admin.webhooks.sender import DeliveryFailed
from admin.webhooks.targets import AddressRefused
from server.countries import UnknownCountry
from server.envoy.call import Aborted
from server.envoy.framing import Disconnected
from server.envoy.launch import Missing
from server.error_table import TABLE
from server.errors import (
    DOMAIN,
    RETRY_MS,
    VIOLATIONS_LISTED_MAX,
    answer,
    cut,
    is_fault,
)
from server.reasons import Reason
from server.rejections import CallerTooSlow, InvalidRequest, Rejection, StreamEnded, Unauthenticated, Violation
from server.settings import Misconfigured
from tests.support.paths import DOCS
from veloconnect.admin.v1 import webhook_pb2
from wallet.domain import errors as e
from wallet.domain.errors import Applied, WalletError
from wallet.domain.limits import SpendLimit, SpendLimitState, Window

ERRORS = (DOCS / "reference" / "errors.md").read_text()
TRAILERS_BYTES_MAX = 8192
"""The default bound of gRPC clients for trailing metadata."""

NEVER_ANSWERED = {
    Rejection,  # the root
    Misconfigured,  # ends the process before it serves
    UnknownCountry,  # server.usage_messages makes an InvalidRequest of it
    Aborted,  # ends a call with the status that it carries
    Disconnected,  # there is no one to answer
    Missing,  # decides the front before a server serves
    UnreadableTime,  # an option or a cell that is refused
    BadCell,  # these three are rows of a deck's report
    BadFile,
    _BadCsv,
    MailServerUnavailable,  # these three are for the worker that sends
    MessageDeferred,
    MessageRefused,
    DeliveryFailed,  # these two are for the worker that sends events
    AddressRefused,
    ProviderError,  # these five are answered, or recorded, by what asks the payment provider
    ProviderUnavailable,
    ProviderRefused,
    PaymentMethodUnknown,
    ForgedWebhook,
    TopUpIdTaken,  # recorded by the worker of automatic top-ups
    RequestRefused,  # of the command line, which is a client
    StatementNotReconciled,  # these two are faults: the books contradict each other
    MissingEntries,
}

SAMPLES: list[Exception] = [
    Unauthenticated(),
    InvalidRequest("The bytes are not such a message: cut off."),
    InvalidRequest(violations=[Violation("usage.channel", "is required: one of CHANNEL_SMS, CHANNEL_VOICE")]),
    StreamEnded(),
    CallerTooSlow("an answer was not received within 60 s", applied=Applied.UNKNOWN),
    e.UnfitRateCard("would make the card an ancestor of its own", field="rate_card.parent"),
    e.TooManySpendLimits("acme"),
    e.Stopping("it takes no more commands", applied=Applied.NO),
    e.Overloaded("8000 commands wait already"),
    e.DeadlineExceeded("the deadline passed in the queue", applied=Applied.UNKNOWN),
    e.LedgerUnavailable("Postgres is away", applied=Applied.NO),
    e.WalletUnavailable("Redis does not answer", applied=Applied.UNKNOWN),
    e.WalletUnavailable("Redis is ahead of the ledger. Call RebuildWallet.", applied=Applied.NO),
    e.CompanyNotFound("acme"),
    e.CompanyAlreadyExists("acme"),
    e.IdempotencyKeyReused("sms-1"),
    e.RateCardNotFound("standard"),
    e.RateCardAlreadyExists("standard"),
    e.SpendLimitNotFound("daily"),
    e.SpendLimitAlreadyExists("daily"),
    e.AutoTopUpNotFound("acme"),
    e.RefundJobNotFound("outage-7"),
    e.RefundCaseNotFound("mail-17"),
    e.RefundCaseDecided("mail-17"),
    e.SubscriptionNotFound("number-1"),
    e.SubscriptionCanceled("number-1"),
    e.ReceiptNotFound("1042"),
    e.SellerNotSet(),
    e.WebhookNotFound("acme"),
    e.EventNotFound("companies/acme/events/17"),
    e.TopUpNotFound("t-1"),
    e.TopUpRefundNotFound("r-1"),
    e.PaymentMethodNotFound("pm_1"),
    e.PaymentsNotConfigured(),
    e.PaymentProviderRefuses("No such customer: cus_1.", code="resource_missing"),
    e.PaymentProviderUnavailable("no connection", applied=Applied.UNKNOWN),
    e.TopUpEnded("t-1", state="SUCCEEDED"),
    e.NotABankTransfer("t-1", method="SAVED_CARD"),
    e.TopUpNotRefundable("t-1", refundable=1, required=2, currency="EUR"),
    e.CurrencyMismatch(wallet="EUR", given="USD"),
    e.CompanyClosed("acme"),
    e.WalletNotEmpty("acme"),
    e.AuthorizationNotFound("call-7"),
    e.AuthorizationClosed("call-7"),
    e.AuthorizationNotExpired("call-7"),
    e.CompanySuspended("acme"),
    e.DestinationBlocked(channel="SMS", country="DE"),
    e.RateNotFound(channel="WHATSAPP", variant="template.marketing", country="DE"),
    e.SpendLimitReached(
        SpendLimitState(SpendLimit("acme", "daily", Window.DAY, 1000), spent=990, resets_at=1_800_000_000_000_000),
        required=11,
        currency="EUR",
    ),
    e.InsufficientFunds(available=-5, required=10, floor=20, currency="EUR"),
    e.BalanceLimitReached("acme"),
    e.TransactionNotFound("1042"),
    e.RefundExceedsCharge(refundable=5, required=6, currency="EUR"),
    e.EntryQuarantined("3:14"),
]


class Section(NamedTuple):
    """The section of docs/reference/errors.md about a reason."""

    reason: str
    status: str
    metadata: frozenset[str]
    text: str


def sections() -> list[Section]:
    """Return the sections that are headed by a reason, in the order in which they stand."""
    found = []
    for heading, text in re.findall(r"^## ([A-Z_]+)\n(.*?)(?=^## |\Z)", ERRORS, re.MULTILINE | re.DOTALL):
        said = re.match(r"\nStatus `(\w+)`\. Metadata: (.*?)\.(?:\s|$)", text, re.DOTALL)
        assert said, f"{heading} does not begin with its status and its metadata"
        metadata = frozenset(word for word in re.findall(r"`(\w+)`", said[2]) if word.islower() and word != "no")
        found.append(Section(heading, said[1], metadata, text))
    return found


def leaves(root: type[Exception]) -> Iterator[type[Exception]]:
    """Return the classes of a tree that have none below them."""
    below = root.__subclasses__()
    if not below:
        yield root
    for each in below:
        yield from leaves(each)


def defined_in(*packages: object) -> Iterable[type[Exception]]:
    """Return every exception that is defined in a module of these packages."""
    for package in packages:
        for module_info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):  # type: ignore[attr-defined]
            if module_info.name.endswith("__main__"):
                continue
            module = importlib.import_module(module_info.name)
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module_info.name:
                    yield value


@pytest.mark.parametrize("leaf", [*leaves(WalletError), *leaves(Rejection)], ids=lambda leaf: leaf.__name__)
def test_every_leaf_of_the_error_trees_has_a_row(leaf: type[Exception]) -> None:
    assert leaf in TABLE


def test_the_table_of_errors_has_leaves_only() -> None:
    """No error is answered by its parent's row."""
    assert TABLE.keys() == {*leaves(WalletError), *leaves(Rejection)}


def test_every_error_that_a_server_defines_has_a_row_or_is_never_answered() -> None:
    defined = set(defined_in(server, charging, admin))
    assert defined >= {Unauthenticated, InvalidRequest, StreamEnded, *NEVER_ANSWERED}
    assert defined - NEVER_ANSWERED <= TABLE.keys()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            e.TopUpNotRefundable("t-1", refundable=1_000_000, required=2_500_000, currency="EUR"),
            "2.50 EUR of the top-up t-1 are to be refunded, and 1.00 EUR can be.",
        ),
        (
            e.RefundExceedsCharge(refundable=0, required=7_500, currency="EUR"),
            "0.0075 EUR of the charge are to be refunded, and 0.00 EUR can be.",
        ),
        (
            e.InsufficientFunds(available=-5_000, required=10_000, floor=0, currency="USD"),
            "0.01 USD are required and -0.005 USD are available above the floor.",
        ),
        (
            e.SpendLimitReached(
                SpendLimitState(SpendLimit("acme", "daily", Window.DAY, 5_000_000), spent=4_990_000, resets_at=0),
                required=20_000,
                currency="EUR",
            ),
            "0.02 EUR more would exceed the spend limit daily: 4.99 EUR of 5.00 EUR are spent.",
        ),
        (
            e.BalanceLimitReached("acme"),
            "The balance or the held amount would exceed ±9000000000.00 in the wallet's currency.",
        ),
    ],
)
def test_a_text_shows_money_as_money(error: Exception, text: str) -> None:
    """Metadata has micros, for programs."""
    assert answer(error).status.message == f"{text} {TABLE[type(error)].advice}"


def test_every_reason_has_a_row_and_rows_stand_in_order_of_precedence() -> None:
    rows = [row.reason for row in TABLE.values()]
    assert set(rows) == set(Reason)
    order = list(Reason)
    assert rows == sorted(rows, key=order.index)


def test_samples_cover_the_table() -> None:
    assert {type(error) for error in SAMPLES} == TABLE.keys()


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_answer_says_what_happened_and_what_to_do(error: Exception) -> None:
    row = TABLE[type(error)]
    said = answer(error)
    assert (said.code, said.reason) == (row.code, row.reason)
    assert said.status.code == row.code.value[0]
    assert said.status.message.endswith(f". {row.advice}")
    assert ".." not in said.status.message
    info = ErrorInfo()
    assert said.status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (row.reason, DOMAIN)
    assert not is_fault(error)
    if isinstance(error, e.Unavailable):
        assert dict(info.metadata) == {"applied": error.applied}


def test_reasons_are_documented_in_order_of_precedence() -> None:
    """Each reason has a heading of its own in docs/reference/errors.md."""
    assert [section.reason for section in sections()] == list(Reason)


def test_the_overview_lists_every_reason_in_order_with_its_status() -> None:
    rows = re.findall(r"^\| (\d+) \| \[([A-Z_]+)\]\(#([a-z_]+)\) \| `(\w+)` \|", ERRORS, re.MULTILINE)
    status_of = {row.reason: row.code.name for row in TABLE.values()}
    assert rows == [
        (str(place), reason.value, reason.value.lower(), status_of[reason]) for place, reason in enumerate(Reason, 1)
    ]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.reason)
def test_a_section_gives_the_status_and_the_metadata_that_are_sent(section: Section) -> None:
    errors = [error for error in SAMPLES if TABLE[type(error)].reason == section.reason]
    assert errors
    for error in errors:
        row = TABLE[type(error)]
        assert row.code.name == section.status
        assert set(row.metadata(error)) == section.metadata
    details = {BadRequest: "google.rpc.BadRequest", RetryInfo: "google.rpc.RetryInfo"}
    sent = {
        kind
        for error in errors
        for packed in answer(error).status.details
        for kind in details
        if packed.Is(kind.DESCRIPTOR)
    }
    assert {kind for kind, name in details.items() if name in section.text} == sent


def test_no_section_is_empty_of_advice() -> None:
    for section in sections():
        assert len(section.text.strip().split("\n\n")) >= 3, f"{section.reason}: when it happens, and what to do"


def test_overloaded_alone_says_when_to_come_again() -> None:
    for error in SAMPLES:
        retry = RetryInfo()
        has = any(packed.Unpack(retry) for packed in answer(error).status.details)
        assert has is isinstance(error, e.Overloaded)
        if has:
            assert retry.retry_delay.ToMilliseconds() == RETRY_MS
    section = next(section for section in sections() if section.reason == Reason.OVERLOADED)
    assert f"{RETRY_MS} ms" in " ".join(section.text.split())


@pytest.mark.parametrize("error", [ValueError("secret"), WalletError("secret"), e.Declined("secret")])
def test_a_fault_shows_nothing_of_itself(error: Exception) -> None:
    said = answer(error)
    assert (said.code, said.reason) == (grpc.StatusCode.INTERNAL, Reason.INTERNAL)
    assert "secret" not in said.status.SerializeToString().decode(errors="replace")
    info = ErrorInfo()
    assert said.status.details[0].Unpack(info)
    assert dict(info.metadata) == {"applied": Applied.UNKNOWN}
    assert is_fault(error)


@pytest.mark.parametrize("letter", ["x", "д", "€"])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 1000])
def test_many_bad_fields_and_long_texts_fit_into_the_trailers(count: int, letter: str) -> None:
    error = InvalidRequest(
        violations=[Violation(f"requests[{number}].usage.campaign_id", letter * 2_000) for number in range(count)]
    )
    said = answer(error)
    bad = BadRequest()
    assert said.status.details[1].Unpack(bad)
    assert len(bad.field_violations) == min(count, VIOLATIONS_LISTED_MAX)
    assert f"And {count - 1} more." in said.status.message or count == 1
    details = base64.b64encode(said.status.SerializeToString())
    assert len(quote(said.status.message)) + len(details) < TRAILERS_BYTES_MAX


def test_all_values_of_the_longest_list_are_named() -> None:
    request = webhook_pb2.UpdateWebhookRequest(
        webhook=webhook_pb2.Webhook(name="companies/acme/webhook", event_types=["nothing"])
    )
    with pytest.raises(InvalidRequest) as found:
        webhook_change(request, allow_private=False)
    message = answer(found.value).status.message
    assert all(kind.value in message for kind in EventType), message


def test_a_text_is_cut_between_words() -> None:
    assert cut("as it is", 8) == "as it is"
    assert cut("one of ABC, DEF, GHI", 16) == "one of ABC,…"
    assert cut("ддддд", 7) == "дд…"


def test_the_number_of_violations_that_are_listed_is_documented() -> None:
    section = next(section for section in sections() if section.reason == Reason.INVALID_REQUEST)
    assert f"up to {VIOLATIONS_LISTED_MAX} of them" in " ".join(section.text.split())
