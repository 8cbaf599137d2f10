"""Rate decks in CSV: read from whatever spreadsheets and carriers write, written as it is read.

What is not certain is refused, never guessed: a wrong price is charged a million times before anybody sees it.
"""
