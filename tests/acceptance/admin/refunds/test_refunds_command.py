"""`python -m admin refunds` as an operator runs it, against a running service."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack import Stack
from tests.acceptance.bad_requests.makers import charge, create, top_up
from tests.support.clients import Clients
from tests.support.command import Command
from tests.support.polling import wait_until

POLL_SECONDS = 0.2
REASON = ("--reason", "carrier_outage", "--requested-by", "ann")
DAY = ("--from", "2020-01-01", "--to")


@pytest.fixture(scope="module")
def refunds(stack: Stack, clone: Path) -> Command:
    return Command("refunds", stack, clone)


@pytest.fixture(scope="module", autouse=True)
def _charged(stack: Stack) -> Iterator[None]:
    with Clients.of(stack) as clients:
        clients.call(clients.companies.CreateCompany, create("job-cli"))
        clients.call(clients.top_ups.CreateTopUp, top_up(parent="companies/job-cli", amount_micros=10_000_000))
        for number in range(3):
            request = charge(company="companies/job-cli", idempotency_key=f"sms-{number}", amount_micros=1_500_000)
            clients.call(clients.charging.Charge, request)
        yield
        clients.assert_ledger_clean()


def job_output(refunds: Command, job: str) -> "subprocess.CompletedProcess[str]":
    """Return the output for a job that has ended."""

    def ended() -> "subprocess.CompletedProcess[str] | None":
        shown = refunds("show-job", job)
        return None if ": running" in shown.stdout else shown

    found: subprocess.CompletedProcess[str] = wait_until(ended, poll_seconds=POLL_SECONDS)
    return found


def test_charges_are_previewed_then_refunded_once(refunds: Command) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    command = ("create-job", "cli-1", *REASON, "--company", "job-cli", *DAY, now, "--channel", "sms")
    first, *preview = refunds.lines(*command, "--validate-only")
    assert first == "Nothing is refunded. The job would be for"
    assert preview == [
        "  3 charges, of which 4.50 EUR are left to refund",
        "  0 were refunded before",
    ]
    assert refunds.lines(*command)[:2] == ["refundJobs/cli-1: running", preview[0]]
    output = job_output(refunds, "cli-1")
    assert (output.returncode, output.stdout.splitlines()) == (
        0,
        [
            "refundJobs/cli-1: succeeded",
            "  3 charges, of which 4.50 EUR are left to refund",
            "  3 done: 3 refunded, 4.50 EUR",
            "  0 were refunded before",
        ],
    )
    assert refunds.lines("cancel-job", "refundJobs/cli-1") == output.stdout.splitlines(), "it has ended"


def test_named_charges_are_refunded_and_failures_shown(refunds: Command, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("companies/job-cli/transactions/1\n\ncompanies/job-cli/transactions/2\n")
    preview = refunds.lines("create-job", "cli-2", *REASON, "--names", str(names), "--validate-only")
    assert preview[1].startswith("  1 charge, of which ")
    assert preview[2] == "  1 of the 2 names are not of charges, and fail"
    assert refunds.lines("create-job", "cli-2", *REASON, "--names", str(names))[0] == "refundJobs/cli-2: running"
    output = job_output(refunds, "cli-2")
    assert output.returncode == 1
    assert output.stdout.splitlines()[-2:] == [
        "  1 failed:",
        "    companies/job-cli/transactions/1  TRANSACTION_NOT_FOUND",
    ]


def test_errors_are_one_sentence(refunds: Command) -> None:
    for command, expected in (
        (("create-job", "cli-3", *REASON), "start_time: is required, unless transactions are named."),
        (("create-job", "cli-3", *REASON, *DAY, "soon"), "Invalid value for --to"),
        (("show-job", "never"), "There is no refund job never."),
    ):
        done = refunds(*command)
        assert done.returncode != 0
        assert done.stdout == ""
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
