"""Decks as texts for tests, read into rates or refusals."""

from admin.rates.decks.reader import BadRow, Deck, DeckSettings, read_deck
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel

NOW = 1_790_000_000_000_000
VOICE = DeckSettings(channel=Channel.VOICE)


def read(text: str | bytes, settings: DeckSettings = VOICE) -> Deck:
    """Read a deck."""
    return read_deck(text.encode() if isinstance(text, str) else text, settings, now=NOW)


def rates(text: str | bytes, settings: DeckSettings = VOICE) -> list[Rate]:
    """Return the rates of a deck without bad rows."""
    deck = read(text, settings)
    assert (deck.bad_rows, deck.bad_rows_found) == ([], 0)
    assert deck.rows == len(deck.rates)
    return deck.rates


def rate(row: str, headers: str = "prefix,rate", settings: DeckSettings = VOICE) -> Rate:
    """Return the rate of a deck with one row."""
    (one,) = rates(f"{headers}\n{row}\n", settings)
    return one


def refusal(text: str | bytes, settings: DeckSettings = VOICE) -> BadRow:
    """Return the only bad row of a deck."""
    deck = read(text, settings)
    assert deck.rates == []
    assert deck.bad_rows_found == 1
    return deck.bad_rows[0]
