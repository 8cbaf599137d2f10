"""Companies: create, read, update, suspend, resume and close them."""
