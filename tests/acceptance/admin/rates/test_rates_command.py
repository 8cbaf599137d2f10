"""`python -m admin rates` as an operator runs it, against a running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import Stack
from tests.support.clients import Clients
from tests.support.command import Command
from tests.support.paths import DECKS
from veloconnect.admin.v1 import rate_pb2

VOICE = ("--channel", "voice", "--currency", "USD")


@pytest.fixture(scope="module")
def rates(stack: Stack, clone: Path) -> Command:
    return Command("rates", stack, clone)


@pytest.fixture(scope="module")
def clients(stack: Stack) -> Iterator[Clients]:
    with Clients.of(stack) as opened:
        yield opened


def deck(name: str) -> str:
    return str(DECKS / f"{name}.csv")


def test_an_import_prints_its_changes(rates: Command, tmp_path: Path) -> None:
    assert rates.lines("import", deck("voice"), "--card", "cli", *VOICE) == [
        "Imported 10 rows: rateCards/cli is at version 1 and has 10 rates.",
        "  10 added, 0 changed, 0 removed, 0 unchanged",
    ]
    dearer = tmp_path / "dearer.csv"
    dearer.write_bytes(Path(deck("voice")).read_bytes().replace(b"0.0200", b"0.0300").replace(b"0.1800", b"0.09"))
    expected = [
        "  0 added, 2 changed, 0 removed, 8 unchanged",
        "The biggest changes of price:",
        "     -50.0 %  0.18 → 0.09  voice.+1876  Jamaica",
        "     +50.0 %  0.02 → 0.03  voice.+49  Germany",
    ]
    preview = rates.lines("import", str(dearer), "--card", "rateCards/cli", *VOICE, "--validate-only")
    assert preview == ["Not imported. The deck has 10 rows, and would change this:", *expected]
    done = rates.lines("import", str(dearer), "--card", "cli", "--channel", "voice")
    assert done == ["Imported 10 rows: rateCards/cli is at version 2 and has 10 rates.", *expected]


def test_a_refused_deck_is_reported_by_row(rates: Command, clients: Clients) -> None:
    for more in ([], ["--validate-only"]):
        done = rates("import", deck("bad"), "--card", "refused", *VOICE, *more)
        assert done.returncode == 1
        assert [line.split()[:3] for line in done.stdout.splitlines()] == [
            ["line", "3", "prefix"],
            ["line", "4", "rate"],
            ["line", "6", "rate"],
            ["line", "8", "rate"],
            ["line", "9", "increments"],
        ]
        assert 'line 4  rate        "free" is not an amount' in done.stdout
        assert done.stderr == "Not imported: 5 of 8 rows are bad, so nothing has changed.\n"
    missing = rate_pb2.GetRateCardRequest(name="rateCards/refused")
    assert clients.refused(clients.rates.GetRateCard, missing).reason == "RATE_CARD_NOT_FOUND"


def test_an_exported_card_is_imported_unchanged(rates: Command, tmp_path: Path) -> None:
    rates.lines("import", deck("voice"), "--card", "round", *VOICE)
    rates.lines("import", deck("messaging"), "--card", "round", "--column", "destination=description")
    file = tmp_path / "round.csv"
    assert rates.lines("export", "--card", "round", "--output", str(file)) == []
    whole = file.read_text()
    assert whole.splitlines() == rates.lines("export", "--card", "round")
    assert len(whole.splitlines()) == 17
    assert rates.lines("import", str(file), "--card", "round")[1] == "  0 added, 0 changed, 0 removed, 16 unchanged"
    assert rates.lines("import", str(file), "--card", "again", "--currency", "USD")[1].startswith("  16 added")
    assert len(rates.lines("export", "--card", "round", "--channel", "whatsapp")) == 4


def test_quote_prints_amount_and_explanation(rates: Command) -> None:
    rates.lines("import", deck("voice"), "--card", "quote-cli", *VOICE)
    amount, why = rates.lines(
        "quote",
        "--card",
        "quote-cli",
        "--channel",
        "voice",
        "--destination",
        "+4915112345678",
        "--quantity",
        "205",
    )
    assert amount == "0.094 USD"
    assert why.startswith(
        "rateCards/quote-cli/rates/voice.+4915, version 1: 210 s billed (205 s used, 30/6) at 0.024 USD"
    )


def test_a_deck_begins_at_its_effective_time(rates: Command, clients: Clients) -> None:
    rates.lines("import", deck("voice"), "--card", "later", *VOICE, "--effective", "2099-01-01T12:00:00Z")
    request = rate_pb2.ListRatesRequest(parent="rateCards/later", page_size=1)
    (rate,) = clients.call(clients.rates.ListRates, request).rates
    assert rate.effective_time.ToJsonString() == "2099-01-01T12:00:00Z"
    quote = ("quote", "--card", "later", "--channel", "voice", "--destination", "DE")
    assert rates.failed(*quote).endswith("(RATE_NOT_FOUND)")


def test_errors_are_one_sentence(rates: Command, stack: Stack, tmp_path: Path) -> None:
    voice = ("import", deck("voice"), "--card", "wrong", "--channel", "voice")
    assert rates.failed(*voice) == (
        "Error: There is no rate card wrong. Check the name, or create it with RateService.CreateRateCard."
        " (RATE_CARD_NOT_FOUND)"
    )
    assert "(INVALID_REQUEST)" in rates.failed(*voice, "--currency", "XXX")
    assert "may be day/month or month/day" in rates.failed(*voice, "--effective", "01/02/2027")
    assert "price is not a field; the fields are prefix" in rates.failed(*voice, "--column", "price=rate")
    assert 'written as in rate="Your price"' in rates.failed(*voice, "--column", "rate")
    assert "Name either a --card" in rates.failed("quote", "--channel", "voice")
    assert "`make run` leaves the token" in rates.failed(*voice, "--token-file", str(tmp_path / "none"))
    wrong = tmp_path / "token"
    wrong.write_text("x" * 43 + "\n")
    assert "(UNAUTHENTICATED)" in rates.failed(*voice, "--token-file", str(wrong))
    assert "127.0.0.1:1: no service answers there" in rates.failed(*voice, "--target", "127.0.0.1:1")
    assert "127.0.0.1:1: no service answers there" in rates.failed(*voice, ADMIN_PORT="1")
    assert "no service answers there" in rates.failed(*voice, "--tls")
    output = tmp_path / "out.csv"
    assert rates.failed("export", "--card", "never", "--output", str(output)).endswith("(RATE_CARD_NOT_FOUND)")
    assert not output.exists()
