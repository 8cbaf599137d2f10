"""Every RPC answers the real grpcurl, in JSON as people type it, and the lines that are printed work as they are."""

import csv
import json
import os
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from json import JSONDecoder
from pathlib import Path
from typing import Any

import pytest

from devstack import BinaryMissing, Stack
from devstack.binaries import grpcurl_binary
from devstack.run import banner
from tests.support.fronts import ON_BOTH_FRONTS, Fronts, on_each_front
from tests.support.paths import DOCS, ROOT
from tests.support.polling import wait_until

try:
    GRPCURL = grpcurl_binary()
except BinaryMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)

COMMAND_SECONDS_MAX = 30
POLL_SECONDS = 0.2
EXIT_BASE = 64
"""grpcurl's exit status is this and the gRPC code."""
FAILED_PRECONDITION, ALREADY_EXISTS = 9, 6

CHARGING = "veloconnect.charging.v1"
ADMIN = "veloconnect.admin.v1"
OURS = {
    "charging": {f"{CHARGING}.ChargingService"},
    "admin": {
        f"{ADMIN}.{name}Service"
        for name in (
            "Adjustment",
            "AutoTopUp",
            "Company",
            "Document",
            "Ledger",
            "Rate",
            "Refund",
            "Rule",
            "Subscription",
            "TopUp",
            "Transaction",
            "Webhook",
        )
    },
}
SERVERS = on_each_front({server: server for server in OURS}, both=lambda server: server == "charging")
BESIDE = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}

SMS = {"channel": "CHANNEL_SMS", "destination": "+4915112345678"}
VOICE = {"channel": "CHANNEL_VOICE", "destination": "GB", "quantity": 60}
README = ROOT / "README.md"
BACK_OFFICE = DOCS / "guides" / "back-office.md"


class Caller:
    """Runs grpcurl against one stack."""

    def __init__(self, stack: Stack, fronts: Fronts, front: str) -> None:
        self._addresses = {"charging": fronts.server(front).address, "admin": stack.admin_address}
        self._token = stack.token
        self.front = front

    def run(self, server: str, *words: str, body: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run it with the token, to its end."""
        options = ["-plaintext", "-emit-defaults", "-H", f"authorization: Bearer {self._token}"]
        data = [] if body is None else ["-d", body]
        command = [str(GRPCURL), *options, *data, self._addresses[server], *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False)

    def lines(self, server: str, *words: str) -> list[str]:
        """Return what it prints, line by line."""
        done = self.run(server, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def charging(self, method: str, request: Mapping[str, Any]) -> Any:
        """Call a method of the gateways' server."""
        return self._call("charging", f"{CHARGING}.{method}", request)

    def admin(self, method: str, request: Mapping[str, Any]) -> Any:
        """Call a method of the back office's server."""
        return self._call("admin", f"{ADMIN}.{method}", request)

    def _call(self, server: str, method: str, request: Mapping[str, Any]) -> Any:
        done = self.run(server, method, body=json.dumps(request))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def caller(stack: Stack, fronts: Fronts, front: str) -> Caller:
    return Caller(stack, fronts, front)


def fund(caller: Caller, company: str, amount: int) -> str:
    """Make a company with `amount` micros, another one for each front; return its name."""
    company = f"{company}-{caller.front}"
    caller.admin(
        "CompanyService/CreateCompany",
        {"company_id": company, "company": {"display_name": "A shop", "currency_code": "EUR"}},
    )
    top_up = caller.admin(
        "TopUpService/CreateTopUp",
        {
            "parent": f"companies/{company}",
            "idempotency_key": "wire-1",
            "top_up": {"amount_micros": amount, "currency_code": "EUR", "method": "METHOD_MANUAL"},
        },
    )
    assert int(top_up["balance_after_micros"]) == amount
    return f"companies/{company}"


def amounts(wallet: Mapping[str, str]) -> tuple[int, int, int]:
    """Return balance, held and available."""
    return int(wallet["balance_micros"]), int(wallet["held_micros"]), int(wallet["available_micros"])


@pytest.mark.parametrize(("front", "server"), SERVERS, indirect=["front"])
def test_reflection_lists_and_describes_every_service(caller: Caller, server: str) -> None:
    assert set(caller.lines(server, "list")) == OURS[server] | BESIDE
    for service in OURS[server]:
        described = "\n".join(caller.lines(server, "describe", service))
        assert described.startswith(f"{service} is a service:")
    assert "optional int64 amount_micros = 4" in "\n".join(
        caller.lines("charging", "describe", f"{CHARGING}.ChargeRequest")
    )


@pytest.mark.parametrize(("front", "server"), SERVERS, indirect=["front"])
def test_health_is_serving_for_the_server_and_each_service(caller: Caller, server: str) -> None:
    for service in ("", *OURS[server]):
        done = caller.run(server, "grpc.health.v1.Health/Check", body=json.dumps({"service": service}))
        assert json.loads(done.stdout) == {"status": "SERVING"}, done.stderr


def test_no_rpc_is_left_out_here(caller: Caller) -> None:
    tested = Path(__file__).read_text()
    for server, services in OURS.items():
        for service in services:
            for method in caller.lines(server, "list", service):
                service_and_method = method.removeprefix(f"{CHARGING}.").removeprefix(f"{ADMIN}.").replace(".", "/")
                assert service_and_method in tested, method


@ON_BOTH_FRONTS
def test_a_charge_is_taken_once_and_its_replay_names_the_same_transaction(caller: Caller) -> None:
    name = fund(caller, "charged", 1_000_000)
    request = {"company": name, "idempotency_key": "sms-1", "usage": SMS, "amount_micros": "75000"}
    first = caller.charging("ChargingService/Charge", request)
    transaction = first["transaction"]
    assert transaction["name"] == f"{name}/transactions/2"
    assert transaction["kind"] == "KIND_CHARGE"
    assert (transaction["amount_micros"], transaction["balance_after_micros"]) == ("-75000", "925000")
    assert (transaction["currency_code"], transaction["idempotency_key"]) == ("EUR", "sms-1")
    assert transaction["usage"]["destination"] == "DE", "the number is not kept"
    assert (transaction["usage"]["channel"], transaction["usage"]["quantity"]) == ("CHANNEL_SMS", "1")
    assert amounts(first["wallet"]) == (925_000, 0, 925_000)
    assert caller.charging("ChargingService/Charge", request) == first
    assert caller.admin("TransactionService/GetTransaction", {"name": transaction["name"]}) == transaction
    wallet = caller.charging("ChargingService/GetWallet", {"name": f"{name}/wallet"})
    assert (wallet["name"], wallet["state"], amounts(wallet)) == (
        f"{name}/wallet",
        "STATE_ACTIVE",
        (925_000, 0, 925_000),
    )
    same = caller.admin("CompanyService/GetWallet", {"name": f"{name}/wallet"})
    assert same.pop("alert_state") == "ALERT_STATE_OK", "only the back office shows it"
    same.pop("estimated_empty_time", None)
    wallet.pop("alert_state")
    assert {"estimated_empty_time": None, **same} == {"estimated_empty_time": None, **wallet}


@ON_BOTH_FRONTS
def test_a_decline_shows_its_reason_and_what_there_is(caller: Caller) -> None:
    name = fund(caller, "poor", 70_000)
    request = {"company": name, "idempotency_key": "sms-1", "usage": SMS, "amount_micros": 75_000}
    done = caller.run("charging", f"{CHARGING}.ChargingService/Charge", body=json.dumps(request))
    assert done.returncode == EXIT_BASE + FAILED_PRECONDITION
    assert '"reason":"INSUFFICIENT_FUNDS"' in done.stderr
    assert '"metadata":{"available":"70000","currency":"EUR","floor":"0","required":"75000"}' in done.stderr


@ON_BOTH_FRONTS
def test_a_batch_and_a_stream_answer_each_charge_in_its_place(caller: Caller) -> None:
    name = fund(caller, "batched", 100_000)

    def charge(key: str, amount: int) -> dict[str, Any]:
        return {"company": name, "idempotency_key": key, "usage": SMS, "amount_micros": amount}

    requests = [charge("b-1", 40_000), charge("b-2", 70_000), charge("b-3", 0), charge("b-4", 60_000)]
    answer = caller.charging("ChargingService/BatchCharge", {"requests": requests})
    results = answer["results"]
    assert [results[place]["charge"]["transaction"]["name"] for place in (0, 3)] == [
        f"{name}/transactions/2",
        f"{name}/transactions/3",
    ]
    assert [results[place]["status"]["details"][0]["reason"] for place in (1, 2)] == [
        "INSUFFICIENT_FUNDS",
        "INVALID_REQUEST",
    ]
    assert amounts(results[3]["charge"]["wallet"]) == (0, 0, 0)

    batches = [{"batch_id": "again", "requests": requests[:1]}, {"batch_id": "dry", "requests": [charge("b-5", 1)]}]
    method = f"{CHARGING}.ChargingService/StreamCharges"
    streamed = caller.run("charging", method, body="\n".join(map(json.dumps, batches)))
    assert streamed.returncode == 0, streamed.stderr
    by_batch = {answer["batch_id"]: answer["results"] for answer in documents(streamed.stdout)}
    assert by_batch.keys() == {"again", "dry"}
    assert by_batch["again"][0]["charge"]["transaction"] == results[0]["charge"]["transaction"]
    assert by_batch["dry"][0]["status"]["details"][0]["reason"] == "INSUFFICIENT_FUNDS"


@ON_BOTH_FRONTS
def test_a_call_is_authorized_incremented_captured_twice_and_closed(caller: Caller) -> None:
    name = fund(caller, "calling", 1_000_000)
    hold = f"{name}/authorizations/call-7"
    request = {
        "company": name,
        "idempotency_key": "call-7",
        "usage": VOICE,
        "amount_micros": 300_000,
        "ttl": "90.5s",
    }
    opened = caller.charging("ChargingService/Authorize", request)
    assert (opened["name"], opened["state"], opened["transaction"]) == (hold, "STATE_OPEN", f"{name}/transactions/2")
    assert (opened["amount_micros"], opened["captured_micros"], opened["held_micros"]) == ("300000", "0", "300000")
    assert opened["usage"] == {**VOICE, "quantity": "60", "variant": "", "campaign_id": "", "contact_id": ""}
    assert caller.charging("ChargingService/Authorize", request) == opened

    increment = {"authorization": hold, "idempotency_key": "call-7-2", "amount_micros": 500_000}
    more = caller.charging("ChargingService/IncrementAuthorization", increment)
    assert (more["amount_micros"], more["held_micros"]) == ("500000", "500000")
    assert more["expire_time"] >= opened["expire_time"]
    assert caller.charging("ChargingService/IncrementAuthorization", increment) == more

    part = {"authorization": hold, "idempotency_key": "call-7-3", "amount_micros": 200_000, "keep_open": True}
    first = caller.charging("ChargingService/Capture", part)
    assert first["transaction"]["name"] == f"{name}/transactions/4"
    assert (first["transaction"]["kind"], first["transaction"]["amount_micros"]) == ("KIND_CAPTURE", "-200000")
    assert (first["authorization"]["state"], first["authorization"]["held_micros"]) == ("STATE_OPEN", "300000")
    assert amounts(first["wallet"]) == (800_000, 300_000, 500_000)

    rest = {"authorization": hold, "idempotency_key": "call-7-4", "amount_micros": 50_000}
    last = caller.charging("ChargingService/Capture", rest)
    assert last["transaction"]["name"] == f"{name}/transactions/5"
    assert (last["transaction"]["amount_micros"], last["transaction"]["held_delta_micros"]) == ("-50000", "-300000")
    closed = last["authorization"]
    assert (closed["state"], closed["captured_micros"], closed["held_micros"]) == ("STATE_CAPTURED", "250000", "0")
    assert amounts(last["wallet"]) == (750_000, 0, 750_000)
    assert caller.charging("ChargingService/Capture", part)["transaction"] == first["transaction"]
    assert caller.charging("ChargingService/Capture", rest) == last
    assert caller.charging("ChargingService/GetAuthorization", {"name": hold}) == closed


@ON_BOTH_FRONTS
def test_a_void_gives_all_back_and_its_replay_is_the_same(caller: Caller) -> None:
    name = fund(caller, "voiding", 500_000)
    hold = caller.charging(
        "ChargingService/Authorize",
        {"company": name, "idempotency_key": "whatsapp/9", "usage": SMS, "amount_micros": 500_000},
    )["name"]
    assert hold == f"{name}/authorizations/whatsapp/9"
    request = {"authorization": hold, "idempotency_key": "whatsapp/9/void"}
    voided = caller.charging("ChargingService/Void", request)
    assert (voided["state"], voided["held_micros"], voided["captured_micros"]) == ("STATE_VOIDED", "0", "0")
    assert caller.charging("ChargingService/Void", request) == voided
    wallet = caller.charging("ChargingService/GetWallet", {"name": f"{name}/wallet"})
    assert amounts(wallet) == (500_000, 0, 500_000)


def test_a_company_is_made_changed_suspended_resumed_and_closed(caller: Caller) -> None:
    made = caller.admin(
        "CompanyService/CreateCompany",
        {
            "company_id": "life",
            "company": {
                "display_name": "Life",
                "currency_code": "GBP",
                "billing_email": "billing@life.example",
                "floor_micros": "-250000",
            },
        },
    )
    name = {"name": "companies/life"}
    assert made["name"] == "companies/life"
    assert (made["currency_code"], made["floor_micros"], made["state"]) == ("GBP", "-250000", "STATE_ACTIVE")
    assert caller.admin("CompanyService/GetCompany", name) == made
    wallet = caller.admin("CompanyService/GetWallet", {"name": "companies/life/wallet"})
    assert amounts(wallet) == (0, 0, 250_000), "a negative floor is a credit line"

    changed = caller.admin(
        "CompanyService/UpdateCompany",
        {
            "company": {**name, "display_name": "Left as it is", "floor_micros": 0},
            "update_mask": {"paths": ["floor_micros", "billing_email"]},
        },
    )
    assert (changed["display_name"], changed["billing_email"], changed["floor_micros"]) == ("Life", "", "0")
    assert caller.admin("CompanyService/SuspendCompany", name)["state"] == "STATE_SUSPENDED"
    charge = {"company": "companies/life", "idempotency_key": "sms-1", "usage": SMS, "amount_micros": 1}
    refused = caller.run("charging", f"{CHARGING}.ChargingService/Charge", body=json.dumps(charge))
    assert '"reason":"COMPANY_SUSPENDED"' in refused.stderr
    assert caller.admin("CompanyService/ResumeCompany", name)["state"] == "STATE_ACTIVE"
    assert caller.admin("CompanyService/CloseCompany", name)["state"] == "STATE_CLOSED"
    assert caller.admin("CompanyService/CloseCompany", name)["state"] == "STATE_CLOSED"
    refused = caller.run("charging", f"{CHARGING}.ChargingService/Charge", body=json.dumps(charge))
    assert '"reason":"COMPANY_CLOSED"' in refused.stderr


def test_a_bank_transfer_is_announced_and_confirmed_with_what_came(caller: Caller) -> None:
    name = fund(caller, "transferring", 1_000_000)
    asked = {"amount_micros": "500000000", "currency_code": "EUR", "method": "METHOD_BANK_TRANSFER"}
    create = {"parent": name, "idempotency_key": "wire-7", "top_up": asked}
    begun = caller.admin("TopUpService/CreateTopUp", create)
    assert (begun["state"], begun["amount_text"]) == ("STATE_PENDING", "500.00 EUR")
    assert begun["payment_reference"].startswith("VC-")
    assert caller.admin("TopUpService/CreateTopUp", {**create, "top_up": begun}) == begun, "sent back as it came"
    confirm = {"name": begun["name"], "amount_micros": "499000000", "currency_code": "EUR", "reference": "bank 9"}
    confirm["amount_text"] = "499.00 EUR"
    confirmed = caller.admin("TopUpService/ConfirmTopUp", confirm)
    assert (confirmed["state"], confirmed["cleared_amount_micros"]) == ("STATE_SUCCEEDED", "499000000")
    assert (confirmed["amount_text"], confirmed["cleared_amount_text"]) == ("500.00 EUR", "499.00 EUR")
    assert caller.admin("TopUpService/ConfirmTopUp", confirm) == confirmed
    assert caller.admin("TopUpService/GetTopUp", {"name": begun["name"]}) == confirmed
    for key, method, state in (
        ("w-2", "TopUpService/FailTopUp", "STATE_FAILED"),
        ("w-3", "TopUpService/CancelTopUp", "STATE_CANCELED"),
    ):
        other = caller.admin("TopUpService/CreateTopUp", {**create, "idempotency_key": key})
        assert caller.admin(method, {"name": other["name"]})["state"] == state
    listed = caller.admin("TopUpService/ListTopUps", {"parent": name})["top_ups"]
    assert [top_up["name"].rpartition("/")[2] for top_up in listed] == ["w-3", "w-2", "wire-7", "wire-1"]
    pending = caller.admin("TopUpService/ListTopUps", {"parent": name, "state": "STATE_PENDING"})
    assert pending["top_ups"] == []
    assert caller.admin("TopUpService/SuggestTopUpAmounts", {"parent": name})["suggestions"] == []


def test_without_a_payment_provider_there_are_no_cards_and_it_is_said(caller: Caller) -> None:
    name = fund(caller, "cardless", 1_000_000)
    for method, request in {
        "TopUpService/ListPaymentMethods": {"parent": name},
        "TopUpService/DeletePaymentMethod": {"name": f"{name}/paymentMethods/pm_1"},
    }.items():
        done = caller.run("admin", f"{ADMIN}.{method}", body=json.dumps(request))
        assert done.returncode == EXIT_BASE + FAILED_PRECONDITION
        assert "STRIPE_API_KEY" in done.stderr
    asked = {"name": f"{name}/topUps/wire-1", "idempotency_key": "r-1", "reason": "left", "requested_by": "desk 7"}
    back = caller.run("admin", f"{ADMIN}.TopUpService/RefundTopUp", body=json.dumps(asked))
    assert "Only what came by card goes back to it" in back.stderr
    assert caller.admin("TopUpService/ListTopUpRefunds", {"parent": name})["top_up_refunds"] == []
    assert caller.admin("TopUpService/ListChargebacks", {"parent": name})["chargebacks"] == []
    refund = {"name": f"{name}/topUpRefunds/r-1"}
    assert caller.run("admin", f"{ADMIN}.TopUpService/GetTopUpRefund", body=json.dumps(refund)).returncode


def test_a_person_corrects_a_balance_and_sees_the_amount_in_words_first(caller: Caller) -> None:
    name = fund(caller, "corrected", 1_000_000)
    adjustment = {
        "amount_micros": "-500000000",
        "currency_code": "EUR",
        "reason": "credited twice",
        "requested_by": "desk 7",
        "allow_below_floor": True,
    }
    create = {"parent": name, "idempotency_key": "a-1", "adjustment": adjustment}
    preview = caller.admin("AdjustmentService/CreateAdjustment", {**create, "validate_only": True})
    assert (preview["amount_text"], preview["name"]) == ("-500.00 EUR", "")
    assert preview["balance_after_micros"] == "-499000000"
    made = caller.admin("AdjustmentService/CreateAdjustment", create)
    assert made["balance_after_micros"] == preview["balance_after_micros"]
    assert caller.admin("AdjustmentService/CreateAdjustment", create) == made
    assert caller.admin("AdjustmentService/GetAdjustment", {"name": made["name"]}) == made
    row = caller.admin("TransactionService/GetTransaction", {"name": made["transaction"]})
    assert (row["kind"], row["amount_micros"]) == ("KIND_ADJUSTMENT", "-500000000")


def test_an_automatic_top_up_is_made_changed_paused_resumed_and_deleted(caller: Caller) -> None:
    company = fund(caller, "automatic", 1_000_000_000)
    name = f"{company}/autoTopUp"
    asked = {
        "name": name,
        "threshold_micros": "20000000",
        "amount_micros": "50000000",
        "payment_method": f"{company}/paymentMethods/pm_1",
        "max_day_micros": "200000000",
    }
    made = caller.admin("AutoTopUpService/UpdateAutoTopUp", {"auto_top_up": asked})
    assert {field: made[field] for field in asked} == asked
    assert (made["state"], made["max_day_count"], made["currency_code"]) == ("STATE_ACTIVE", 10, "EUR")
    assert (made["threshold_text"], made["amount_text"]) == ("20.00 EUR", "50.00 EUR")
    assert caller.admin("AutoTopUpService/GetAutoTopUp", {"name": name}) == made
    changed = caller.admin(
        "AutoTopUpService/UpdateAutoTopUp",
        {"auto_top_up": {**made, "max_day_micros": "0"}, "update_mask": {"paths": ["max_day_micros", "max_day_count"]}},
    )
    assert (changed["max_day_micros"], changed["max_day_count"]) == ("0", 10)
    for _ in range(2):
        paused = caller.admin("AutoTopUpService/PauseAutoTopUp", {"name": name})
        assert (paused["state"], paused["pause_reason"]) == ("STATE_PAUSED", "PAUSE_REASON_REQUESTED")
    for _ in range(2):
        resumed = caller.admin("AutoTopUpService/ResumeAutoTopUp", {"name": name})
        assert (resumed["state"], resumed["pause_reason"]) == ("STATE_ACTIVE", "PAUSE_REASON_UNSPECIFIED")
        assert resumed["payment_method"] == asked["payment_method"]
    caller.admin("AutoTopUpService/DeleteAutoTopUp", {"name": name})
    assert caller.run("admin", f"{ADMIN}.AutoTopUpService/GetAutoTopUp", body=json.dumps({"name": name})).returncode


def test_a_spend_limit_and_a_block_brake_a_company_and_are_taken_away_again(caller: Caller) -> None:
    name = fund(caller, "limited", 1_000_000)
    limit = {"window": "WINDOW_DAY", "channel": "CHANNEL_SMS", "country_code": "DE", "amount_micros": "100"}
    made = caller.admin(
        "RuleService/CreateSpendLimit", {"parent": name, "spend_limit_id": "daily", "spend_limit": limit}
    )
    assert made["name"] == f"{name}/spendLimits/daily"
    assert (made["amount_micros"], made["spent_micros"]) == ("100", "0")
    charge = {"company": name, "idempotency_key": "sms-1", "usage": SMS, "amount_micros": "60"}
    caller.charging("ChargingService/Charge", charge)
    declined = caller.run(
        "charging", f"{CHARGING}.ChargingService/Charge", body=json.dumps({**charge, "idempotency_key": "sms-2"})
    )
    assert declined.returncode == EXIT_BASE + FAILED_PRECONDITION
    assert "SPEND_LIMIT_REACHED" in declined.stderr
    assert made["reset_time"] in declined.stderr
    raised = caller.admin("RuleService/UpdateSpendLimit", {"spend_limit": {"name": made["name"], "amount_micros": 120}})
    assert (raised["amount_micros"], raised["spent_micros"]) == ("120", "60")
    caller.charging("ChargingService/Charge", {**charge, "idempotency_key": "sms-2"})
    assert caller.admin("RuleService/GetSpendLimit", {"name": made["name"]})["spent_micros"] == "120"
    listed = caller.admin("RuleService/ListSpendLimits", {"parent": name})
    assert [limit["name"] for limit in listed["spend_limits"]] == [made["name"]]
    assert caller.admin("RuleService/DeleteSpendLimit", {"name": made["name"]}) == {}
    caller.charging("ChargingService/Charge", {**charge, "idempotency_key": "sms-3"})

    blocked = {"name": name, "blocked_channels": ["CHANNEL_SMS"], "blocked_country_codes": ["KP"]}
    changed = caller.admin("CompanyService/UpdateCompany", {"company": blocked})
    assert (changed["blocked_channels"], changed["blocked_country_codes"]) == (["CHANNEL_SMS"], ["KP"])
    refused = caller.run(
        "charging", f"{CHARGING}.ChargingService/Charge", body=json.dumps({**charge, "idempotency_key": "sms-4"})
    )
    assert "DESTINATION_BLOCKED" in refused.stderr
    caller.admin(
        "CompanyService/UpdateCompany",
        {"company": {"name": name}, "update_mask": {"paths": ["blocked_channels", "blocked_country_codes"]}},
    )
    caller.charging("ChargingService/Charge", {**charge, "idempotency_key": "sms-4"})


def test_a_company_is_warned_by_its_own_thresholds_and_its_wallet_says_so(caller: Caller) -> None:
    name = fund(caller, "warned", 1_000_000)
    policy = f"{name}/alertPolicy"
    given = caller.admin("RuleService/GetAlertPolicy", {"name": policy})
    assert (given["warning"], given["critical"]) == ({"time_left": "604800s"}, {"time_left": "86400s"})
    wallet = caller.admin("CompanyService/GetWallet", {"name": f"{name}/wallet"})
    assert (wallet["alert_state"], wallet.get("estimated_empty_time")) == ("ALERT_STATE_OK", None)
    changed = caller.admin(
        "RuleService/UpdateAlertPolicy", {"alert_policy": {"name": policy, "warning": {"amount_micros": "900000"}}}
    )
    assert (changed["warning"], changed["critical"]) == ({"amount_micros": "900000"}, {"time_left": "86400s"})
    for key, expected in (("sms-1", "ALERT_STATE_WARNING"), ("sms-2", "ALERT_STATE_CRITICAL")):
        charge = {"company": name, "idempotency_key": key, "usage": SMS, "amount_micros": "300000"}
        caller.charging("ChargingService/Charge", charge)
        wallet = wait_until(
            partial(warned, caller, name, expected), poll_seconds=POLL_SECONDS
        )  # Usage is counted within seconds.
    assert wallet["state"] == "STATE_ACTIVE"
    reset = caller.admin(
        "RuleService/UpdateAlertPolicy", {"alert_policy": {"name": policy}, "update_mask": {"paths": ["warning"]}}
    )
    assert reset == given


def warned(caller: Caller, name: str, state: str) -> Any:
    """Return the company's wallet if it is in a state of alert and says when it will be empty."""
    wallet = caller.admin("CompanyService/GetWallet", {"name": f"{name}/wallet"})
    return wallet if wallet["alert_state"] == state and wallet.get("estimated_empty_time") else None


def test_companies_are_listed_by_id_page_by_page(caller: Caller) -> None:
    made = [f"listed-{number}" for number in range(3)]
    for company in made:
        caller.admin("CompanyService/CreateCompany", {"company_id": company, "company": {"currency_code": "USD"}})
    ids = [
        company["name"].removeprefix("companies/")
        for page in pages(caller, "CompanyService/ListCompanies", {"page_size": 2})
        for company in page["companies"]
    ]
    assert ids == sorted(ids)
    assert set(made) <= set(ids)


def test_transactions_are_listed_newest_first_page_by_page(caller: Caller) -> None:
    name = fund(caller, "statement", 100)
    for number in range(4):
        charge = {"company": name, "idempotency_key": f"sms-{number}", "usage": SMS, "amount_micros": 10}
        caller.charging("ChargingService/Charge", charge)
    found = list(pages(caller, "TransactionService/ListTransactions", {"parent": name, "page_size": 2}))
    assert [[int(row["name"].rpartition("/")[2]) for row in page["transactions"]] for page in found] == [
        [5, 4],
        [3, 2],
        [1],
    ]
    balances = [int(row["balance_after_micros"]) for page in found for row in page["transactions"]]
    assert balances == [60, 70, 80, 90, 100]
    whole = caller.admin("TransactionService/ListTransactions", {"parent": name})
    assert whole["transactions"] == [row for page in found for row in page["transactions"]]
    assert whole["next_page_token"] == ""


def test_a_statement_is_filtered_exported_and_summed_up(caller: Caller) -> None:
    name = fund(caller, "accounted", 1_000_000)
    for number, (country, campaign) in enumerate([("DE", "spring"), ("FR", "=1+1"), ("DE", "spring")]):
        usage = {"channel": "CHANNEL_SMS", "destination": country, "quantity": 2, "campaign_id": campaign}
        charge = {"company": name, "idempotency_key": f"sms-{number}", "usage": usage, "amount_micros": 150_000}
        caller.charging("ChargingService/Charge", charge)
    german = {"parent": name, "filter": {"country_code": "DE", "start_time": "2020-01-01T00:00:00Z"}}
    listed = list(pages(caller, "TransactionService/ListTransactions", {**german, "page_size": 1}))
    rows = [row["name"].rpartition("/")[2] for page in listed for row in page["transactions"]]
    assert rows == ["4", "2"]

    method = f"{ADMIN}.TransactionService/ExportTransactions"
    done = caller.run("admin", method, body=json.dumps({"parent": name}))
    assert done.returncode == 0, done.stderr
    text = "".join(piece["csv"] for piece in documents(done.stdout))
    opening, top_up, *charges, closing = csv.DictReader(text.splitlines())
    assert (opening["kind"], opening["balance"]) == ("OPENING_BALANCE", "0.00")
    assert (top_up["kind"], top_up["amount"], top_up["reference"]) == ("TOP_UP", "1.00", "")
    assert [row["campaign"] for row in charges] == ["spring", "'=1+1", "spring"]
    assert {(row["channel"], row["used"], row["unit"], row["amount"]) for row in charges} == {
        ("SMS", "2", "segments", "-0.15")
    }
    assert (closing["kind"], closing["balance"]) == ("CLOSING_BALANCE", "0.55")

    summary = caller.admin("TransactionService/GetUsageSummary", {"parent": name})
    assert summary["start_date"] == summary["end_date"] == summary["days"][0]["date"]
    assert (summary["transaction_count"], summary["spent_micros"], summary["complete"]) == ("3", "450000", True)
    assert summary["last_transaction"] == f"{name}/transactions/4"
    assert [(row["country_code"], row["used_quantity"], row["spent_micros"]) for row in summary["destinations"]] == [
        ("DE", "4", "300000"),
        ("FR", "2", "150000"),
    ]


def test_a_top_up_is_credited_once_and_its_replay_is_the_same(caller: Caller) -> None:
    name = fund(caller, "rich", 1)
    request = {
        "parent": name,
        "idempotency_key": "wire-2",
        "top_up": {
            "amount_micros": 50_000_000,
            "currency_code": "EUR",
            "method": "METHOD_MANUAL",
            "reference": "Überweisung 2",
        },
    }
    first = caller.admin("TopUpService/CreateTopUp", request)
    assert (first["name"], first["transaction"]) == (f"{name}/topUps/wire-2", f"{name}/transactions/2")
    assert (first["state"], first["reference"]) == ("STATE_SUCCEEDED", "Überweisung 2")
    assert (first["amount_micros"], first["balance_after_micros"]) == ("50000000", "50000001")
    assert caller.admin("TopUpService/CreateTopUp", request) == first


def test_a_deck_is_imported_listed_changed_exported_and_priced_by(caller: Caller) -> None:
    made = caller.admin(
        "RateService/CreateRateCard",
        {"rate_card_id": "typed", "rate_card": {"display_name": "Typed", "currency_code": "EUR"}},
    )
    assert (made["name"], made["version"], made["rate_count"]) == ("rateCards/typed", "1", "0")
    name = {"name": made["name"]}
    assert caller.admin("RateService/GetRateCard", name) == made
    changed = caller.admin("RateService/UpdateRateCard", {"rate_card": {**name, "display_name": "By hand"}})
    assert (changed["display_name"], changed["version"]) == ("By hand", "2")
    cards = [
        card for page in pages(caller, "RateService/ListRateCards", {"page_size": 2}) for card in page["rate_cards"]
    ]
    assert changed in cards
    assert [card["name"] for card in cards] == sorted(card["name"] for card in cards)

    deck = b"prefix,destination,rate,increments\n4915,Germany mobile,0.024,30/6\n49,Germany,0.02,60/60\n"
    settings = {"parent": made["name"], "channel": "CHANNEL_VOICE", "currency_code": "EUR"}
    parts = [{"settings": settings}, *({"chunk": b64encode(piece).decode()} for piece in (deck[:40], deck[40:]))]
    done = caller.run("admin", f"{ADMIN}.RateService/ImportRates", body="\n".join(map(json.dumps, parts)))
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert (imported["imported"], imported["rows"], imported["changes"]["added"]) == (True, "2", "2")
    assert imported["rate_card"]["version"] == "3"

    request = {"parent": made["name"], "destination": "+4915"}
    (mobile,) = caller.admin("RateService/ListRates", request)["rates"]
    assert (mobile["name"], mobile["unit_price_micros"]) == ("rateCards/typed/rates/voice.+4915", "24000")
    batch = {"parent": made["name"], "rates": [{"channel": "CHANNEL_SMS", "unit_price_micros": 75_000}]}
    assert caller.admin("RateService/BatchUpdateRates", batch)["changes"]["added"] == "1"

    exported = caller.run("admin", f"{ADMIN}.RateService/ExportRates", body=json.dumps(name))
    assert exported.returncode == 0, exported.stderr
    lines = "".join(piece["csv"] for piece in documents(exported.stdout)).splitlines()
    assert lines[0].startswith("channel,prefix,")
    assert len(lines) == 4

    call = {"channel": "CHANNEL_VOICE", "destination": "+4915112345678", "quantity": 205}
    quoted = caller.admin("RateService/QuotePrice", {"rate_card": made["name"], "usage": call})
    assert (quoted["amount_micros"], quoted["currency_code"]) == ("84000", "EUR")
    assert (quoted["price"]["basis"], quoted["price"]["billed_quantity"]) == ("BASIS_RATE", "210")


def test_a_charge_is_refunded_in_part_and_then_what_is_left(caller: Caller) -> None:
    name = fund(caller, "refunded", 1_000)
    charge = {"company": name, "idempotency_key": "sms-1", "usage": SMS, "amount_micros": 100}
    charged = caller.charging("ChargingService/Charge", charge)["transaction"]["name"]
    asked = {"transaction": charged, "delivered_count": 2, "total_count": 3, "reason": "REFUND_REASON_PARTIAL_DELIVERY"}
    request = {"parent": name, "idempotency_key": "refund-1", "refund": {**asked, "requested_by": "ann"}}
    would = caller.admin("RefundService/CreateRefund", {**request, "validate_only": True})
    assert (would["amount_micros"], would["name"], would["refund_transaction"]) == ("33", "", None)
    first = caller.admin("RefundService/CreateRefund", request)
    assert (first["name"], first["amount_micros"], first["currency_code"]) == (f"{name}/refunds/3", "33", "EUR")
    row = first["refund_transaction"]
    assert (row["kind"], row["refunded_transaction"], row["balance_after_micros"]) == ("KIND_REFUND", charged, "933")
    assert (row["reason"], row["requested_by"]) == ("PARTIAL_DELIVERY", "ann")
    assert caller.admin("RefundService/CreateRefund", request) == first
    assert caller.admin("RefundService/GetRefund", {"name": first["name"]}) == first
    rest = {"transaction": charged, "reason": "REFUND_REASON_GOODWILL", "requested_by": "ann", "reference": "ticket 7"}
    whole = {"parent": name, "idempotency_key": "refund-2", "refund": rest}
    assert caller.admin("RefundService/CreateRefund", whole)["amount_micros"] == "67"
    again = caller.run(
        "admin", f"{ADMIN}.RefundService/CreateRefund", body=json.dumps({**whole, "idempotency_key": "refund-3"})
    )
    assert "REFUND_EXCEEDS_CHARGE" in again.stderr


def test_an_outage_is_refunded_by_a_job_that_is_looked_at_first(caller: Caller) -> None:
    name = fund(caller, "outage", 1_000)
    for number in range(3):
        charge = {"company": name, "idempotency_key": f"sms-{number}", "usage": SMS, "amount_micros": 100}
        caller.charging("ChargingService/Charge", charge)
    where = {"company": name, "start_time": "2020-01-01T00:00:00Z", "end_time": now(), "channel": "CHANNEL_SMS"}
    job = {"filter": where, "reason": "REFUND_REASON_CARRIER_OUTAGE", "requested_by": "ann"}
    settings = {"refund_job_id": "outage-1", "refund_job": job}
    would = caller.admin("RefundService/CreateRefundJob", {"settings": {**settings, "validate_only": True}})
    assert (would["name"], would["expected_count"]) == ("", "3")
    assert would["expected_amounts"] == [{"currency_code": "EUR", "amount_micros": "300"}]
    made = caller.admin("RefundService/CreateRefundJob", {"settings": settings})
    assert (made["name"], made["expected_count"]) == ("refundJobs/outage-1", "3")
    done = through(caller, made["name"])
    assert (done["state"], done["matched_count"], done["refunded_count"]) == ("STATE_SUCCEEDED", "3", "3")
    assert done["refunded_amounts"] == would["expected_amounts"]
    again = caller.admin("RefundService/CreateRefundJob", {"settings": settings})
    assert (again["state"], again["refunded_count"]) == ("STATE_SUCCEEDED", "3")
    assert caller.admin("RefundService/CancelRefundJob", {"name": made["name"]}) == done, "it has ended"

    listed = {"reason": "REFUND_REASON_CARRIER_OUTAGE", "requested_by": "ann"}
    names = [f"{name}/transactions/{number}" for number in (1, 2, 99)]
    parts = [
        {"settings": {"refund_job_id": "outage-2", "refund_job": listed}},
        *({"names": {"transactions": [each]}} for each in names),
    ]
    sent = caller.run("admin", f"{ADMIN}.RefundService/CreateRefundJob", body="\n".join(map(json.dumps, parts)))
    assert sent.returncode == 0, sent.stderr
    named = through(caller, json.loads(sent.stdout)["name"])
    counted = ("listed_count", "already_refunded_count", "failed_count")
    assert [named[count] for count in counted] == ["3", "1", "2"]
    assert named["failures"][0] == {"transaction": names[0], "reason": "TRANSACTION_NOT_FOUND"}
    jobs = [
        job for page in pages(caller, "RefundService/ListRefundJobs", {"page_size": 1}) for job in page["refund_jobs"]
    ]
    ours = [job["name"] for job in jobs if job["name"].startswith("refundJobs/outage-")]
    assert ours == ["refundJobs/outage-2", "refundJobs/outage-1"]


@ON_BOTH_FRONTS
def test_delivery_reports_are_refunded_by_policy_or_decided_case_by_case(caller: Caller) -> None:
    rules = [{"carrier_code": "500*", "action": "ACTION_REFUND", "description": "The carrier is out of order."}]
    policy = caller.admin("RefundService/UpdateRefundPolicy", {"refund_policy": {"rules": rules}})
    assert caller.admin("RefundService/GetRefundPolicy", {"name": "refundPolicy"}) == policy
    assert (policy["rules"][0]["carrier_code"], policy["name"]) == ("500*", "refundPolicy")

    name = fund(caller, "undelivered", 1_000)
    charged = [
        caller.charging(
            "ChargingService/Charge",
            {"company": name, "idempotency_key": f"sms-{number}", "usage": SMS, "amount_micros": 100},
        )["transaction"]["name"]
        for number in range(3)
    ]
    failed = {"transaction": charged[0], "status": "DELIVERY_STATUS_FAILED", "carrier_code": "5003"}
    ours = caller.charging("ChargingService/ReportDelivery", failed)
    assert (ours["outcome"], ours["refund_transaction"]["amount_micros"]) == ("OUTCOME_REFUNDED", "100")
    assert ours["refund_transaction"]["requested_by"] == "~refund-policy"
    assert caller.charging("ChargingService/ReportDelivery", failed) == ours
    delivered = {"transaction": charged[1], "status": "DELIVERY_STATUS_DELIVERED"}
    nothing = caller.charging("ChargingService/ReportDelivery", delivered)
    assert (nothing["outcome"], nothing["refund_case"]) == ("OUTCOME_NOTHING_TO_REFUND", "")

    partly = {
        "transaction": charged[1],
        "status": "DELIVERY_STATUS_PARTIALLY_DELIVERED",
        "carrier_code": "21",
        "delivered_count": 1,
        "total_count": 4,
    }
    case = caller.charging("ChargingService/ReportDelivery", partly)["refund_case"]
    assert case == f"{name}/refundCases/~delivery-3"
    mail = {
        "transaction": charged[2],
        "description": "Nothing came.\nPlease help.",
        "requested_by": "carl@shop.example",
    }
    request = {"parent": name, "refund_case_id": "mail-17", "refund_case": mail}
    opened = caller.admin("RefundService/CreateRefundCase", request)
    assert (opened["state"], opened["origin"]) == ("STATE_OPEN", "ORIGIN_REQUEST")
    assert caller.admin("RefundService/CreateRefundCase", request) == opened
    everybody = {"parent": "companies/-", "state": "STATE_OPEN", "page_size": 1}
    waiting = [
        each
        for page in pages(caller, "RefundService/ListRefundCases", everybody)
        for each in page["refund_cases"]
        if each["name"].startswith(f"{name}/")
    ]
    assert [each["name"] for each in waiting] == [case, opened["name"]]
    assert (waiting[0]["carrier_code"], waiting[0]["delivered_count"], waiting[0]["total_count"]) == ("21", "1", "4")

    decision = {
        "verdict": "VERDICT_REFUND",
        "amount_micros": 75,
        "reason": "REFUND_REASON_PARTIAL_DELIVERY",
        "decided_by": "bob",
        "note": "So it is.",
    }
    decided = caller.admin("RefundService/DecideRefundCase", {"name": case, "decision": decision})
    assert (decided["state"], decided["refund_transaction"]) == ("STATE_REFUNDED", f"{name}/transactions/6")
    assert caller.admin("RefundService/DecideRefundCase", {"name": case, "decision": decision}) == decided
    reject = {"verdict": "VERDICT_REJECT", "decided_by": "bob"}
    rejected = caller.admin("RefundService/DecideRefundCase", {"name": opened["name"], "decision": reject})
    assert (rejected["state"], rejected["decision"]["decided_by"]) == ("STATE_REJECTED", "bob")
    assert caller.admin("RefundService/GetRefundCase", {"name": opened["name"]}) == rejected
    otherwise = caller.run(
        "admin", f"{ADMIN}.RefundService/DecideRefundCase", body=json.dumps({"name": case, "decision": reject})
    )
    assert "REFUND_CASE_DECIDED" in otherwise.stderr


def test_a_top_up_has_its_receipt_and_a_month_its_statement(caller: Caller) -> None:
    name = "companies/documented"
    company = {"display_name": "A shop", "currency_code": "EUR"}
    caller.admin("CompanyService/CreateCompany", {"company_id": "documented", "company": company})
    assert caller.admin("DocumentService/GetSeller", {"name": "seller"})["number_prefix"] == "VC"
    buyer = {
        "name": f"{name}/billingProfile",
        "legal_name": "Café Zażółć",
        "tax_treatment": "TAX_TREATMENT_INCLUDED",
        "tax_rate_basis_points": 1900,
        "tax_label": "VAT",
    }
    profile = caller.admin("DocumentService/UpdateBillingProfile", {"billing_profile": buyer})
    assert caller.admin("DocumentService/GetBillingProfile", {"name": buyer["name"]}) == profile
    seller = {"legal_name": "Velo Connect", "address_lines": ["Radweg 1"]}
    assert caller.admin("DocumentService/UpdateSeller", {"seller": seller})["name"] == "seller"

    top_up = {"amount_micros": 119_000_000, "currency_code": "EUR", "method": "METHOD_MANUAL"}
    asked = {"parent": name, "idempotency_key": "wire-1", "top_up": top_up}
    caller.admin("TopUpService/CreateTopUp", asked)
    receipt = caller.admin("DocumentService/GetReceipt", {"name": f"{name}/receipts/1"})
    assert re.fullmatch(r"VC-\d{4}-\d{6}", receipt["number"])
    assert (receipt["net_amount_micros"], receipt["tax_amount_micros"]) == ("100000000", "19000000")
    assert (receipt["seller"]["legal_name"], receipt["buyer"]["legal_name"]) == ("Velo Connect", "Café Zażółć")
    assert caller.admin("DocumentService/ListReceipts", {"parent": name})["receipts"] == [receipt]
    found = {"parent": "companies/-", "number": receipt["number"]}
    assert caller.admin("DocumentService/ListReceipts", found)["receipts"] == [receipt]
    pdf = caller.admin("DocumentService/GetReceiptPdf", {"name": receipt["name"]})
    assert (pdf["file_name"], pdf["content_type"]) == (f"{receipt['number']}.pdf", "application/pdf")
    assert b64decode(pdf["content"]).startswith(b"%PDF-")

    charge = {"company": name, "idempotency_key": "sms-1", "usage": SMS, "amount_micros": 9_000_000}
    created = caller.charging("ChargingService/Charge", charge)["transaction"]["create_time"]
    month = {"name": f"{name}/statements/{created[:7]}"}
    statement = caller.admin("DocumentService/GetStatement", month)
    assert (statement["top_up_micros"], statement["charged_micros"]) == ("119000000", "9000000")
    assert (statement["opening_balance_micros"], statement["closing_balance_micros"]) == ("0", "110000000")
    assert (statement["provisional"], statement["last_transaction"]) == (True, f"{name}/transactions/2")
    assert [(line["country_code"], line["spent_micros"]) for line in statement["usage"]] == [("DE", "9000000")]
    written = caller.admin("DocumentService/GetStatementPdf", month)
    assert written["file_name"] == f"documented-{created[:7]}.pdf"
    assert b64decode(written["content"]).startswith(b"%PDF-")


def now() -> str:
    """Return the present time as JSON has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def through(caller: Caller, job: str) -> Any:
    """Return a refund job when it has ended."""

    def ended() -> Any:
        found = caller.admin("RefundService/GetRefundJob", {"name": job})
        return None if found["state"] == "STATE_RUNNING" else found

    return wait_until(ended, poll_seconds=POLL_SECONDS)


def test_a_number_is_rented_changed_and_given_back(caller: Caller) -> None:
    name = fund(caller, "renting", 10_000_000)
    terms = {
        "display_name": "Hotline",
        "usage": {"channel": "CHANNEL_PHONE_NUMBER", "destination": "+493012345678"},
        "amount_micros": 4_000_000,
        "period": {"unit": "UNIT_MONTH", "count": 1},
    }
    request = {"parent": name, "subscription_id": "hotline", "subscription": terms}
    made = caller.admin("SubscriptionService/CreateSubscription", request)
    assert (made["state"], made["charged_period_count"], made["grace_period"]) == ("STATE_ACTIVE", "1", "604800s")
    assert made["next_charge_time"] == made["current_period_end_time"] > made["current_period_start_time"]
    assert made["usage"]["destination"] == "+493012345678", "it prices the next period too"
    assert caller.admin("SubscriptionService/CreateSubscription", request) == made
    assert caller.admin("SubscriptionService/GetSubscription", {"name": made["name"]}) == made
    charged = caller.admin("TransactionService/GetTransaction", {"name": made["last_transaction"]})
    assert (charged["amount_micros"], charged["idempotency_key"]) == ("-4000000", "~sub:hotline:1")
    assert (charged["usage"]["channel"], charged["usage"]["destination"]) == ("CHANNEL_PHONE_NUMBER", "DE")
    listed = {"parent": name, "filter": {"channel": "CHANNEL_PHONE_NUMBER"}}
    assert caller.admin("TransactionService/ListTransactions", listed)["transactions"] == [charged]

    dear = {"parent": name, "subscription_id": "dear", "subscription": {**terms, "amount_micros": 7_000_000}}
    refused = caller.run("admin", f"{ADMIN}.SubscriptionService/CreateSubscription", body=json.dumps(dear))
    assert refused.returncode == EXIT_BASE + FAILED_PRECONDITION
    assert '"reason":"INSUFFICIENT_FUNDS"' in refused.stderr
    pending = {"parent": name, "state": "STATE_PENDING"}
    (dear_one,) = caller.admin("SubscriptionService/ListSubscriptions", pending)["subscriptions"]
    assert (dear_one["decline_reason"], dear_one["next_charge_time"]) == ("INSUFFICIENT_FUNDS", None)

    changed = {**made, "usage": {**made["usage"], "quantity": "2"}, "amount_micros": "8000000"}
    updated = caller.admin("SubscriptionService/UpdateSubscription", {"subscription": changed})
    assert updated == changed
    ending = caller.admin("SubscriptionService/CancelSubscription", {"name": made["name"], "at_period_end": True})
    assert (ending["state"], ending["cancel_at_period_end"], ending["next_charge_time"]) == ("STATE_ACTIVE", True, None)
    assert caller.admin("SubscriptionService/ResumeSubscription", {"name": made["name"]}) == updated
    ended = caller.admin("SubscriptionService/CancelSubscription", {"name": made["name"]})
    assert ended["state"] == "STATE_CANCELED"
    found = [
        each["name"]
        for page in pages(caller, "SubscriptionService/ListSubscriptions", {"parent": name, "page_size": 1})
        for each in page["subscriptions"]
    ]
    assert found == [made["name"], dear_one["name"]]


def test_a_rebuilt_wallet_is_the_same_and_the_ledger_verifies(caller: Caller) -> None:
    name = fund(caller, "rebuilt", 500)
    hold = {"company": name, "idempotency_key": "hold", "usage": SMS, "amount_micros": 200}
    caller.charging("ChargingService/Authorize", hold)
    before = caller.charging("ChargingService/GetWallet", {"name": f"{name}/wallet"})
    assert caller.admin("LedgerService/RebuildWallet", {"name": f"{name}/wallet"}) == before
    assert amounts(before) == (500, 200, 300)
    void = {"authorization": f"{name}/authorizations/hold", "idempotency_key": "void"}
    assert caller.charging("ChargingService/Void", void)["state"] == "STATE_VOIDED"

    verdict = caller.admin("LedgerService/VerifyLedger", {})
    assert verdict["ok"] is True
    assert (verdict["problems"], verdict["problems_found"]) == ([], "0")
    for counted in ("wallets_checked", "transactions_checked", "hot_wallets_checked"):
        assert int(verdict[counted]) >= 1


def test_a_webhook_is_set_tried_and_taken_away(caller: Caller) -> None:
    name = fund(caller, "hooked", 1_000)
    webhook = {"name": f"{name}/webhook", "url": "https://hooked.example/", "state": "STATE_DISABLED"}
    made = caller.admin("WebhookService/UpdateWebhook", {"webhook": webhook})
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["state"], made["event_types"]) == (webhook["url"], "STATE_DISABLED", [])
    read = caller.admin("WebhookService/GetWebhook", {"name": webhook["name"]})
    assert read == {**made, "secret": ""}, "it is shown once"
    changed = caller.admin(
        "WebhookService/UpdateWebhook",
        {
            "webhook": {"name": webhook["name"], "event_types": ["balance.warning"]},
            "update_mask": {"paths": ["event_types"]},
        },
    )
    assert (changed["event_types"], changed["url"], changed["secret"]) == (["balance.warning"], webhook["url"], "")
    rotated = caller.admin("WebhookService/RotateWebhookSecret", {"name": webhook["name"]})
    assert rotated["secret"] not in ("", made["secret"])
    assert rotated["previous_secret_expire_time"] > rotated["update_time"]

    tried = caller.admin("WebhookService/SendTestEvent", {"name": webhook["name"]})
    assert (tried["type"], tried["delivery_state"]) == ("webhook.test", "DELIVERY_STATE_WAITING")
    assert tried["data"] == {"message": "This is a test."}
    assert caller.admin("WebhookService/GetEvent", {"name": tried["name"]}) == tried
    again = caller.admin("WebhookService/RedeliverEvent", {"name": tried["name"]})
    assert (again["name"], again["delivery_state"]) == (tried["name"], "DELIVERY_STATE_WAITING")
    second = caller.admin("WebhookService/SendTestEvent", {"name": webhook["name"]})
    page = caller.admin("WebhookService/ListEvents", {"parent": name, "page_size": 1})
    assert [event["name"] for event in page["events"]] == [second["name"]]
    rest = caller.admin("WebhookService/ListEvents", {"parent": name, "page_token": page["next_page_token"]})
    assert tried["name"] in [event["name"] for event in rest["events"]]
    assert caller.admin("WebhookService/DeleteWebhook", {"name": webhook["name"]}) == {}
    waiting = {"parent": name, "delivery_state": "DELIVERY_STATE_WAITING"}
    assert caller.admin("WebhookService/ListEvents", waiting)["events"] == []


def test_readme_and_banner_work_as_they_are_printed_one_after_the_other(
    caller: Caller, stack: Stack, clone: Path
) -> None:
    """The lines of README and of `make run` are the same requests under the same keys; the guide to prices follows."""
    blocks = blocks_of(README, stack)
    (first_charge,) = [body for language, body in blocks if not language and "grpcurl" in body]
    (prices,) = [body for _, body in blocks_of(BACK_OFFICE, stack) if "rates import" in body]
    company, top_up, charge = documents(shell(first_charge, clone))
    assert (company["name"], company["display_name"]) == ("companies/acme", "Acme")
    assert (top_up["transaction"], top_up["balance_after_micros"]) == ("companies/acme/transactions/1", "50000000")
    assert charge["transaction"]["name"] == "companies/acme/transactions/2"
    assert charge["transaction"]["balance_after_micros"] == "49925000"

    create, *others = [line for line in banner(stack).splitlines() if "grpcurl" in line]
    refused = subprocess.run(
        ["bash", "-c", create], capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
    )
    assert refused.returncode == EXIT_BASE + ALREADY_EXISTS, refused.stderr
    top_up_again, charge_again, wallet = (documents(shell(line, Path.cwd()))[0] for line in others)
    assert top_up_again == top_up
    assert charge_again == charge
    assert (wallet["name"], wallet["balance_micros"]) == ("companies/acme/wallet", "49925000")

    (program,) = [body for language, body in blocks if language == "python"]
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
        cwd=clone,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "companies/acme/transactions/3 49850000\n", "")

    authorized = next(line for line in first_charge.splitlines() if line.startswith("export AUTH"))
    port = stack.admin_address.rpartition(":")[2]
    priced = shell(f"{authorized}\nexport ADMIN_PORT={port}\n{prices}", clone)
    changed, quoted = documents(priced[priced.index("{") :])
    assert changed["rate_card"] == "rateCards/standard"
    assert quoted["amount_micros"] == "225000"
    assert quoted["price"]["explanation"] == "3 segments at 0.075 EUR a segment = 0.225 EUR"
    assert quoted["price"]["explanation"] in BACK_OFFICE.read_text()


def test_the_banner_works_as_it_is_printed_on_a_fresh_service(caller: Caller, stack: Stack) -> None:
    """With a company that does not exist yet, in place of the one that README makes."""
    lines = [line.replace("acme", "banner") for line in banner(stack).splitlines() if "grpcurl" in line]
    company, top_up, charge, wallet = (documents(shell(line, Path.cwd()))[0] for line in lines)
    assert company["billing_email"] == "billing@banner.example"
    assert (top_up["amount_micros"], charge["transaction"]["amount_micros"]) == ("50000000", "-75000")
    assert wallet["available_micros"] == "49925000"


def blocks_of(page: Path, stack: Stack) -> list[tuple[str, str]]:
    """Return the blocks of a page, each with its language, with the stack's ports in place of the usual ones."""
    text = page.read_text()
    for usual, here in (("127.0.0.1:50051", stack.charging_address), ("127.0.0.1:50052", stack.admin_address)):
        text = text.replace(usual, here)
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell(commands: str, directory: Path) -> str:
    """Run commands as they would be pasted, in a directory; every one must succeed."""
    done = subprocess.run(
        ["bash", "-ec", commands],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
        cwd=directory,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def documents(text: str) -> list[Any]:
    """Return the JSON documents that stand one after the other in a text."""
    found, rest = [], text.strip()
    while rest:
        document, end = JSONDecoder().raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def pages(caller: Caller, method: str, request: Mapping[str, Any]) -> Iterator[Any]:
    """Follow a list to its end."""
    token = ""
    while True:
        page = caller.admin(method, {**request, "page_token": token})
        yield page
        token = page["next_page_token"]
        if not token:
            return
