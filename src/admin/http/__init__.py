"""The back office over HTTP: downloads for people, and what providers of ours call."""
