"""`python -m admin transactions` as an operator runs it, against a running service."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import Stack
from tests.acceptance.bad_requests.makers import charge, create, top_up
from tests.support.clients import Clients
from tests.support.command import Command


@pytest.fixture(scope="module")
def transactions(stack: Stack, clone: Path) -> Command:
    return Command("transactions", stack, clone)


@pytest.fixture(scope="module", autouse=True)
def _company(stack: Stack) -> Iterator[None]:
    """A company with 1 EUR, and two charges of 0.000001 EUR."""
    with Clients.of(stack) as clients:
        clients.call(clients.companies.CreateCompany, create("csv-cli"))
        clients.call(
            clients.top_ups.CreateTopUp,
            top_up(parent="companies/csv-cli", key="1", amount_micros=1_000_000),
        )
        for key in ("a", "b"):
            clients.call(clients.charging.Charge, charge(company="companies/csv-cli", idempotency_key=key))
        yield


def test_a_statement_is_written_to_standard_output_or_a_file(transactions: Command, tmp_path: Path) -> None:
    done = transactions("export", "--company", "csv-cli")
    assert (done.returncode, done.stderr) == (0, "")
    lines = list(csv.DictReader(done.stdout.splitlines()))
    assert [line["kind"] for line in lines] == ["OPENING_BALANCE", "TOP_UP", "CHARGE", "CHARGE", "CLOSING_BALANCE"]
    assert [line["balance"] for line in lines] == ["0.00", "1.00", "0.999999", "0.999998", "0.999998"]
    file = tmp_path / "statement.csv"
    written = transactions("export", "--company", "companies/csv-cli", "--output", str(file))
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert file.read_text() == done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["statement.csv"]


def test_filters_are_options(transactions: Command) -> None:
    done = transactions("export", "--company", "csv-cli", "--kind", "charge", "--kind", "refund", "--channel", "sms")
    kinds = [line["kind"] for line in csv.DictReader(done.stdout.splitlines())]
    assert kinds == ["OPENING_BALANCE", "CHARGE", "CHARGE", "NOT_LISTED", "CLOSING_BALANCE"]
    done = transactions("export", "--company", "csv-cli", "--from", "2020-01-01", "--to", "2020-02-01T00:00:00Z")
    kinds = [line["kind"] for line in csv.DictReader(done.stdout.splitlines())]
    assert kinds == ["OPENING_BALANCE", "CLOSING_BALANCE"]


def test_errors_are_one_sentence(transactions: Command, tmp_path: Path) -> None:
    output = tmp_path / "none.csv"
    missing = transactions.failed("export", "--company", "nobody", "--output", str(output))
    assert missing.endswith("(COMPANY_NOT_FOUND)")
    assert not list(tmp_path.iterdir())
    assert "(INVALID_REQUEST)" in transactions.failed("export", "--company", "csv-cli", "--country", "QX")
    assert "day/month or month/day" in transactions.failed("export", "--company", "csv-cli", "--from", "01/02/2027")
