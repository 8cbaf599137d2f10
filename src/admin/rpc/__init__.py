"""Shared parts of servicers: field masks, pages, limits on concurrent calls."""
