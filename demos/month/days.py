"""The month, day by day."""

import time
from pathlib import Path

from demos.half_minute.books import PROBLEMS_MAX
from demos.half_minute.gateways.answers import Declined, Refused
from demos.half_minute.money import MICROS
from demos.month import (
    auto_top_ups,
    checks,
    month_end,
    onboarding,
    payments,
    refunds,
    rented_numbers,
    traffic,
)
from demos.month.clients import Clients
from demos.month.demo import DISPLAY_NAME, Stage, described
from demos.month.prices import Sold
from demos.month.service import Service

FIRST = 50 * MICROS
SAVED, TOO_MUCH = 30 * MICROS, 10 * MICROS
ANNOUNCED, ARRIVED = 250 * MICROS, 240 * MICROS
NEARLY_NOTHING = 12 * MICROS
DUE_SECONDS = 3.0
RECEIPTS = 8
"""Of five top-ups (the first, the transfer, by the saved card, two automatic ones), and of what took money back to the
card, was charged back, and was won."""


def play(service: Service, output: Path) -> int:
    """Play, and return 0 if everything adds up, else 1."""
    began = time.monotonic()
    print(
        f"A month of {DISPLAY_NAME}, by calls as gateways, shop front and back office make them. The days are the "
        "story's: a month's\nvolume is played in about a minute, the ledger has the real time, and nothing is sent to "
        "anybody outside of this machine.\n"
    )
    with Clients(service.stack) as clients:
        stage = Stage(service, clients)
        try:
            _first_half(stage)
            _second_half(stage)
            return _close(stage, service, output, began)
        except (Refused, Declined) as refusal:
            print(f"The month stopped: {refusal}")
            return 1


def _first_half(stage: Stage) -> None:
    stage.day(1, "The company begins")
    onboarding.import_prices(stage)
    onboarding.make_company(stage)
    onboarding.set_refund_policy(stage)
    payments.pay_first(stage, FIRST)
    stage.day(2, "A number for the phone")
    rented_numbers.rent(stage)
    rented_numbers.book_for_later(stage, DUE_SECONDS)
    stage.day(3, "The first campaign")
    traffic.text_below(stage, "opening", Sold.SMS_GERMANY, onboarding.WARNING)
    stage.mail("running low")
    payments.suggest(stage)
    stage.day(5, "A transfer")
    payments.pay_by_transfer(stage, "transfer-1", ANNOUNCED, ARRIVED)
    rented_numbers.see_one_charged(stage)
    stage.say_balance()
    stage.day(8, "WhatsApp and calls")
    traffic.market(stage, "pretzels", 100, 96)
    traffic.call(stage)
    stage.day(12, "More by card")
    payments.pay_by_saved_card(stage, "more", SAVED)
    payments.refund_to_card(stage, "more-back", "more", TOO_MUCH)
    stage.say_balance()


def _second_half(stage: Stage) -> None:
    stage.day(14, "A large campaign, and an outage")
    traffic.text(stage, "summer", Sold.SMS_GERMANY, 800)
    traffic.text(stage, "ete", Sold.SMS_FRANCE, 600)
    refunds.refund_outage(stage, "ete")
    stage.day(16, "What was not delivered")
    refunds.decide(stage, refunds.report_deliveries(stage))
    refunds.adjust(stage)
    stage.say_balance()
    stage.day(20, "Money in by itself")
    auto_top_ups.make_rule(stage)
    crossing = traffic.text_below(stage, "autumn", Sold.SMS_GERMANY, auto_top_ups.THRESHOLD)
    auto_top_ups.see_it_fire(stage, crossing)
    stage.mail("first automatic top-up")
    stage.day(23, "A card that is declined")
    auto_top_ups.use_declined_card(stage, stage.secrets["first"])
    traffic.text_below(stage, "winter", Sold.SMS_GERMANY, auto_top_ups.THRESHOLD)
    auto_top_ups.see_it_declined(stage)
    traffic.text_below(stage, "last-call", Sold.SMS_GERMANY, NEARLY_NOTHING)
    stage.mail("top up now")
    stage.say_balance()
    auto_top_ups.use_good_card(stage)
    stage.day(27, "A number that is too dear")
    rented_numbers.see_one_past_due(stage)
    stage.day(28, "A chargeback")
    payments.charge_back(stage, "first", FIRST)
    stage.day(30, "It is won")
    payments.win_back(stage, "first", FIRST)
    auto_top_ups.resume(stage)
    stage.say_balance()


def _close(stage: Stage, service: Service, output: Path, began: float) -> int:
    """Show what is left of the month, and judge it."""
    receipts = month_end.save_receipts(stage, output, RECEIPTS)
    months = month_end.save_months(stage, output)
    usage = month_end.read_usage(stage)
    events = month_end.read_events(stage)
    month_end.show_mails(stage, output)
    statement = month_end.save_statement(stage, output)
    problems, rows = checks.check_ledger(stage)
    problems += checks.check_statement(stage.books, statement, rows)
    problems += checks.check_documents(stage.books, months, receipts, usage, rows)
    problems += checks.check_told(service, events)
    print()
    if problems:
        print(f"Books: WRONG, {len(problems)} problem(s)")
        for problem in problems[:PROBLEMS_MAX]:
            print(f"  {problem}")
    else:
        print(
            f"Books: OK. The demo reckoned each of {len(rows):,} transactions by itself, and wallet, CSV, months, "
            "receipts and usage come to the same, to the micro."
        )
    print(f"Wallet: {described(stage.wallet())}")
    words, is_good = checks.verify_ledger(stage)
    print(words)
    print(f"Played in {time.monotonic() - began:.0f} s; all files are in {output}")
    return 0 if is_good and not problems else 1
