"""The back office over HTTP: downloads for people, and webhooks that providers call."""
