"""Companies: create, read, update, suspend and close them."""
