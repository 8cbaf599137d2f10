"""Paths of the repository, and of the files in it that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECKS = Path(__file__).parent / "decks"
LARGE_DECK = ROOT.parent / "shared" / "data" / "voice-rate-deck.csv"
"""A real carrier's deck, where it lies beside the checkout."""
