"""Notices: what a company is told, as an event for its programs and a mail for its people."""
