"""`make demo-month` runs on real servers to its end; its checks find each kind of mistake."""

import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from admin.webhooks.signing import new_secret, signature_headers
from demos.half_minute.books import Books
from demos.month.checks import check_documents, check_statement
from demos.month.month_end import Statement, parse_micros
from demos.month.prices import Product, decimal_text, deck
from demos.month.webhook_receiver import is_verified
from tests.acceptance.demos.test_demo import left_running
from veloconnect.admin.v1 import document_pb2, transaction_pb2
from veloconnect.wallet.v1 import wallet_pb2

MONTH_SECONDS_MAX = 115
SUBJECTS = (
    "your balance is running low",
    "240.00 EUR arrived",
    "10.00 EUR are on the way back to your card",
    "your first automatic top-up (100.00 EUR)",
    "your card was declined (100.00 EUR)",
    "top up now, your balance is nearly used up",
    "Freephone could not be paid",
    "a payment of 50.00 EUR was charged back",
    "automatic top-up is paused, a payment is disputed",
    "the chargeback of 50.00 EUR was turned down",
)
RECEIPTS = 8
EVENTS = ("balance.warning", "balance.critical", "subscription.past_due", "top_up.disputed", "auto_top_up.failed")


def test_month_runs_and_all_books_agree(tmp_path: Path) -> None:
    """Top-ups, campaigns, alerts, an outage, rented numbers: the files agree with the output."""
    output = tmp_path / "month"
    stale = output / "mails" / "01-of-an-earlier-month.eml"
    stale.parent.mkdir(parents=True)
    stale.touch()
    foreign = output / "of-another-program.txt"
    foreign.touch()
    month = run_month("--output", str(output))
    printed = month.stdout
    assert month.returncode == 0, f"{printed}\n{month.stderr}"
    assert month.stderr == ""
    assert "Books: OK." in printed
    assert "VerifyLedger: OK. 1 wallet, " in printed
    assert re.search(r"in the wallet \d+\.\d\d s after the charge that crossed the line", printed)

    rows = list(csv.DictReader((output / "statement.csv").read_text().splitlines()))
    (closing,) = re.findall(r"opening 0\.00 \+ \S+ listed = closing (\S+) EUR", printed)
    assert (rows[0]["kind"], rows[0]["balance"]) == ("OPENING_BALANCE", "0.00")
    assert (rows[-1]["kind"], rows[-1]["balance"], rows[-1]["listed_total"]) == ("CLOSING_BALANCE", closing, closing)
    assert sum(parse_micros(row["amount"]) for row in rows[1:-1]) == parse_micros(closing)
    assert sum(row["reason"] == "CARRIER_OUTAGE" for row in rows) == 600
    kinds = {row["kind"] for row in rows[1:-1]}
    assert kinds >= {"CHARGE", "TOP_UP", "REFUND", "ADJUSTMENT", "AUTHORIZATION", "INCREMENT", "CAPTURE", "VOID"}

    mails = sorted((output / "mails").iterdir())
    assert stale not in mails
    subjects = [str(message_from_bytes(mail.read_bytes(), policy=policy.default)["Subject"]) for mail in mails]
    for text in SUBJECTS:
        assert any(text in subject for subject in subjects), (text, subjects)
    for event in EVENTS:
        assert re.search(rf"\b1 {re.escape(event)}\b", printed), event

    documents = output / "documents"
    texts = {file.name: PdfReader(file).pages[0].extract_text() for file in documents.iterdir()}
    (statement,) = (text for name, text in texts.items() if name.startswith("statement-"))
    assert "Corner Bakery" in statement
    assert len([name for name in texts if name.startswith("VC-")]) == RECEIPTS
    assert foreign.exists(), "files of others are not removed"
    assert not left_running(output)


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The exit status is 1 and the message has no traceback."""
    taken = tmp_path / "file"
    taken.touch()
    month = run_month("--output", str(taken))
    assert month.returncode == 1
    assert str(taken) in month.stderr
    assert "Traceback" not in month.stderr


def books() -> Books:
    """Return the books of a company that paid 5 in and spent 3, in micros."""
    kept = Books("demo")
    kept.post("in", 5, "companies/bakery/transactions/1")
    kept.post("out", -3, "companies/bakery/transactions/2")
    return kept


def ledger() -> list[wallet_pb2.Transaction]:
    """Return the matching transactions, newest first."""
    kind = wallet_pb2.Transaction
    return [
        wallet_pb2.Transaction(kind=kind.KIND_CHARGE, amount_micros=-3, idempotency_key="out"),
        wallet_pb2.Transaction(kind=kind.KIND_TOP_UP, amount_micros=5, idempotency_key="in"),
    ]


def lines(*, amount: str = "-0.000003", number: str = "2", closing: str = "0.000002") -> list[Mapping[str, str]]:
    """Return the matching CSV."""
    return [
        {"kind": "OPENING_BALANCE", "balance": "0.00", "amount": "", "number": ""},
        {"kind": "TOP_UP", "balance": "0.000005", "amount": "0.000005", "number": "1"},
        {"kind": "CHARGE", "balance": "0.000002", "amount": amount, "number": number},
        {"kind": "CLOSING_BALANCE", "balance": closing, "amount": "", "number": ""},
    ]


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        ({}, []),
        ({"closing": "0.000003"}, ["closes with"]),
        ({"amount": "-0.000002"}, ["adds up to", "has amounts"]),
        ({"number": "3"}, ["lists"]),
    ],
)
def test_checks_find_a_wrong_statement(wrong: Mapping[str, str], problems: list[str]) -> None:
    """A difference of one micro or one number is found."""
    found = check_statement(books(), Statement(Path("statement.csv"), lines(**wrong)), ledger())
    assert len(found) == len(problems)
    assert all(text in problem for text, problem in zip(problems, found, strict=True))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({}, None),
        ({"closing_balance_micros": 3}, "close with"),
        ({"top_up_micros": 4}, "top-ups"),
        ({"charged_micros": 2}, "charges"),
        ({"refunded_micros": 1}, "refunds"),
        ({"adjusted_micros": 1}, "adjustments"),
    ],
)
def test_checks_find_wrong_documents(wrong: Mapping[str, Any], text: str | None) -> None:
    """A difference of one micro in a monthly statement is found."""
    values = {"closing_balance_micros": 2, "top_up_micros": 5, "charged_micros": 3, **wrong}
    month = document_pb2.Statement(**values)
    receipts = [document_pb2.Receipt(amount_micros=5)]
    usage = transaction_pb2.UsageSummary(spent_micros=3)
    found = check_documents(books(), [month], receipts, usage, ledger())
    assert len(found) == (text is not None)
    assert text is None or text in found[0]


def test_webhook_accepts_only_valid_signatures() -> None:
    """The receiver verifies with the standard's library, as docs/guides/webhooks.md says."""
    secret, now = new_secret(), int(time.time())
    sent = signature_headers([secret], "evt_1", now, b"{}")
    assert is_verified(secret, sent, b"{}")
    assert not is_verified(secret, sent, b"{ }")
    assert not is_verified(new_secret(), sent, b"{}")
    assert not is_verified(secret, signature_headers([secret], "evt_1", now - 3600, b"{}"), b"{}")
    assert not is_verified(secret, {**sent, "webhook-signature": "v1 no base64"}, b"{}")


def test_calls_are_billed_in_increments_and_rounded_once() -> None:
    """30/6 at 0.024 a minute and 0.01 to connect: 205 s are billed as 210."""
    assert [Product.CALL_GERMANY.cost(seconds) for seconds in (1, 30, 31, 205)] == [22_000, 22_000, 24_400, 94_000]
    assert Product.SMS_GERMANY.cost(3) == 225_000
    assert "voice,,DE,0.024,0.01,30,6" in deck()


def test_amounts_as_text_are_exact() -> None:
    """Formatting and parsing are inverse."""
    assert [decimal_text(micros) for micros in (0, 50_000_000, 75_000, -1)] == ["0.00", "50.00", "0.075", "-0.000001"]
    assert all(parse_micros(decimal_text(micros)) == micros for micros in (0, 50_000_000, 75_000, -1, -11_328_000))


def run_month(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo as `make demo-month` does, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "demos.month", *options],
        capture_output=True,
        text=True,
        timeout=MONTH_SECONDS_MAX,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
