"""`make demo` runs on real servers; the comparison of the books finds each kind of mistake."""

import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from demos.half_minute.books import Books, audit
from demos.half_minute.destinations import E164, WEIGHTS, PhoneBook
from demos.half_minute.metrics import percentile
from demos.half_minute.prices import Item, price
from veloconnect.wallet.v1 import wallet_pb2

SECONDS = 4
DEMO_SECONDS_MAX = 100
COMPANIES = ("shop", "bank", "airline", "call-centre", "courier")
RPCS = (
    "Authorize",
    "BatchCharge",
    "Capture",
    "Charge",
    "GetWallet",
    "IncrementAuthorization",
    "StreamCharges",
    "Void",
)


def test_demo_runs_and_all_books_agree(tmp_path: Path) -> None:
    """P2, P3, P4 under mixed traffic: the gateways' books equal the wallets, and no process is left running."""
    directory = tmp_path / "demo"
    stale = directory / "of-an-earlier-demo"
    stale.mkdir(parents=True)
    demo = run_demo("--seconds", str(SECONDS), "--local", str(directory))
    output = demo.stdout
    assert demo.returncode == 0, f"{output}\n{demo.stderr}"
    assert demo.stderr == ""
    assert re.search(r" of 4 s  charges [\d,]+  declines [\d,]+  retries [\d,]+  open calls \d+  [\d,]+ rps", output)
    assert "Courier has no funds left: INSUFFICIENT_FUNDS" in output
    assert "Courier is topped up" in output
    for company in COMPANIES:
        assert re.search(
            rf"\(companies/{company}-\S+\)\n  balance [\d,]+\.\d{{6}} (EUR|GBP|USD) +held 0\.000000 ", output
        )
    assert len(re.findall(r"^ +no  time +kind +amount ", output, re.MULTILINE)) == len(COMPANIES)
    for rpc in RPCS:
        assert re.search(rf"^  {rpc} +[\d,]+( +[\d.,]+){{5}}$", output, re.MULTILINE), rpc
    assert f"Books: OK. {len(COMPANIES)} balances" in output
    assert f"VerifyLedger: OK. {len(COMPANIES)} wallets" in output
    assert not stale.exists()
    assert not left_running(directory)


@pytest.mark.parametrize("missing", ["target", "token"])
def test_demo_names_what_is_missing(tmp_path: Path, missing: str) -> None:
    """Without a service or a token, the demo prints the cause without a traceback; its exit status is 1."""
    token = tmp_path / "token"
    if missing == "target":
        token.write_text("not used\n")
    unused = "127.0.0.1:1"
    demo = run_demo("--seconds", "1", "--target", unused, "--admin-target", unused, "--token-file", str(token))
    assert demo.returncode == 1
    printed = demo.stdout + demo.stderr
    assert ("UNAVAILABLE" if missing == "target" else "--token-file") in printed
    assert "Traceback" not in printed


COMPANY = "companies/acme"


def gateway_books() -> Books:
    """Return the books of a gateway that charged 3, and held 10 and captured 4 of it."""
    books = Books("gateway")
    books.post("charge", -3, f"{COMPANY}/transactions/1")
    books.open("hold", f"{COMPANY}/authorizations/hold", 10, f"{COMPANY}/transactions/2")
    books.capture("take", f"{COMPANY}/authorizations/hold", 4, f"{COMPANY}/transactions/3", keep_open=False)
    return books


def statement(*, second_key: str = "hold", first_amount: int = -3) -> list[wallet_pb2.Transaction]:
    """Return the statement that matches these books, newest first."""
    rows = [("charge", first_amount, 0), (second_key, 0, 10), ("take", -4, -10)]
    balance, held, found = 0, 0, []
    for number, (key, amount, held_delta) in enumerate(rows, 1):
        balance, held = balance + amount, held + held_delta
        found.append(
            wallet_pb2.Transaction(
                name=f"{COMPANY}/transactions/{number}",
                idempotency_key=key,
                amount_micros=amount,
                held_delta_micros=held_delta,
                balance_after_micros=balance,
                held_after_micros=held,
            )
        )
    return found[::-1]


def test_audit_finds_nothing_where_all_agree() -> None:
    """Books, statement and wallet agree."""
    assert audit(COMPANY, [gateway_books()], statement(), wallet_pb2.Wallet(balance_micros=-7)).problems == []


def test_audit_finds_a_balance_that_is_off_by_one_micro() -> None:
    """P4: balances are exact."""
    found = audit(COMPANY, [gateway_books()], statement(), wallet_pb2.Wallet(balance_micros=-8))
    assert any("balance is -0.000008, expected -0.000007" in problem for problem in found.problems)


def test_audit_finds_money_that_is_still_held() -> None:
    """P4: the wallet holds only what the gateways hold."""
    found = audit(COMPANY, [gateway_books()], statement(), wallet_pb2.Wallet(balance_micros=-7, held_micros=1))
    assert any("held is 0.000001" in problem for problem in found.problems)


def test_audit_finds_a_key_with_two_transactions() -> None:
    """P2: each key has one transaction."""
    found = audit(COMPANY, [gateway_books()], statement(second_key="charge"), wallet_pb2.Wallet(balance_micros=-7))
    assert any("charge has two transactions" in problem for problem in found.problems)


def test_audit_finds_unknown_and_missing_transactions() -> None:
    """P3: nothing acknowledged is lost, and nothing is charged that no gateway requested."""
    found = audit(COMPANY, [gateway_books()], statement(second_key="unknown"), wallet_pb2.Wallet(balance_micros=-7))
    assert any("no gateway has unknown in its books" in problem for problem in found.problems)
    assert any("hold is not in the statement" in problem for problem in found.problems)


def test_audit_finds_a_wrong_amount() -> None:
    """The amount charged is the amount requested."""
    found = audit(COMPANY, [gateway_books()], statement(first_amount=-2), wallet_pb2.Wallet(balance_micros=-6))
    assert any("moves other amounts than charge should" in problem for problem in found.problems)


def test_audit_finds_a_gap_in_the_numbers() -> None:
    """P4: numbers have no gap."""
    rows = statement()
    rows[0].name = f"{COMPANY}/transactions/4"
    found = audit(COMPANY, [gateway_books()], rows, wallet_pb2.Wallet(balance_micros=-7))
    assert any("not numbered 3 … 1" in problem for problem in found.problems)


def test_audit_keeps_the_problems_of_the_books() -> None:
    """P2: each answer for a key names the same transaction; the audit reports a gateway's different answers."""
    books = gateway_books()
    books.add_problem("two answers")
    assert audit(COMPANY, [books], statement(), wallet_pb2.Wallet(balance_micros=-7)).problems == [
        "gateway: two answers"
    ]


def test_phone_book_has_valid_numbers_of_many_countries() -> None:
    """The same seed gives the same numbers; frequent countries have more of them."""
    book, again = PhoneBook(Random(1)), PhoneBook(Random(1))
    drawn = [book.pick(Random(number)) for number in range(1000)]
    assert drawn == [again.pick(Random(number)) for number in range(1000)]
    assert all(E164.fullmatch(destination.number) for destination in drawn)
    countries = [destination.country for destination in drawn]
    assert len(set(countries)) > 60
    assert sum(country in WEIGHTS for country in countries) > 700


def test_prices_are_rounded_up_and_converted() -> None:
    """Calls are priced by the second; a fraction of a micro is rounded up."""
    assert price(Item.SMS_SEGMENT, "DE", "EUR", 2) == 150_000
    assert price(Item.VOICE_MINUTE, "DE", "EUR", 60) == 39_000
    assert price(Item.VOICE_MINUTE, "US", "EUR", 1) == 217
    assert price(Item.WHATSAPP_UTILITY, "DE", "GBP") == 40_850
    assert price(Item.SMS_SEGMENT, "ZZ", "EUR") == 112_000


def test_percentiles() -> None:
    """A percentile is one of the values."""
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (1, 50, 75, 99, 100)] == [1, 2, 3, 4, 4]
    assert percentile([], 50) == 0


def left_running(directory: Path) -> list[str]:
    """Return the command lines of processes that name the directory, on systems with /proc."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        if str(directory) in command:
            found.append(command)
    return found


def run_demo(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo as `make demo` does, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "demos.half_minute", *options],
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
