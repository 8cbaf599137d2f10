"""The days of the month, in order."""

import time
from pathlib import Path

from demos.half_minute.books import PROBLEMS_MAX
from demos.half_minute.gateways.answers import Declined, DemoFailed
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
from demos.month.demo import DISPLAY_NAME, Demo, wallet_text
from demos.month.prices import Product
from demos.month.service import Service

FIRST = 50 * MICROS
SAVED, TOO_MUCH = 30 * MICROS, 10 * MICROS
ANNOUNCED, ARRIVED = 250 * MICROS, 240 * MICROS
NEARLY_NOTHING = 12 * MICROS
DUE_SECONDS = 3.0
RECEIPTS = 8
"""Of five top-ups (the first, the transfer, by the saved card, two automatic ones), of the refund to the card, of the
chargeback, and of the dispute that was won."""


def run(service: Service, output: Path) -> int:
    """Run the month; return 0 if all books agree and VerifyLedger finds nothing, else 1."""
    began = time.monotonic()
    print(
        f"A month of {DISPLAY_NAME}, with the calls of gateways, shop front and back office. The days are a "
        "story: the volume of a\nmonth takes about a minute, the ledger has the real time, and nothing leaves "
        "this machine.\n"
    )
    with Clients(service.stack) as clients:
        demo = Demo(service, clients)
        try:
            _first_half(demo)
            _second_half(demo)
            return _close(demo, service, output, began)
        except (DemoFailed, Declined) as error:
            print(f"The month stopped: {error}")
            return 1


def _first_half(demo: Demo) -> None:
    demo.day(1, "The company begins")
    onboarding.import_prices(demo)
    onboarding.make_company(demo)
    onboarding.set_refund_policy(demo)
    payments.pay_first(demo, FIRST)
    demo.day(2, "A number for the phone")
    rented_numbers.rent(demo)
    rented_numbers.book_for_later(demo, DUE_SECONDS)
    demo.day(3, "The first campaign")
    traffic.send_sms_until_below(demo, "opening", Product.SMS_GERMANY, onboarding.WARNING)
    demo.mail("running low")
    payments.show_suggestions(demo)
    demo.day(5, "A transfer")
    payments.pay_by_transfer(demo, "transfer-1", ANNOUNCED, ARRIVED)
    rented_numbers.expect_charge(demo)
    demo.say_balance()
    demo.day(8, "WhatsApp and calls")
    traffic.send_whatsapp(demo, "pretzels", 100, 96)
    traffic.make_calls(demo)
    demo.day(12, "More by card")
    payments.pay_by_saved_card(demo, "more", SAVED)
    payments.refund_to_card(demo, "more-back", "more", TOO_MUCH)
    demo.say_balance()


def _second_half(demo: Demo) -> None:
    demo.day(14, "A large campaign, and an outage")
    traffic.send_sms(demo, "summer", Product.SMS_GERMANY, 800)
    traffic.send_sms(demo, "ete", Product.SMS_FRANCE, 600)
    refunds.refund_outage(demo, "ete")
    demo.day(16, "What was not delivered")
    refunds.decide(demo, refunds.report_deliveries(demo))
    refunds.adjust(demo)
    demo.say_balance()
    demo.day(20, "Automatic top-ups")
    auto_top_ups.make_rule(demo)
    crossing = traffic.send_sms_until_below(demo, "autumn", Product.SMS_GERMANY, auto_top_ups.THRESHOLD)
    auto_top_ups.expect_top_up(demo, crossing)
    demo.mail("first automatic top-up")
    demo.day(23, "A card that is declined")
    auto_top_ups.use_declined_card(demo, demo.secrets["first"])
    traffic.send_sms_until_below(demo, "winter", Product.SMS_GERMANY, auto_top_ups.THRESHOLD)
    auto_top_ups.expect_decline(demo)
    traffic.send_sms_until_below(demo, "last-call", Product.SMS_GERMANY, NEARLY_NOTHING)
    demo.mail("top up now")
    demo.say_balance()
    auto_top_ups.use_good_card(demo)
    demo.day(27, "A number that is too dear")
    rented_numbers.expect_past_due(demo)
    demo.day(28, "A chargeback")
    payments.charge_back(demo, "first", FIRST)
    demo.day(30, "It is won")
    payments.win_back(demo, "first", FIRST)
    auto_top_ups.resume(demo)
    demo.say_balance()


def _close(demo: Demo, service: Service, output: Path, began: float) -> int:
    """Print and save the records of the month, and compare them with the books."""
    receipts = month_end.save_receipts(demo, output, RECEIPTS)
    months = month_end.save_months(demo, output)
    usage = month_end.read_usage(demo)
    events = month_end.read_events(demo)
    month_end.show_mails(demo, output)
    statement = month_end.save_statement(demo, output)
    problems, rows = checks.check_ledger(demo)
    problems += checks.check_statement(demo.books, statement, rows)
    problems += checks.check_documents(demo.books, months, receipts, usage, rows)
    problems += checks.check_notifications(service, events)
    print()
    if problems:
        print(f"Books: WRONG, {len(problems)} problem(s)")
        for problem in problems[:PROBLEMS_MAX]:
            print(f"  {problem}")
    else:
        print(
            f"Books: OK. The demo calculated each of {len(rows):,} transactions itself; wallet, CSV, months, "
            "receipts and usage agree with it to the micro."
        )
    print(f"Wallet: {wallet_text(demo.wallet())}")
    result, is_good = checks.verify_ledger(demo)
    print(result)
    print(f"Played in {time.monotonic() - began:.0f} s; all files are in {output}")
    return 0 if is_good and not problems else 1
