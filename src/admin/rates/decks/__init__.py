"""Rate decks in CSV: read as spreadsheets and carriers write them, and written so that they can be read again.

Ambiguous values are refused, never guessed: a wrong price is charged a million times before a person notices it.
"""
